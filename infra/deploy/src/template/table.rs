//! The table of devices, decisions, messages and accounts.

use serde_json::json;

use super::part::Part;

pub(super) fn part() -> Part {
    let attributes = [("pk", "S"), ("sk", "S"), ("shard", "N"), ("due", "N")];
    let part = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let key = |hash: &str, range: &str| json!([part(hash, "HASH"), part(range, "RANGE")]);
    let table = json!({
        "Type": "AWS::DynamoDB::Table",
        // The history outlives the stack. `RetainExceptOnCreate` would delete the table if the first deploy fails, but
        // its deletion protection refuses that, and the stack would end in ROLLBACK_FAILED. So a failed first deploy
        // may leave an empty table, which costs nothing and does not block the next deploy: its name is made anew.
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes.map(|(name, kind)| {
                json!({ "AttributeName": name, "AttributeType": kind })
            }),
            "KeySchema": key("pk", "sk"),
            "GlobalSecondaryIndexes": [{
                "IndexName": "due",
                "KeySchema": key("shard", "due"),
                "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["armed"] },
            }],
            "TimeToLiveSpecification": { "AttributeName": "expires", "Enabled": true },
            "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true },
            "DeletionProtectionEnabled": true,
        },
    });
    Part { about: "The table. It is kept when the stack is deleted", resources: vec![("Table", table)] }
}

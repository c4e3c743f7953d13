//! The table: devices, decisions, messages, accounts.

use serde_json::json;

use super::part::Part;

pub(super) fn part() -> Part {
    let attributes = [("pk", "S"), ("sk", "S"), ("shard", "N"), ("due", "N")];
    let key = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
    let table = json!({
        "Type": "AWS::DynamoDB::Table",
        // Whatever happens to the stack, what people were told is not lost. `RetainExceptOnCreate` would be tidier
        // where the very first deploy fails; but the table is protected by then, so that it could not be deleted and
        // the stack would end in ROLLBACK_FAILED. So an empty table may be left behind, which costs nothing and is in
        // nobody's way: its name is made for each stack.
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes.map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind })),
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

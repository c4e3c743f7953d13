//! The stack's secret, with the values of `env:NAME` in `rules/`.

use serde_json::json;

use super::{facts::Facts, part::Part};

pub(super) fn part(facts: &Facts) -> Part {
    let entries: Vec<&str> = facts.secrets.iter().map(String::as_str).collect();
    let about = match entries.as_slice() {
        [] => "Secrets that rules/ names as env:NAME, an entry each: none now".to_owned(),
        names => format!("Secrets that rules/ names as env:NAME, an entry each: {}", names.join(", ")),
    };
    // A description has at most 2,048 characters ("CreateSecret").
    let about: String = about.chars().take(2_000).collect();
    let secret = json!({
        "Type": "AWS::SecretsManager::Secret",
        // It is deleted if the first deploy fails, because it holds nothing yet.
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": format!("{about}. Set by `dag-infra secret set NAME`"),
            // The secret is a JSON object for more entries. Its first entry is random, and the stack signs tokens by
            // it.
            "GenerateSecretString": {
                "SecretStringTemplate": "{}",
                "GenerateStringKey": "DAG_TOKEN_KEY",
                "PasswordLength": 64,
                "ExcludePunctuation": true,
            },
        },
    });
    Part { about: "The stack's secret. It is kept when the stack is deleted", resources: vec![("Secret", secret)] }
}

//! The stack's secret: what `env:NAME` in `rules/` stands for.

use serde_json::json;

use super::{facts::Facts, part::Part};

pub(super) fn part(facts: &Facts) -> Part {
    let entries: Vec<&str> = facts.secrets.iter().map(String::as_str).collect();
    let about = match entries.as_slice() {
        [] => "Secrets that rules/ names as env:NAME, an entry each: none now".to_owned(),
        names => format!("Secrets that rules/ names as env:NAME, an entry each: {}", names.join(", ")),
    };
    // It has 2,048 characters at most.
    let about: String = about.chars().take(2_000).collect();
    let secret = json!({
        "Type": "AWS::SecretsManager::Secret",
        // Not where the very first deploy fails: what holds nothing yet would only be in the way.
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": format!("{about}. Set by `dag-infra secret set NAME`"),
            // An object, to which entries are added; one that nobody knows is in it from the beginning, for what is
            // signed by the stack itself.
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

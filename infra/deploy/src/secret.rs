//! The stack's secret: a JSON object with an entry for each name that `rules/` mentions. Values are never shown.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use dag_engine::SecretRef;
use serde_json::{Map, Value};

use crate::explain::explain;

/// The most bytes of a secret ("AWS Secrets Manager quotas").
const MOST_BYTES: usize = 65_536;

/// The label of the current version.
const CURRENT: &str = "AWSCURRENT";

/// The most attempts to write while others write, too.
const ATTEMPTS: u32 = 10;

const WRITING: &str = "writing the stack's secret";

/// Sets an entry and keeps the others, including those that somebody else sets at the same time: a new version becomes
/// the current one only if the version that it was made from still is.
pub(crate) async fn set(sdk: &SdkConfig, arn: &str, name: &str, value: &str) -> Result<()> {
    let client = Client::new(sdk);
    for _ in 0..ATTEMPTS {
        let (mut entries, before) = read(&client, arn).await?;
        entries.insert(name.to_owned(), value.into());
        let text = Value::Object(entries).to_string();
        if text.len() > MOST_BYTES {
            bail!(
                "the stack's secret would have {} bytes, and AWS takes {MOST_BYTES}: make the value shorter",
                text.len()
            );
        }
        let label = format!("dag-{}", uuid::Uuid::new_v4());
        let put = client.put_secret_value().secret_id(arn).secret_string(text).version_stages(&label).send().await;
        let put = put.map_err(|error| explain(WRITING, &error))?;
        let new = put.version_id.context("AWS does not say which version of the secret it wrote")?;
        let labelled = client.update_secret_version_stage().secret_id(arn).version_stage(CURRENT);
        let labelled = labelled.move_to_version_id(&new).remove_from_version_id(before).send().await;
        // AWS deletes a version without labels.
        let unlabel = client.update_secret_version_stage().secret_id(arn).version_stage(label);
        let _ = unlabel.remove_from_version_id(new).send().await;
        match labelled {
            Ok(_) => return Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_invalid_parameter_exception()) => {}
            Err(error) => return Err(explain(WRITING, &error)),
        }
    }
    bail!("others wrote the stack's secret {ATTEMPTS} times meanwhile: run the command again")
}

/// Returns the names of the entries.
pub(crate) async fn names(sdk: &SdkConfig, arn: &str) -> Result<BTreeSet<String>> {
    Ok(read(&Client::new(sdk), arn).await?.0.into_iter().map(|(name, _)| name).collect())
}

/// Returns the entries of the current version, and its id.
async fn read(client: &Client, arn: &str) -> Result<(Map<String, Value>, String)> {
    let got = client.get_secret_value().secret_id(arn).version_stage(CURRENT).send().await;
    let got = got.map_err(|error| explain("reading the stack's secret", &error))?;
    let version = got.version_id.context("AWS does not say which version of the secret counts")?;
    Ok((entries(got.secret_string.as_deref().unwrap_or("{}"))?, version))
}

/// Parses the entries. The error shows nothing of the text.
fn entries(text: &str) -> Result<Map<String, Value>> {
    let entries: Option<Map<String, Value>> = serde_json::from_str(text).ok();
    entries.context(
        "the stack's secret is not a JSON object: somebody wrote something else into it. Its older versions are in the \
         console of Secrets Manager",
    )
}

/// Returns every secret that a TOML file refers to, whatever its key is.
pub(crate) fn references(text: &str) -> BTreeSet<SecretRef> {
    fn collect(value: &toml::Value, found: &mut BTreeSet<SecretRef>) {
        match value {
            toml::Value::String(text) => found.extend(text.parse::<SecretRef>().ok()),
            toml::Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            toml::Value::Table(table) => table.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        table.values().for_each(|value| collect(value, &mut found));
    }
    found
}

/// Checks a name for use in `env:NAME`.
///
/// # Errors
/// No secret of the user can have this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !begins || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        bail!("`{name}` cannot be the name of a secret: letters, digits and `_`, no digit first, like NOR_HOOK_SECRET");
    }
    if name.starts_with("DAG_") {
        bail!(
            "`{name}` is one of detectordag's own: names that begin with `DAG_` stand for no secret of yours. Take \
             another"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_secret_and_bad_names_are_refused_without_showing_values() {
        insta::assert_snapshot!(entries("hunter2").unwrap_err(), @"the stack's secret is not a JSON object: somebody wrote something else into it. Its older versions are in the console of Secrets Manager");
        assert!(entries("{}").unwrap().is_empty());
        insta::assert_snapshot!(check_name("my-secret").unwrap_err(), @"`my-secret` cannot be the name of a secret: letters, digits and `_`, no digit first, like NOR_HOOK_SECRET");
        insta::assert_snapshot!(check_name("DAG_TOKEN_KEY").unwrap_err(), @"`DAG_TOKEN_KEY` is one of detectordag's own: names that begin with `DAG_` stand for no secret of yours. Take another");
        check_name("NOR_HOOK_SECRET").unwrap();
    }
}

//! The stack's secret: a JSON object with an entry for each name that `rules/` mentions. What is in it is never shown.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde_json::{Map, Value};

use crate::explain::explain;

/// A secret has so many bytes at most ("Secrets Manager quotas").
const MOST_BYTES: usize = 65_536;

/// Sets an entry and leaves the others as they are.
pub(crate) async fn set(sdk: &SdkConfig, arn: &str, name: &str, value: &str) -> Result<()> {
    let client = Client::new(sdk);
    let mut entries = read(&client, arn).await?;
    entries.insert(name.to_owned(), value.into());
    let text = Value::Object(entries).to_string();
    if text.len() > MOST_BYTES {
        bail!("the stack's secret would have {} bytes, and AWS takes {MOST_BYTES}: make the value shorter", text.len());
    }
    let put = client.put_secret_value().secret_id(arn).secret_string(text).send().await;
    put.map(drop).map_err(|error| explain("writing the stack's secret", &error))
}

/// The names of the entries.
pub(crate) async fn names(sdk: &SdkConfig, arn: &str) -> Result<BTreeSet<String>> {
    Ok(read(&Client::new(sdk), arn).await?.into_iter().map(|(name, _)| name).collect())
}

async fn read(client: &Client, arn: &str) -> Result<Map<String, Value>> {
    let got = client.get_secret_value().secret_id(arn).send().await;
    let got = got.map_err(|error| explain("reading the stack's secret", &error))?;
    entries(got.secret_string.as_deref().unwrap_or("{}"))
}

/// What is wrong with the text never shows any of it.
fn entries(text: &str) -> Result<Map<String, Value>> {
    let entries: Option<Map<String, Value>> = serde_json::from_str(text).ok();
    entries.context(
        "the stack's secret is not a JSON object: somebody wrote something else into it. Its older versions are in the \
         console of Secrets Manager",
    )
}

/// A name as `env:NAME` can have it.
///
/// # Errors
/// It could never be named so.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !begins || name.len() > 128 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        bail!("`{name}` cannot be the name of a secret: letters, digits and `_`, no digit first, like NOR_HOOK_SECRET");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_or_no_name_is_refused_without_showing_it() {
        insta::assert_snapshot!(entries("hunter2").unwrap_err(), @"the stack's secret is not a JSON object: somebody wrote something else into it. Its older versions are in the console of Secrets Manager");
        assert!(entries("{}").unwrap().is_empty());
        insta::assert_snapshot!(check_name("my-secret").unwrap_err(), @"`my-secret` cannot be the name of a secret: letters, digits and `_`, no digit first, like NOR_HOOK_SECRET");
        check_name("NOR_HOOK_SECRET").unwrap();
    }
}

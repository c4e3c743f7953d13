//! The Lambda function that the queues invoke. It receives records, and returns the ids of those that failed.
//!
//! Everything is built once, when the process starts. A wrong configuration ends the process then, with an explanation
//! in the log.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use dag_cloud::{
    Consumer, Record,
    aws::{self, Aws, StackEnvironment},
};
use dag_config::Config;
use dag_engine::Problems;
use dag_rulebook::{Rulebook, RulesFolder};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

/// The event of a queue's event source mapping.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    records: Vec<Message>,
}

/// A record of the event. Unused fields are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    approximate_receive_count: Option<String>,
}

/// The answer to the event source mapping (`ReportBatchItemFailures`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failures {
    batch_item_failures: Vec<FailedItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedItem {
    item_identifier: String,
}

impl From<Message> for Record {
    fn from(message: Message) -> Self {
        // A record with an unreadable count is treated as one that came before. That repeats a hand-over at most.
        let receives = message.attributes.approximate_receive_count.map_or(1, |count| count.parse().unwrap_or(2));
        Record { id: message.message_id, body: message.body, receives }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log();
    let consumer = match set_up().await {
        Ok(consumer) => consumer,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the consumer cannot start");
            return Err(format!("{error:#}").into());
        }
    };
    let consumer = &consumer;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Batch>| {
        let records: Vec<Record> = event.payload.records.into_iter().map(Record::from).collect();
        let failed = consumer.handle(&records).await;
        answer(records.len(), failed)
    }))
    .await
}

/// Returns the records that come again. If all of them failed, returns an error instead: they come again all the same,
/// and an alarm watches the errors of the function. Otherwise only the log would show a table that cannot be reached.
fn answer(records: usize, failed: Vec<String>) -> Result<Failures, String> {
    if records > 0 && failed.len() == records {
        return Err(format!("all {records} records failed: see the log"));
    }
    let failed = failed.into_iter().map(|id| FailedItem { item_identifier: id });
    Ok(Failures { batch_item_failures: failed.collect() })
}

async fn set_up() -> Result<Consumer<Aws>> {
    let environment = StackEnvironment::read(|name| env::var(name).ok())?;
    let root = root();
    let config = configuration(&root)?;
    let failure = |problems: Problems| anyhow::anyhow!("{problems}");
    let folder = RulesFolder::read(&root.join("rules")).map_err(|wrong| failure(Problems(wrong)))?;
    let rulebook = Rulebook::compile(folder, &config).map_err(failure)?;
    let aws = Aws::new(&aws::sdk(None).await, &environment, &config)?;
    tracing::info!(rules = %rulebook.engine.rules().hash(), root = %root.display(), "the consumer is ready");
    Ok(Consumer::new(aws, config, rulebook))
}

/// Returns the folder of `config.toml`: `DAG_ROOT`, or the folder of the function's package.
fn root() -> PathBuf {
    let named = ["DAG_ROOT", "LAMBDA_TASK_ROOT"].into_iter().find_map(env::var_os);
    named.map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn configuration(root: &Path) -> Result<Config> {
    let path = root.join("config.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    // The stack's own variables are no keys of the file.
    let ours = |name: &OsString| name.to_str().is_some_and(StackEnvironment::is_variable);
    let variables = env::vars_os().filter(|(name, _)| !ours(name));
    Config::parse(&text, &path, variables, &[]).map_err(|wrong| anyhow::anyhow!("{wrong}"))
}

/// Sets up the log: one JSON object per line on Lambda, and text elsewhere.
fn log() {
    let builder = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_target(false);
    let builder = builder.log_internal_errors(false).with_writer(std::io::stderr);
    if env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        // Lambda adds the time of each line.
        builder.json().flatten_event(true).with_ansi(false).init();
    } else {
        builder.init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_failed_as_a_whole_is_an_error_of_the_function() {
        let named = |answer: Result<Failures, String>| answer.map(|failures| failures.batch_item_failures.len());
        assert_eq!(named(answer(0, Vec::new())), Ok(0));
        assert_eq!(named(answer(2, Vec::new())), Ok(0));
        assert_eq!(named(answer(2, vec!["a".to_owned()])), Ok(1));
        assert!(answer(2, vec!["a".to_owned(), "b".to_owned()]).is_err());
    }
}

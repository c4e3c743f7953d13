//! The function that the queues call: records in, the ids of those that have to come again out.
//!
//! Everything is built once, when the process starts. What is wrong with the configuration ends it then, with what a person
//! needs to mend it in the log.

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
use dag_rulebook::{Folder, Rulebook};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

/// What the queue's mapping sends.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    #[serde(default)]
    records: Vec<Message>,
}

/// A record as the mapping has it; there is more in it.
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

/// What the mapping is answered (`ReportBatchItemFailures`).
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
        // A count that cannot be read may be of a record that came before: that costs a hand-over that was made already.
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

/// What the mapping is answered: the records that come again. All of them come again by an error, too; but that counts as one
/// of the function, which an alarm watches, and a table that cannot be reached would else show nowhere but in the log.
fn answer(records: usize, failed: Vec<String>) -> Result<Failures, String> {
    if records > 0 && failed.len() == records {
        return Err(format!("none of {records} records could be taken: the log says why"));
    }
    let failed = failed.into_iter().map(|id| FailedItem { item_identifier: id });
    Ok(Failures { batch_item_failures: failed.collect() })
}

async fn set_up() -> Result<Consumer<Aws>> {
    let environment = StackEnvironment::read(|name| env::var(name).ok())?;
    let root = root();
    let config = configuration(&root)?;
    let said = |problems: Problems| anyhow::anyhow!("{problems}");
    let folder = Folder::read(&root.join("rules")).map_err(|wrong| said(Problems(wrong)))?;
    let rulebook = Rulebook::compile(folder, &config).map_err(said)?;
    let aws = Aws::new(&aws::sdk(None).await, &environment, &config)?;
    tracing::info!(rules = %rulebook.engine.rules().hash(), root = %root.display(), "the consumer is ready");
    Ok(Consumer::new(aws, config, rulebook))
}

/// The folder of `config.toml`: that of the function's package, where nothing else is said.
fn root() -> PathBuf {
    let named = ["DAG_ROOT", "LAMBDA_TASK_ROOT"].into_iter().find_map(env::var_os);
    named.map_or_else(|| PathBuf::from("."), PathBuf::from)
}

fn configuration(root: &Path) -> Result<Config> {
    let path = root.join("config.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    // What the stack sets for this function is no key of the file.
    let ours = |name: &OsString| name.to_str().is_some_and(StackEnvironment::is_variable);
    let variables = env::vars_os().filter(|(name, _)| !ours(name));
    Config::parse(&text, &path, variables, &[]).map_err(|wrong| anyhow::anyhow!("{wrong}"))
}

/// A JSON object a line in the cloud, text elsewhere.
fn log() {
    let builder = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_target(false);
    let builder = builder.log_internal_errors(false).with_writer(std::io::stderr);
    if env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        // The platform has the time of each line.
        builder.json().flatten_event(true).with_ansi(false).init();
    } else {
        builder.init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_which_nothing_could_be_taken_is_an_error_of_the_function() {
        let named = |answer: Result<Failures, String>| answer.map(|failures| failures.batch_item_failures.len());
        assert_eq!(named(answer(0, Vec::new())), Ok(0));
        assert_eq!(named(answer(2, Vec::new())), Ok(0));
        assert_eq!(named(answer(2, vec!["a".to_owned()])), Ok(1));
        assert!(answer(2, vec!["a".to_owned(), "b".to_owned()]).is_err());
    }
}

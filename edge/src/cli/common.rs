//! The parts that commands share: the formats of answers, the configuration, requests to the daemon, times.

use std::path::PathBuf;

use clap::ValueEnum;
use dag_cli::Failure;
use dag_config::{Config, ConfigErrors};
use dag_engine::Time;

use crate::daemon::{self, AskError, Request};

/// The options of every command.
pub(super) type Common = dag_cli::Common<Format>;

/// The format of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value.
    Json,
    /// For programs that read along: a JSON object a line, from `simulate`; else the same as json.
    Jsonl,
}

impl dag_cli::Format for Format {
    const SET_EXAMPLE: &'static str = "storage.path=/data/dag.redb";

    fn is_json(self) -> bool {
        self != Format::Text
    }
}

/// Reads the configuration.
pub(super) fn load(common: &Common) -> Result<Config, ConfigErrors> {
    Config::load(&common.config, &common.set)
}

/// Returns the folder of the rules, as the path of the configuration was given.
pub(super) fn rules_path(common: &Common) -> PathBuf {
    common.config.with_file_name("rules")
}

/// Sends a request to the daemon that runs with this configuration, and returns its answer.
pub(super) fn ask(common: &Common, request: &Request) -> Result<serde_json::Value, Failure> {
    // The daemon keeps running when its file is broken by an edit. Its socket is then looked for at the default path.
    let (socket, broken) = match load(common) {
        Ok(config) => (daemon::socket(&config), None),
        Err(errors) => (common.config.with_file_name("var").join("dag.sock"), Some(errors)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match (runtime.block_on(daemon::ask(&socket, request)), broken) {
        (Err(AskError::NoDaemon(_)), Some(errors)) => Err(errors.into()),
        (answer, _) => Ok(answer?),
    }
}

/// Returns a time as people read it: with its day and year, by the wall clock of the device.
pub(super) fn local(time: Time, zone: Option<&str>) -> String {
    match dag_engine::zone(zone.unwrap_or("UTC")) {
        Ok(zone) => time.in_zone(&zone).strftime("%a %-d %b %Y %H:%M:%S %Z").to_string(),
        Err(_) => time.to_string(),
    }
}

/// Returns the name of the person at the shell, also under `sudo`.
pub(super) fn shell_user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody at the shell".to_owned())
}

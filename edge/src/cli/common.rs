//! What the commands share: the formats of answers, the configuration, the daemon that runs with it, times.

use clap::ValueEnum;
use dag_cli::Failure;
use dag_config::{Config, ConfigErrors};
use dag_engine::Time;

use crate::daemon::{self, AskError, Request};

/// The options that every command takes.
pub(super) type Common = dag_cli::Common<Format>;

/// How answers are printed.
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

/// Asks the daemon that runs with this configuration.
pub(super) fn ask(common: &Common, request: &Request) -> Result<serde_json::Value, Failure> {
    // A daemon runs on although its file was broken since: then it is sought where it is by default.
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

/// A time as people write it on a command line.
pub(super) fn time(text: &str) -> Result<Time, String> {
    text.parse().map_err(|_| {
        "this is no time: write it with its zone, like 2026-01-10T18:00:00Z or 2026-01-10T18:00:00+01:00".to_owned()
    })
}

/// A time as people here read it: by the wall clock of the device.
pub(super) fn local(time: Time, zone: Option<&str>) -> String {
    match dag_engine::zone(zone.unwrap_or("UTC")) {
        Ok(zone) => time.in_zone(&zone).strftime("%a %d %b %H:%M:%S").to_string(),
        Err(_) => time.to_string(),
    }
}

/// Returns the person at the shell, not the one that `sudo` made of them.
pub(super) fn shell_user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody at the shell".to_owned())
}

//! The parts that commands share: the formats of answers, the configuration, requests to the daemon, times.

use std::path::PathBuf;

use clap::ValueEnum;
use dag_cli::Failure;
use dag_config::{Config, ConfigErrors};
use dag_engine::Time;

use crate::{
    clock::{Machine as _, System},
    daemon::{self, AskError, Request},
    init::machine_zone,
};

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

/// Parses a time of a command line.
pub(super) fn time(text: &str) -> Result<Time, String> {
    text.parse().map_err(|_| {
        let zone = machine_zone().unwrap_or_else(|| "UTC".to_owned());
        match in_full(text, System::new().system(), &zone) {
            Some(today) => format!("this is a time of day without its date: for today write {today} ({zone})"),
            None => "this is no time: write it with its zone, like 2026-01-10T18:00:00Z or 2026-01-10T18:00:00+01:00"
                .to_owned(),
        }
    })
}

/// Returns a time of day, like `18:00`, with its date and its offset from UTC in `zone` on the day of `now`.
fn in_full(text: &str, now: Time, zone: &str) -> Option<String> {
    let zone = dag_engine::zone(zone).ok()?;
    let (hours, minutes) = text.split_once(':')?;
    let seconds = if minutes.contains(':') { "" } else { ":00" };
    let date = now.in_zone(&zone).strftime("%Y-%m-%dT").to_string();
    let with = |offset: String| format!("{date}{hours:0>2}:{minutes}{seconds}{offset}");
    // The offset at that time: clocks may be changed between now and then.
    let about: Time = with(now.in_zone(&zone).strftime("%:z").to_string()).parse().ok()?;
    Some(with(about.in_zone(&zone).strftime("%:z").to_string()))
}

/// Returns a time as people read it: by the wall clock of the device.
pub(super) fn local(time: Time, zone: Option<&str>) -> String {
    match dag_engine::zone(zone.unwrap_or("UTC")) {
        Ok(zone) => time.in_zone(&zone).strftime("%a %d %b %H:%M:%S").to_string(),
        Err(_) => time.to_string(),
    }
}

/// Returns the name of the person at the shell, also under `sudo`.
pub(super) fn shell_user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody at the shell".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_shown_in_full() {
        let in_full = |text, now: &str| in_full(text, now.parse().unwrap(), "Europe/Paris");
        assert_eq!(in_full("18:00", "2026-01-10T12:00:00Z").unwrap(), "2026-01-10T18:00:00+01:00");
        assert_eq!(in_full("8:05:30", "2026-07-10T23:00:00Z").unwrap(), "2026-07-11T08:05:30+02:00");
        // The clocks go forward at two in this night.
        assert_eq!(in_full("18:00", "2026-03-29T00:00:00Z").unwrap(), "2026-03-29T18:00:00+02:00");
        for bad in ["tomorrow", "25:00", "18:00Z", "6:00pm", ":", "1:2:3:4"] {
            assert_eq!(in_full(bad, "2026-01-10T12:00:00Z"), None, "{bad}");
        }
        assert!(time("18:00").unwrap_err().starts_with("this is a time of day without its date: for today write 2"));
    }
}

//! `config.toml`: its values, and the problems that a user is shown.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

mod aws;
mod bad_addresses;
mod bad_devices;
mod bad_files;
mod bad_values;
mod checks;
mod heartbeat;
mod home_assistant;
mod layers;
mod shipped;

use std::ffi::OsString;

use dag_config::{Config, ConfigErrors};

/// The smallest complete file, with `more` at its end.
fn file(more: &str) -> String {
    format!("{SITE}{DEVICE}{EMAIL}{more}")
}

const SITE: &str = "mode = \"standalone\"\n[site]\nname = \"Home\"\ntimezone = \"Europe/London\"\n";
const DEVICE: &str = "[device.cottage]\npower = { source = \"simulated\" }\n";
const EMAIL: &str = "[email]\ntransport = \"outbox\"\nfrom = \"dag@example.com\"\n";

/// Reads `text` as `/home/dag/config.toml`, with variables and flags.
fn read(text: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let flags: Vec<_> = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Config::parse(text, "/home/dag/config.toml".as_ref(), variables, &flags)
}

/// Returns the problems of a file.
fn problems(text: &str) -> String {
    read(text, &[], &[]).unwrap_err().to_string()
}

/// Returns the problems of a file whose device has these lines.
fn device_problems(lines: &str) -> String {
    problems(&format!("{SITE}[device.cottage]\n{lines}\n{EMAIL}"))
}

//! The commands: one file each. To add one, write its file, name it in [`Command`] and in `Cli::command`.

mod ack;
mod check;
mod reload;
mod run;
mod silence;
mod simulate;
mod simulate_mains;
mod snooze;
mod span;
mod status;
mod test;

use std::{
    fmt,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use dag_config::Config;
use dag_engine::Time;

use crate::daemon::{self, AskError, Request};

/// Tells people when the mains fail.
#[derive(Debug, Parser)]
#[command(
    name = "dag",
    version,
    about = "detectordag tells people when the mains fail at a place where they are not",
    after_help = "A first try, from the folder of config.toml:\n  \
                  dag run       in one terminal: the daemon, with simulated mains\n  \
                  dag unplug    in another: the mains fail; after 30 s a mail appears in var/outbox\n  \
                  dag plug      the mains are back\n\n\
                  Who is told, when and in which words stands in rules/. After an edit: dag check, dag test."
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The configuration; `rules/` stands beside it
    #[arg(long, global = true, default_value = "config.toml", env = "DAG_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// A value over the configuration's, like storage.path=/data/dag.redb; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON value.
    Json,
    /// For programs that read along: a JSON object a line, from `simulate`; else the same as json.
    Jsonl,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until it is told to stop (SIGTERM, Ctrl-C)
    ///
    /// It follows edits of rules/ and config.toml while it runs. An edit with a mistake changes nothing: the mistake is
    /// in the log and in `dag status`. SIGHUP and `dag reload` read the files again, too.
    Run(run::Run),
    /// Check config.toml and everything in rules/, and say what is wrong
    ///
    /// Compiles the rules and scripts, renders every message on sample incidents and warns about what cannot fire. It
    /// needs no running daemon, resolves no secret and sends nothing.
    Check,
    /// Play the scenarios of rules/tests/ and say which went otherwise than expected
    ///
    /// A scenario is a story: at this time the power goes, then these people are expected to be told. Where one fails,
    /// its timeline shows what was decided, and why.
    Test(test::Test),
    /// Show what the rules would have done, on readings of the past
    ///
    /// Reads a trace and prints every incident that would have begun or ended, and every message that would have been
    /// sent, at the time at which it would have been. All rules run, those of the cloud too; every message counts as
    /// delivered at once. It needs no running daemon, resolves no secret and sends nothing.
    #[command(after_help = simulate::TRACE)]
    Simulate(simulate::Simulate),
    /// Show what a running daemon knows: facts, incidents, messages, and what troubles it
    Status,
    /// Switch the simulated mains of a running daemon off
    Unplug(simulate_mains::Mains),
    /// Switch the simulated mains of a running daemon on
    Plug(simulate_mains::Mains),
    /// Take an open incident on: its steps wait, and the others who were told hear of it
    Ack(ack::Ack),
    /// Let no step of an open incident fire for a while
    ///
    /// Nobody new is told of it, and nobody again, until then. What is due by then is told then. Whoever was told that it
    /// began is told of its end all the same.
    Snooze(snooze::Snooze),
    /// Let no step of any incident fire for a while, or of those of a rule, a device, a label
    ///
    /// For work on the mains, or a night in which nobody can do anything. What is still wrong when it ends is told then.
    /// A silence is lifted by the same --device, --label and --rule as it was asked for.
    Silence(silence::Silence),
    /// Have a running daemon read its files again, and say what is wrong with them
    Reload,
}

/// A problem that was found, for people: the command exits 1. Wrong use exits 2 before a command runs.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(format!("{error:#}"))
    }
}

pub(crate) type Done = Result<(), Failure>;

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let format = match (self.common.format, &self.command) {
            (Format::Json, Command::Simulate(_)) => Format::Jsonl,
            (format, _) => format,
        };
        match self.command() {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure(text)) => {
                match format {
                    Format::Json => say(serde_json::json!({ "error": text })),
                    // What was printed line by line stays what it says it is.
                    Format::Text | Format::Jsonl => eprintln!("{text}"),
                }
                ExitCode::from(1)
            }
        }
    }

    fn command(self) -> Done {
        let common = self.common;
        match self.command {
            Command::Run(run) => run.run(&common),
            Command::Check => check::check(&common),
            Command::Test(test) => test.run(&common),
            Command::Simulate(simulate) => simulate.run(&common),
            Command::Status => status::status(&common),
            Command::Unplug(mains) => mains.set(&common, dag_engine::Value::Off),
            Command::Plug(mains) => mains.set(&common, dag_engine::Value::On),
            Command::Ack(ack) => ack.run(&common),
            Command::Snooze(snooze) => snooze.run(&common),
            Command::Silence(silence) => silence.run(&common),
            Command::Reload => reload::reload(&common),
        }
    }
}

impl Common {
    fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.config, &self.set)?)
    }

    /// Asks the daemon that runs with this configuration.
    fn ask(&self, request: &Request) -> Result<serde_json::Value, Failure> {
        // A daemon runs on although its file was broken since: then it is sought where it is by default.
        let (socket, broken) = match Config::load(&self.config, &self.set) {
            Ok(config) => (daemon::socket(&config), None),
            Err(errors) => (self.config.with_file_name("var").join("dag.sock"), Some(errors)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match (runtime.block_on(daemon::ask(&socket, request)), broken) {
            (Err(AskError::NoDaemon(_)), Some(errors)) => Err(errors.into()),
            (answer, _) => Ok(answer?),
        }
    }

    /// Prints an answer: `text` for people, `json` for programs.
    fn print(&self, text: impl fmt::Display, json: &serde_json::Value) {
        match self.format {
            Format::Text => say(text),
            Format::Json | Format::Jsonl => say(json),
        }
    }
}

/// Prints to the standard output. Who reads it may have read enough.
fn say(text: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE, like storage.path=/data/dag.redb")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A time as people write it on a command line.
fn time(text: &str) -> Result<Time, String> {
    text.parse().map_err(|_| {
        "this is no time: write it with its zone, like 2026-01-10T18:00:00Z or 2026-01-10T18:00:00+01:00".to_owned()
    })
}

/// A time as people here read it: by the wall clock of the device.
fn local(time: Time, zone: Option<&str>) -> String {
    match dag_engine::zone(zone.unwrap_or("UTC")) {
        Ok(zone) => time.in_zone(&zone).strftime("%a %d %b %H:%M:%S").to_string(),
        Err(_) => time.to_string(),
    }
}

/// The person at the shell, not the one that `sudo` made of them.
fn shell_user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody at the shell".to_owned())
}

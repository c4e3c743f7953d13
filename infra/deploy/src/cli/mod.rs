//! The commands: one file each. To add one, write its file, name it in [`Command`] and in `Cli::command`.

mod account;
mod ask;
mod cost;
mod deploy;
mod destroy;
mod diff;
mod list;
mod provision;
mod rules;
mod secret;
mod template;

use std::{
    fmt,
    future::Future,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use dag_config::Config;
use dag_engine::{Problems, Time};
use dag_rulebook::Folder;

use crate::{cloud::Cloud, explain::sentence, template::Facts};

/// Stands up the cloud side.
#[derive(Debug, Parser)]
#[command(
    name = "dag-infra",
    version,
    about = "dag-infra makes detectordag's cloud side from config.toml and rules/, and looks after its devices and accounts",
    after_help = "The order of a first time:\n  \
                  dag-infra template            what would be made, without an account\n  \
                  dag-infra deploy              shows every change and asks before it makes it\n  \
                  dag-infra provision DEVICE    a device's certificate and everything that goes onto its card\n\n\
                  Region and credentials are those of the AWS command line: AWS_PROFILE, `aws configure`, `aws sso login`."
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The configuration; `rules/` stands beside it
    #[arg(long, global = true, default_value = "config.toml", env = "DAG_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// A value over the configuration's, like aws.stack=trial; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the CloudFormation template; needs no account
    Template(template::Template),
    /// Say what a fleet costs in a month, with formulas; needs no account
    Cost(cost::Cost),
    /// A device: its certificate, and everything that goes onto its card
    Provision(Box<provision::Provision>),
    /// The fleet: last contact, connection, rules
    List(list::List),
    /// Build, upload, show what would change, ask, and change it
    Deploy(deploy::Deploy),
    /// What a deploy would change in the stack; needs no account with `--against`
    Diff(diff::Diff),
    /// Delete the stack; the table, the secret and the packages are kept
    Destroy(destroy::Destroy),
    /// Set what `env:NAME` in rules/ stands for, or list the names
    Secret(secret::Secret),
    /// Sign rules and send them to devices
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Who may look at devices, and is told as `@account`
    #[command(subcommand)]
    Account(account::Account),
}

/// A problem that was found, for people: the command exits 1. Wrong use exits 2 before a command runs.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(sentence(&error.into()))
    }
}

pub(crate) type Done = Result<(), Failure>;

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let format = self.common.format;
        match self.command() {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure(text)) => {
                match format {
                    Format::Json => say(serde_json::json!({ "error": text })),
                    Format::Text => eprintln!("{text}"),
                }
                ExitCode::from(1)
            }
        }
    }

    fn command(self) -> Done {
        let common = self.common;
        match self.command {
            Command::Template(template) => template.run(&common),
            Command::Cost(cost) => cost.run(&common),
            Command::Provision(provision) => provision.run(&common),
            Command::List(list) => list.run(&common),
            Command::Deploy(deploy) => deploy.run(&common),
            Command::Diff(diff) => diff.run(&common),
            Command::Destroy(destroy) => destroy.run(&common),
            Command::Secret(secret) => secret.run(&common),
            Command::Rules(rules) => rules.run(&common),
            Command::Account(account) => account.run(&common),
        }
    }
}

impl Common {
    /// The configuration.
    fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.config, &self.set)?)
    }

    /// The configuration, the rules beside it, and what a template needs of both.
    fn facts(&self) -> Result<(Config, Folder, Facts), Failure> {
        let config = self.load()?;
        let rules = Folder::read_rules(&config.root.join("rules")).map_err(Problems)?;
        let facts = Facts::new(&config, &rules)?;
        Ok((config, rules, facts))
    }

    /// Does something that reaches AWS.
    fn with_cloud<F: Future<Output = Done>>(&self, act: impl FnOnce(Config, Cloud) -> F) -> Done {
        let config = self.load()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let cloud = Cloud::connect(&config).await?;
            act(config, cloud).await
        })
    }

    /// Prints an answer: `text` for people, `json` for programs.
    fn print(&self, text: impl fmt::Display, json: &serde_json::Value) {
        match self.format {
            Format::Text => say(text),
            Format::Json => say(json),
        }
    }
}

/// Ends the program as clap does where something is missing that it cannot tell by itself.
fn wrong_use(text: &str) -> ! {
    <Cli as CommandFactory>::command().error(clap::error::ErrorKind::MissingRequiredArgument, text).exit()
}

/// Prints to the standard output. Who reads it may have read enough; but an answer that is lost is none.
fn say(text: impl fmt::Display) {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("the answer cannot be written ({error}): look at where the standard output goes");
            std::process::exit(1);
        }
        _ => {}
    }
}

/// The clock is read here alone.
fn now() -> Time {
    let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(gone.as_millis()).unwrap_or(i64::MAX))
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE, like aws.stack=trial")?;
    Ok((key.to_owned(), value.to_owned()))
}

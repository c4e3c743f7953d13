//! The commands, one file each. To add one, write its file, and add it to [`Command`] and `Cli::command`.

mod account;
mod common;
mod cost;
mod deploy;
mod destroy;
mod diff;
mod list;
mod prompt;
mod provision;
mod rules;
mod secret;
mod template;
mod tips;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dag_cli::Failure;

pub use self::tips::TIPS;

use self::common::{Common, Format};
use crate::explain::sentence;

/// The command line of `dag-infra`.
#[derive(Debug, Parser)]
#[command(
    name = "dag-infra",
    version,
    about = "dag-infra makes detectordag's cloud side from config.toml and rules/, and looks after its devices and \
             accounts",
    after_help = "The order of a first time:\n  \
                  dag-infra template            what would be made, without an account\n  \
                  dag-infra deploy              shows every change and asks before it makes it\n  \
                  dag-infra provision DEVICE    a device's certificate and everything that goes onto its card\n\n\
                  The log-in is that of the AWS command line: `aws login`, `aws sso login`, `aws configure`, \
                  `credential_process`. AWS_PROFILE chooses a profile. The region is that of `[aws]`."
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the CloudFormation template; needs no account
    Template(template::Template),
    /// Show what a fleet costs in a month, with formulas; needs no account
    Cost(cost::Cost),
    /// Make a device: its certificate, and everything that goes onto its card
    Provision(Box<provision::Provision>),
    /// List the fleet: last contact, connection, rules
    List(list::List),
    /// Build, upload, show what would change, ask, and change it
    Deploy(deploy::Deploy),
    /// Show what a deploy would change in the stack; needs no account with `--against`
    Diff(diff::Diff),
    /// Delete the stack; the table, the secret and the packages are kept
    Destroy(destroy::Destroy),
    /// Set what `env:NAME` in rules/ stands for, or list the names
    Secret(secret::Secret),
    /// Sign rules and send them to devices
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Manage accounts: people who may look at devices, and get messages as `@account`
    #[command(subcommand)]
    Account(account::Account),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let json = self.common.format == Format::Json;
        let done = self.command().map_err(|error| Failure::from(sentence(&error, None)));
        dag_cli::exit(done, json)
    }

    fn command(self) -> Result<()> {
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

//! The commands: one file each. To add one, write its file, name it in [`Command`] and in `Cli::command`.

mod ack;
mod backup;
mod check;
mod common;
mod end_options;
mod init;
mod mains_switch;
mod missing_files;
mod notify;
mod pins;
mod questions;
mod reload;
mod replace_file;
mod restore;
mod run;
mod silence;
mod simulate;
mod snooze;
mod status;
mod test;
mod tips;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dag_cli::Done;

pub use self::tips::TIPS;

use self::common::{Common, Format};

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

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a folder for a new monitor: config.toml and rules/, with their comments and your own values
    ///
    /// Asks at a terminal for what no flag gives. Nothing that is there is ever overwritten.
    Init(init::Init),
    /// Run the daemon until it is told to stop (SIGTERM, Ctrl-C)
    ///
    /// It follows edits of rules/ and config.toml while it runs. An edit with a mistake changes nothing: the mistake is
    /// in the log and in `dag status`. SIGHUP and `dag reload` read the files again, too.
    Run(run::Run),
    /// Check config.toml and everything in rules/, and say what is wrong
    ///
    /// Compiles the rules and scripts, calls the scripts and renders every message on samples, plays the scenarios, and
    /// warns about what cannot fire. It needs no running daemon, resolves no secret and sends nothing.
    Check(check::Check),
    /// Play the scenarios of rules/tests/ and say which went otherwise than expected
    ///
    /// A scenario is a story: at this time the power goes, then these people are expected to be told. Where one fails,
    /// its timeline shows what was decided, and why. If that is right, `--update` writes it into the scenario.
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
    Unplug(mains_switch::MainsSwitch),
    /// Switch the simulated mains of a running daemon on
    Plug(mains_switch::MainsSwitch),
    /// Take an open incident on: its steps wait, and the others who were told hear of it
    Ack(ack::Ack),
    /// Let no step of an open incident fire for a while
    ///
    /// Nobody new is told of it, and nobody again, until then. What is due by then is told then. Whoever was told that
    /// it began is told of its end all the same.
    Snooze(snooze::Snooze),
    /// Let no step of any incident fire for a while, or of those of a rule, a device, a label
    ///
    /// For work on the mains, or a night in which nobody can do anything. What is still wrong when it ends is told
    /// then. A silence is lifted by the same --device, --label and --rule as it was asked for.
    Silence(silence::Silence),
    /// Send a test message now, and show what the receiver answered
    ///
    /// The message says that it is only a test, and who asked for it. It is sent once, also in quiet hours and silences,
    /// and is kept nowhere but in the daemon's log. It needs a running daemon, and may take a minute if a receiver does
    /// not answer.
    Notify(notify::Notify),
    /// Have a running daemon read its files again, and say what is wrong with them
    Reload,
    /// Write config.toml, rules/ and the store to one file, also while the daemon runs
    ///
    /// The file is a tar. It is checked before it gets its name, and nothing is overwritten. Secrets and keys that the
    /// files name are not in it.
    Backup(backup::Backup),
    /// Make a monitor of a backup, in a folder that has none
    ///
    /// The backup is checked as a whole before anything is put into its place. Open incidents and waiting messages go
    /// on when the daemon starts.
    Restore(restore::Restore),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        // `simulate` prints incidents and messages as JSON lines. An error must not be one more object among them.
        let json = self.common.format == Format::Json && !matches!(self.command, Command::Simulate(_));
        dag_cli::exit(self.command(), json)
    }

    fn command(self) -> Done {
        let common = self.common;
        match self.command {
            Command::Init(init) => init.run(&common),
            Command::Run(run) => run.run(&common),
            Command::Check(check) => check.run(&common),
            Command::Test(test) => test.run(&common),
            Command::Simulate(simulate) => simulate.run(&common),
            Command::Status => status::status(&common),
            Command::Unplug(mains) => mains.set(&common, dag_engine::Value::Off),
            Command::Plug(mains) => mains.set(&common, dag_engine::Value::On),
            Command::Ack(ack) => ack.run(&common),
            Command::Snooze(snooze) => snooze.run(&common),
            Command::Silence(silence) => silence.run(&common),
            Command::Notify(notify) => notify.run(&common),
            Command::Reload => reload::reload(&common),
            Command::Backup(backup) => backup.run(&common),
            Command::Restore(restore) => restore.run(&common),
        }
    }
}

//! The common part of detectordag's command lines: the options of all commands, the output of results and errors, and
//! the exit codes. Each program has its own commands.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done; also help and version, and where the reader of the output closed it early |
//! | 1 | a problem that the command found, as text on the standard error or, with `--format json`, as JSON |
//! | 2 | wrong use, before a command does anything |
//!
//! A program names its formats, flattens [`Common`] into its arguments, and hands the result of its command to
//! [`exit`]:
//!
//! ```
//! use clap::{Parser, ValueEnum};
//! use dag_cli::{Common, Done, Format};
//!
//! #[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
//! enum Output {
//!     #[default]
//!     Text,
//!     Json,
//! }
//!
//! impl Format for Output {
//!     const SET_EXAMPLE: &'static str = "site.name=Home";
//!
//!     fn is_json(self) -> bool {
//!         self == Output::Json
//!     }
//! }
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     common: Common<Output>,
//! }
//!
//! fn command(common: &Common<Output>) -> Done {
//!     common.print("done", &serde_json::json!({ "done": true }))?;
//!     Ok(())
//! }
//!
//! let cli = Cli::parse_from(["program", "--format", "json"]);
//! let code = dag_cli::exit(command(&cli.common), cli.common.format.is_json());
//! # assert_eq!(code, std::process::ExitCode::SUCCESS);
//! ```

mod tips;
mod words;

use std::{
    fmt,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, ValueEnum};

pub use tips::Tips;
pub use words::count;

/// The output formats of a program.
pub trait Format: ValueEnum + Copy + Default + fmt::Debug + Send + Sync + 'static {
    /// An example for the help of `--set` that fits the program.
    const SET_EXAMPLE: &'static str;

    /// Returns whether the output is for programs.
    fn is_json(self) -> bool;
}

/// The options that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common<F: Format> {
    /// The configuration; `rules/` stands beside it
    #[arg(long, global = true, default_value = "config.toml", env = "DAG_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    // The help has an example of the program.
    #[arg(
        long = "set",
        global = true,
        value_name = "KEY=VALUE",
        value_parser = |text: &str| key_value(text, F::SET_EXAMPLE),
        help = format!("A value over the configuration's, like {}; may be given several times", F::SET_EXAMPLE)
    )]
    #[expect(missing_docs, reason = "a comment would take the place of the help")]
    pub set: Vec<(String, String)>,
    /// How answers are printed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: F,
}

impl<F: Format> Common<F> {
    /// Prints an answer: `text` for people, `json` for programs.
    ///
    /// # Errors
    ///
    /// The standard output cannot be written to.
    pub fn print(&self, text: impl fmt::Display, json: &serde_json::Value) -> Result<(), Unwritten> {
        if self.format.is_json() { say(json) } else { say(text) }
    }
}

/// A result that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the answer cannot be written ({0}): look at where the standard output goes")]
pub struct Unwritten(io::Error);

/// A problem that a command found, for people.
#[derive(Debug)]
pub struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    /// Returns the failure of a command that was used wrongly, in a way that only the command itself can tell.
    pub fn misuse(text: impl Into<String>) -> Failure {
        Failure { text: text.into(), code: 2 }
    }
}

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { text: format!("{error:#}"), code: 1 }
    }
}

/// The result of a command.
pub type Done = Result<(), Failure>;

/// Parses the arguments and runs the program. Wrong use is printed and exits 2; help and version exit 0. For a command
/// that the program does not have, the error has the tip of `tips`.
pub fn main<C: Parser>(run: impl FnOnce(C) -> ExitCode, tips: Tips) -> ExitCode {
    match C::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            let error = tips::add_tip::<C>(error, tips);
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            ExitCode::from(code)
        }
    }
}

/// Prints the problem of a command that failed, and returns the exit code. With `json` it is an object with the one key
/// `error` on the standard output, else text on the standard error.
pub fn exit(done: Done, json: bool) -> ExitCode {
    let Err(Failure { text, code }) = done else { return ExitCode::SUCCESS };
    if !json {
        eprintln!("{text}");
    } else if let Err(unwritten) = say(serde_json::json!({ "error": text })) {
        eprintln!("{text}\n{unwritten}");
    }
    ExitCode::from(code)
}

/// Prints a line to the standard output. A reader that closed it has read enough, which is no error.
///
/// # Errors
///
/// The standard output cannot be written to.
pub fn say(text: impl fmt::Display) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Unwritten(error)),
        _ => Ok(()),
    }
}

/// Parses `KEY=VALUE`; `example` is shown where the text is something else.
///
/// # Errors
///
/// There is no `=` in it.
pub fn key_value(text: &str, example: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("write it as KEY=VALUE, like {example}"))?;
    Ok((key.to_owned(), value.to_owned()))
}

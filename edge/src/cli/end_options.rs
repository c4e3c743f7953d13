//! The options for the end of a snooze or a silence: `--for` and `--until`. The third of them, `--lift`, is with each
//! command, whose help says what it ends.

use clap::Args;
use dag_engine::{Millis, Moment, MomentError};

use crate::daemon::Until;

#[derive(Debug, Args)]
#[group(id = "end", required = true, multiple = false)]
pub(super) struct EndOptions {
    /// For how long, like 2h or 1h30m
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true)]
    length: Option<Millis>,
    /// Until when: the next 22:00 or 10pm, or a date like 2026-12-01 or 2026-12-01T08:00
    ///
    /// By the clock of the device, in its time zone. A date alone is the beginning of that day. With its offset a time
    /// is the same everywhere: 2026-12-01T08:00:00+01:00. The answer says which moment that is.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    until: Option<Moment>,
}

/// Reads a moment of a command line.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    text.parse().map_err(|error| match error {
        MomentError::Length(length) => format!("this is a length of time: write `--for {length}`"),
        other => other.to_string(),
    })
}

impl From<EndOptions> for Until {
    fn from(options: EndOptions) -> Until {
        // Exactly one of the three is given: with neither of these it is `--lift`.
        let length = options.length.map(Until::For);
        length.or(options.until.map(Until::At)).unwrap_or(Until::Lifted)
    }
}

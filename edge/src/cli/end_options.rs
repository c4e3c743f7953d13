//! The options for the end of a snooze or a silence: `--for` and `--until`. The third of them, `--lift`, is with each
//! command, whose help says what it ends.

use clap::Args;
use dag_engine::{Millis, Time};

use crate::daemon::Until;

#[derive(Debug, Args)]
#[group(id = "end", required = true, multiple = false)]
pub(super) struct EndOptions {
    /// For how long, like 2h or 1h30m
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true)]
    length: Option<Millis>,
    /// Until when, like 2026-01-10T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = super::common::time)]
    until: Option<Time>,
}

impl From<EndOptions> for Until {
    fn from(options: EndOptions) -> Until {
        // Exactly one of the three is given: with neither of these it is `--lift`.
        let length = options.length.map(Until::For);
        length.or(options.until.map(Until::At)).unwrap_or(Until::Lifted)
    }
}

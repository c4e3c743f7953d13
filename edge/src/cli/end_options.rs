//! The options for the end of a snooze or a silence: `--for`, `--until`, `--lift`.

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
    /// End what was asked for before
    #[arg(long)]
    lift: bool,
}

impl From<EndOptions> for Until {
    fn from(options: EndOptions) -> Until {
        // Exactly one of the three is given.
        let length = options.length.map(Until::For);
        length.or(options.until.map(Until::At)).unwrap_or(Until::Lifted)
    }
}

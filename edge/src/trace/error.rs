//! Errors of a trace. Each text says what to do.

use std::io;

use dag_engine::{FactKind, Name, Time};

use super::format::{HEADER, HEADER_WITH_ARRIVAL, LONGEST_LINE};

/// An error in a trace, and its place.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {kind}")]
pub struct TraceError {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The error.
    #[source]
    pub kind: TraceErrorKind,
}

/// The error of one line. The text that was found there is shortened to fit a line of a terminal.
#[derive(Debug, thiserror::Error)]
pub enum TraceErrorKind {
    /// The file cannot be opened or read.
    #[error("the trace cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// There is no header.
    #[error("the trace is empty: begin it with the line `{HEADER}`")]
    Empty,
    /// The first line is no header.
    #[error("the first line is `{found}`: make it `{HEADER}` or `{HEADER_WITH_ARRIVAL}`, exactly so")]
    Header {
        /// The first line.
        found: String,
    },
    /// Too few cells, or too many.
    #[error("this row has {found} cells: give it the {wanted} of `{header}`")]
    Cells {
        /// The number of cells of the row.
        found: usize,
        /// The number of cells of the header.
        wanted: usize,
        /// The header.
        header: &'static str,
    },
    /// A quoted cell does not end on its line.
    #[error("a quotation mark is opened on this line and not closed: close it, or take it away")]
    Quote,
    /// The line is not UTF-8.
    #[error("this line is not UTF-8: save the trace as UTF-8")]
    NotUtf8,
    /// The line is too long.
    #[error("this line is longer than {LONGEST_LINE} bytes: write each row on a line of its own")]
    TooLong,
    /// A cell is no time, or a time without its zone.
    #[error(
        "`{found}` in `{column}` is no time: write it with its zone, like 2026-01-10T18:00:00Z or \
         2026-01-10T18:00:00+01:00"
    )]
    Time {
        /// The column.
        column: &'static str,
        /// The text of the cell.
        found: String,
    },
    /// A date or a time of the day that no calendar or clock shows, like 30 February.
    #[error("there is no `{found}` in `{column}`: look at the day, the hour, the minute and the second")]
    NoSuchTime {
        /// The column.
        column: &'static str,
        /// The text of the cell.
        found: String,
    },
    /// A device that the configuration does not declare.
    #[error("there is no device `{found}`: {help}")]
    Device {
        /// The text of the cell.
        found: String,
        /// The most similar one, or where devices are declared.
        help: String,
    },
    /// A fact that no device has.
    #[error("there is no fact `{found}`: {help}")]
    Fact {
        /// The text of the cell.
        found: String,
        /// The most similar one, or all of them.
        help: String,
    },
    /// A value that the fact cannot take.
    #[error("`{fact}` cannot be `{found}`: it is {}, or `unknown`", values(*kind))]
    Value {
        /// The fact.
        fact: Name,
        /// The text of the cell.
        found: String,
        /// The values that it takes.
        kind: FactKind,
    },
    /// A row arrives before the one above it.
    #[error("this row arrives at {arrival}, before the one above it ({before}): sort the rows by when they arrive")]
    OutOfOrder {
        /// When it arrives.
        arrival: Time,
        /// When the row above it does.
        before: Time,
    },
}

fn values(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Number => "a whole number",
        other => other.describe(),
    }
}

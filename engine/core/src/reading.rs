//! Readings, and the reports that bring them.

use serde::{Deserialize, Serialize};

use crate::{Name, Time, Value, is_default};

/// A fact's value at a time. `None` says that the value is not known from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Which fact.
    pub fact: Name,
    /// Its value, or `None` when its source is lost.
    pub value: Option<Value>,
    /// When it took that value, by the clock of its source.
    pub at: Time,
}

/// Readings of one source, numbered one after the other within a boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The source of the readings.
    pub source: Name,
    /// The start of the source that this is; later ones are higher.
    pub boot: u64,
    /// The number of the last reading of the boot before, named by a boot's first report.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: Option<u64>,
    /// The number of the first reading; the others follow it. Numbers start at 1 in every boot.
    pub first: u64,
    /// The number of readings at the beginning that are sent again on purpose, in case they were lost.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resent: u64,
    /// Further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more: bool,
    /// The clock that gave the readings their times was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncertain: bool,
    /// The readings, oldest first.
    pub readings: Vec<Reading>,
}

//! What a device reports.

use dag_engine::{Id, Millis, Name, Reading, Report, Severity, Time, Value};
use serde::{Deserialize, Serialize};

/// The version of both messages. A receiver refuses others.
pub const VERSION: u32 = 1;

/// The longest message that the broker takes, in bytes.
pub const LONGEST_REPORT: usize = 128 * 1024;

/// So many readings are in one message at most; a longer backlog comes in parts.
pub const MOST_READINGS: usize = 500;

/// The source of the readings that the broker's own events amount to, and the fact that they are of. A device cannot know
/// them.
pub const PRESENCE: (&str, &str) = ("presence", "connection");

/// The longest reason for which rules are refused, in bytes.
pub const LONGEST_REASON: usize = 2_000;

/// So far a device counts its boots, its messages and a source's readings: a million million, one every second for 30,000
/// years. What is beyond is refused, for whatever came after it would be taken for older.
pub const MOST_COUNTED: u64 = 1_000_000_000_000;

/// No reading is older than this: a year. An age beyond it is nonsense.
const OLDEST: Millis = Millis::new(366 * 86_400_000);

/// The name of a fact may have so many bytes: reports that wait for missing ones are kept, and the row that keeps them has
/// an end.
const LONGEST_FACT: usize = 200;

/// One message of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// [`VERSION`].
    pub v: u32,
    /// Which device this is: the one of the topic.
    pub device: Name,
    /// Which store of the device counts its boots: a new memory card begins another, and counts from 1 again. Absent where
    /// the store is older than this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Id>,
    /// Which start of the device this is; later ones of the same incarnation are higher.
    pub boot: u64,
    /// Which message of this boot, from 1. One that is not higher than the last has been seen, and says nothing new.
    pub number: u64,
    /// When this was put together, by the device's clock.
    pub sent_at: Time,
    /// Whether that clock is known to be right.
    pub clock: Clock,
    /// What names the content of the device's `rules/`: see [`SignedRules::hash`](crate::SignedRules::hash).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Id>,
    /// The rules that it was sent last, if it did not take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedRules>,
    /// The incidents of the rules that the device runs by itself, those that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<EdgeIncident>,
    /// What the device had no room to keep for the cloud since it last said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// The readings, by source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceReport>,
}

/// Rules that a device did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRules {
    /// What names them: see [`SignedRules::hash`](crate::SignedRules::hash).
    pub rules: Id,
    /// Why, for people: at most [`LONGEST_REASON`] bytes.
    pub reason: String,
}

impl RefusedRules {
    /// What a device says. Of a long reason it says the beginning.
    pub fn new(rules: Id, mut reason: String) -> RefusedRules {
        if reason.len() > LONGEST_REASON {
            reason.truncate(reason.floor_char_boundary(LONGEST_REASON - 3));
            reason.push('…');
        }
        RefusedRules { rules, reason }
    }
}

/// What a device knows of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// It was set in this boot.
    Set,
    /// It may be wrong by any amount.
    Unset,
}

/// An incident that a device's own rules opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeIncident {
    /// Its id there.
    pub id: Id,
    /// The rule.
    pub rule: Name,
    /// How bad it is.
    pub severity: Severity,
    /// Since when, by the device's clock.
    pub since: Time,
    /// Who took it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// Readings that a full queue let go: never a change of a switch while anything else was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// How many.
    pub readings: u64,
    /// When the first of them was taken, by the device's clock.
    pub from: Time,
    /// When the last of them was taken.
    pub until: Time,
}

/// Readings of one source, numbered one after the other within a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Where they come from.
    pub source: Name,
    /// In which start of the device they were taken.
    pub boot: u64,
    /// The number of the last reading of the boot before, as far as the device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The number of the first reading.
    pub first: u64,
    /// How many of the first readings have been sent before.
    #[serde(default, skip_serializing_if = "none")]
    pub resent: u64,
    /// Further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The readings, oldest first.
    pub readings: Vec<UplinkReading>,
}

fn none(count: &u64) -> bool {
    *count == 0
}

/// A fact's value, and how old it was when the message was put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkReading {
    /// Which fact.
    pub fact: Name,
    /// Its value; null when its source is lost.
    pub value: Option<Value>,
    /// Milliseconds before `sent_at`.
    pub age_ms: u64,
}

/// Why a message cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// More than the broker lets through.
    #[error("the message has {0} bytes, and at most {LONGEST_REPORT} are taken")]
    TooLong(usize),
    /// Not what it should be.
    #[error("this is no such message: {0}")]
    Malformed(String),
    /// From another time.
    #[error("the message is of version {0}, and this end speaks version {VERSION}: update the older end")]
    Version(u64),
    /// A number that cannot be.
    #[error("{0}")]
    Absurd(String),
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

/// Reads a message of this version.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MessageError> {
    if bytes.len() > LONGEST_REPORT {
        return Err(MessageError::TooLong(bytes.len()));
    }
    let malformed = |error: serde_json::Error| MessageError::Malformed(error.to_string());
    // The version first: another one may look otherwise.
    let Versioned { v } = serde_json::from_slice(bytes).map_err(malformed)?;
    if v != u64::from(VERSION) {
        return Err(MessageError::Version(v));
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

impl DeviceReport {
    /// Reads and checks a message.
    ///
    /// # Errors
    /// Too long, not JSON, of another version, incomplete, or with numbers that cannot be.
    pub fn parse(bytes: &[u8]) -> Result<DeviceReport, MessageError> {
        let report: DeviceReport = read(bytes)?;
        report.check()?;
        Ok(report)
    }

    fn check(&self) -> Result<(), MessageError> {
        let absurd = |text: String| Err(MessageError::Absurd(text));
        if self.boot == 0 || self.number == 0 {
            return absurd("boots and messages are counted from 1".to_owned());
        }
        if let Some(refused) = &self.refused
            && refused.reason.len() > LONGEST_REASON
        {
            let length = refused.reason.len();
            return absurd(format!("a reason of {length} bytes, and at most {LONGEST_REASON} are taken"));
        }
        if self.boot > MOST_COUNTED || self.number > MOST_COUNTED {
            let (boot, number) = (self.boot, self.number);
            return absurd(format!("message {number} of boot {boot} cannot be: a device counts to {MOST_COUNTED}"));
        }
        let readings: usize = self.sources.iter().map(|part| part.readings.len()).sum();
        if readings > MOST_READINGS {
            return absurd(format!("{readings} readings, and at most {MOST_READINGS} are in one message"));
        }
        for part in &self.sources {
            let source = &part.source;
            if source == PRESENCE.0 || part.readings.iter().any(|reading| reading.fact == PRESENCE.1) {
                return absurd(format!("the source `{source}` speaks of the connection, which the broker alone knows"));
            }
            if let Some(long) = part.readings.iter().map(|reading| reading.fact.len()).find(|len| *len > LONGEST_FACT) {
                return absurd(format!(
                    "a fact of `{source}` has a name of {long} bytes, and it may have {LONGEST_FACT}"
                ));
            }
            if part.boot == 0 || part.first == 0 {
                return absurd(format!("the source `{source}` counts from 0, and numbers start at 1"));
            }
            if part.boot > self.boot {
                return absurd(format!("the source `{source}` is in boot {}, the device in {}", part.boot, self.boot));
            }
            let last = part.first.saturating_add(part.readings.len() as u64);
            if let Some(number) = [part.before.unwrap_or(0), part.first, last].iter().find(|at| **at > MOST_COUNTED) {
                return absurd(format!("the source `{source}` has numbers that cannot be: {number}"));
            }
            let oldest = part.readings.iter().map(|reading| reading.age_ms).max().unwrap_or(0);
            if i64::try_from(oldest).is_err() || oldest.cast_signed() > OLDEST.get() {
                return absurd(format!("a reading of `{source}` is {oldest} ms old: more than a year"));
            }
        }
        Ok(())
    }

    /// The readings as the engine takes them. `received_at` is when the broker took the message: readings of a device whose
    /// clock was not set count from there.
    pub fn reports(self, received_at: Time) -> impl Iterator<Item = Report> {
        let uncertain = self.clock == Clock::Unset;
        let sent_at = if uncertain { received_at } else { self.sent_at };
        self.sources.into_iter().map(move |part| {
            let reading = |UplinkReading { fact, value, age_ms }| {
                let at = sent_at.moved(0_i64.saturating_sub_unsigned(age_ms));
                Reading { fact, value, at }
            };
            Report {
                source: part.source,
                boot: part.boot,
                before: part.before,
                first: part.first,
                resent: part.resent,
                more: part.more,
                uncertain,
                readings: part.readings.into_iter().map(reading).collect(),
            }
        })
    }
}

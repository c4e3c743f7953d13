//! The report of a device.

use dag_engine::{Id, Millis, Name, Reading, Report, Severity, Time, Value, is_default};
use serde::{Deserialize, Serialize};

/// The version of both messages. A receiver refuses any other.
pub const VERSION: u32 = 1;

/// The longest message that the broker accepts, in bytes ([AWS IoT
/// quotas](https://docs.aws.amazon.com/general/latest/gr/iot-core.html)).
pub const LONGEST_REPORT: usize = 128 * 1024;

/// The most readings in one message. A longer backlog is sent in parts.
pub const MOST_READINGS: usize = 500;

/// The source and the fact of the readings that the cloud makes of the broker's presence events. A device cannot know
/// them, so that no report may contain them.
pub const PRESENCE: (&str, &str) = ("presence", "connection");

/// The longest reason of [`RefusedRules`], in bytes.
const LONGEST_REASON: usize = 2_000;

/// The highest number of a boot, a message or a reading: a million million, one every second for 30,000 years. A
/// higher one is refused, since every later message would count as older.
pub const MOST_COUNTED: u64 = 1_000_000_000_000;

/// The greatest age of a reading: a year. No device keeps one for longer, so that a greater age is an error.
const OLDEST: Millis = Millis::new(366 * 86_400_000);

/// The most by which `sent_at` may lie after the broker's time of reception: a minute. Clocks that are right differ by
/// less. A message that comes from further ahead is by a clock that is wrong, whatever its device believes.
const MOST_AHEAD: Millis = Millis::new(60_000);

/// The longest name of a fact, in bytes. Reports that wait for missing ones are stored, and an item of the table
/// holds 400 KB.
const LONGEST_FACT: usize = 200;

/// One message of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// [`VERSION`].
    pub v: u32,
    /// The device's id: the one of the topic.
    pub device: Name,
    /// The id of the store that counts the device's boots. A new memory card has a new one, and its boots count from
    /// 1 again. Absent where the store is older than this key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incarnation: Option<Id>,
    /// The number of this start of the device: higher than that of every earlier start of the same incarnation.
    pub boot: u64,
    /// The number of the message in this boot, from 1. One that is not higher than the last is a duplicate.
    pub number: u64,
    /// The time when the message was composed, by the device's clock.
    pub sent_at: Time,
    /// Whether that clock can be trusted.
    pub clock: ClockState,
    /// The hash of the rules that the device runs: see [`SignedRules::hash`](crate::SignedRules::hash).
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Option<Id>,
    /// The rules that it was sent last, if it refused them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub refused: Option<RefusedRules>,
    /// The open incidents of the rules that the device runs by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incidents: Vec<EdgeIncident>,
    /// The readings that a full queue dropped since the last report that said so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropped: Option<DroppedReadings>,
    /// The readings, by source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sources: Vec<SourceReport>,
}

/// Rules that a device refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRules {
    /// Their hash: see [`SignedRules::hash`](crate::SignedRules::hash).
    pub rules: Id,
    /// The reason, for users: at most 2,000 bytes.
    pub reason: String,
}

impl RefusedRules {
    /// Shortens a reason that is too long.
    pub fn new(rules: Id, mut reason: String) -> RefusedRules {
        if reason.len() > LONGEST_REASON {
            reason.truncate(reason.floor_char_boundary(LONGEST_REASON - 3));
            reason.push('…');
        }
        RefusedRules { rules, reason }
    }
}

/// The state of a device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It was set in this boot.
    Set,
    /// It may be wrong by any amount.
    Unset,
}

/// An incident that a device's own rules opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeIncident {
    /// Its id on the device.
    pub id: Id,
    /// The rule.
    pub rule: Name,
    /// The rule's severity.
    pub severity: Severity,
    /// When it began, by the device's clock.
    pub since: Time,
    /// The name of who acknowledged it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledged_by: Option<String>,
}

/// The readings that a full queue dropped. Changes of a switch are dropped last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedReadings {
    /// Their number.
    pub readings: u64,
    /// When the first of them was taken, by the device's clock.
    pub from: Time,
    /// When the last of them was taken.
    pub until: Time,
}

/// Readings of one source, numbered one after the other within a boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The name of the source.
    pub source: Name,
    /// The boot in which they were taken.
    pub boot: u64,
    /// The number of the last reading of the previous boot, if the device knows it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: Option<u64>,
    /// The number of the first reading.
    pub first: u64,
    /// The number of readings at the beginning that were sent before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resent: u64,
    /// Whether further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more: bool,
    /// The readings, oldest first.
    pub readings: Vec<UplinkReading>,
}

/// A fact's value, and its age when the message was composed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkReading {
    /// The fact.
    pub fact: Name,
    /// Its value; null where its source is lost.
    pub value: Option<Value>,
    /// The age in milliseconds: the time from the reading to `sent_at`.
    pub age_ms: u64,
}

/// A message that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is longer than the broker accepts.
    #[error("the message has {0} bytes, and at most {LONGEST_REPORT} are taken")]
    TooLong(usize),
    /// It is not JSON, or lacks a key.
    #[error("this is no such message: {0}")]
    Malformed(String),
    /// It is of another version.
    #[error("the message is of version {0}, and this end speaks version {VERSION}: update the older end")]
    Version(u64),
    /// A number in it is impossible.
    #[error("{0}")]
    Impossible(String),
}

/// The key that every version has.
#[derive(Deserialize)]
struct VersionKey {
    v: u64,
}

/// Parses a message of this version.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MessageError> {
    if bytes.len() > LONGEST_REPORT {
        return Err(MessageError::TooLong(bytes.len()));
    }
    let malformed = |error: serde_json::Error| MessageError::Malformed(error.to_string());
    // The version is read first: another one may have other keys.
    let VersionKey { v } = serde_json::from_slice(bytes).map_err(malformed)?;
    if v != u64::from(VERSION) {
        return Err(MessageError::Version(v));
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

impl DeviceReport {
    /// Parses and checks a message.
    ///
    /// # Errors
    /// The message is too long, not JSON, of another version, incomplete, or has impossible numbers.
    pub fn parse(bytes: &[u8]) -> Result<DeviceReport, MessageError> {
        let report: DeviceReport = read(bytes)?;
        report.check()?;
        Ok(report)
    }

    fn check(&self) -> Result<(), MessageError> {
        let impossible = |text: String| Err(MessageError::Impossible(text));
        if self.boot == 0 || self.number == 0 {
            return impossible("boots and messages are counted from 1".to_owned());
        }
        if let Some(refused) = &self.refused
            && refused.reason.len() > LONGEST_REASON
        {
            let length = refused.reason.len();
            return impossible(format!("a reason of {length} bytes, and at most {LONGEST_REASON} are taken"));
        }
        if self.boot > MOST_COUNTED || self.number > MOST_COUNTED {
            let (boot, number) = (self.boot, self.number);
            return impossible(format!("message {number} of boot {boot} cannot be: a device counts to {MOST_COUNTED}"));
        }
        let readings: usize = self.sources.iter().map(|part| part.readings.len()).sum();
        if readings > MOST_READINGS {
            return impossible(format!("{readings} readings, and at most {MOST_READINGS} are in one message"));
        }
        for part in &self.sources {
            let source = &part.source;
            if source == PRESENCE.0 || part.readings.iter().any(|reading| reading.fact == PRESENCE.1) {
                return impossible(format!(
                    "the source `{source}` speaks of the connection, which the broker alone knows"
                ));
            }
            if let Some(long) = part.readings.iter().map(|reading| reading.fact.len()).find(|len| *len > LONGEST_FACT) {
                return impossible(format!(
                    "a fact of `{source}` has a name of {long} bytes, and it may have {LONGEST_FACT}"
                ));
            }
            if part.boot == 0 || part.first == 0 {
                return impossible(format!("the source `{source}` counts from 0, and numbers start at 1"));
            }
            if part.boot > self.boot {
                return impossible(format!(
                    "the source `{source}` is in boot {}, the device in {}",
                    part.boot, self.boot
                ));
            }
            let last = part.first.saturating_add(part.readings.len() as u64);
            if let Some(number) = [part.before.unwrap_or(0), part.first, last].iter().find(|at| **at > MOST_COUNTED) {
                return impossible(format!("the source `{source}` has numbers that cannot be: {number}"));
            }
            let oldest = part.readings.iter().map(|reading| reading.age_ms).max().unwrap_or(0);
            if i64::try_from(oldest).is_err() || oldest.cast_signed() > OLDEST.get() {
                return impossible(format!("a reading of `{source}` is {oldest} ms old: more than a year"));
            }
        }
        Ok(())
    }

    /// Returns the readings as the engine's input. `received_at` is the time when the broker received the message:
    /// the ages of readings count from there if the device's clock was not set, or is ahead.
    ///
    /// A device whose clock is set afterwards need not say so. What it has sent already has times by the broker's
    /// clock, and what it sends later has ages by the right one.
    pub fn reports(self, received_at: Time) -> impl Iterator<Item = Report> {
        let is_ahead = self.sent_at.since(received_at) > MOST_AHEAD;
        let uncertain = self.clock == ClockState::Unset || is_ahead;
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

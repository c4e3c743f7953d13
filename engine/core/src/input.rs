//! The inputs of the engine: everything that a host tells it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{Device, Id, MessageRef, Millis, Name, Report, Time, TimeOfDay, is_default};

/// Everything that can happen to a device, as its host hands it to [`Engine::step`](crate::Engine::step).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// Readings of one source.
    Report(Report),
    /// The device as the configuration or the registry describes it, and the addresses that `@account` stands for.
    Account(Device),
    /// Somebody takes an incident on.
    Acknowledge {
        /// The incident.
        incident: Id,
        /// Who: a recipient, a dashboard's user or a shell's user.
        by: String,
    },
    /// Somebody wants no step of an incident to fire for a while. A moment that is not ahead ends an earlier snooze.
    Snooze {
        /// The incident.
        incident: Id,
        /// Until when.
        until: Time,
        /// How `until` was given.
        #[serde(default, skip_serializing_if = "is_default")]
        until_given: GivenAs,
        /// Who.
        by: String,
    },
    /// Somebody wants no step of any matching incident to fire for a while.
    Silence(Silence),
    /// A message left the queue: an attempt to send it is about to be made. Told before the attempt.
    Attempted(MessageRef),
    /// An attempt succeeded.
    Delivered(MessageRef),
    /// An attempt failed.
    Failed {
        /// The message.
        message: MessageRef,
        /// No further attempt will be made.
        last: bool,
    },
    /// The host itself is in trouble, or no longer.
    Trouble {
        /// The part in trouble, in one word: `rules`, `store`, `clock`.
        about: Name,
        /// The problem, for people; `None` when it is over.
        text: Option<String>,
    },
    /// The engine holds other rules than at the last step.
    RulesChanged,
    /// The host's clock was wrong and has been set: every time that was recorded since `began` moves by `shift_ms`.
    ClockSet {
        /// The boot in which the clock was wrong.
        boot: u64,
        /// When that boot began, by the wrong clock: what was recorded before is left alone.
        began: Time,
        /// The shift in milliseconds: real time less the clock's. Negative where the clock ran ahead.
        shift_ms: i64,
        /// The shift is an estimate, as of an earlier boot whose clock nobody compared: the times are uncertain.
        #[serde(default, skip_serializing_if = "is_default")]
        estimated: bool,
    },
    /// Nothing but the passing of time: a deadline is due.
    Elapsed,
}

impl Input {
    /// The longest name of who asks, in bytes: of the others that a silence gives, too. Names are kept with the state
    /// and go into messages. A longer one is refused, [`Refusal::TooLong`](crate::Refusal::TooLong).
    pub const LONGEST_NAME: usize = 200;

    /// The longest snooze or silence, which is the longest duration that can be written: ten years. When the clock is
    /// set, none lasts longer than that from when it was asked for, or from when it begins.
    pub const LONGEST_HOLD: Millis = Millis::LONGEST;
}

/// How a moment was given by whoever asked: what becomes of it when the clock is set afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenAs {
    /// As a length of time, from when it was asked for or from the beginning: it moves with that.
    #[default]
    Length,
    /// As a time of the day: it is the first such moment after it was asked for, by the device's wall clock. One that
    /// ends a silence is the first after the silence begins.
    TimeOfDay(TimeOfDay),
    /// As a date and time: it stays.
    Date,
}

impl GivenAs {
    /// Returns ` (given as 22:00)` for a time of the day, and nothing for what the moment itself says.
    pub fn note(self) -> String {
        match self {
            GivenAs::TimeOfDay(time) => format!(" (given as {time})"),
            GivenAs::Length | GivenAs::Date => String::new(),
        }
    }

    /// Returns the moment that was given where the time from which it counts has moved, `(before, after)`, because the
    /// clock was set.
    pub(crate) fn shifted(self, given: Time, (before, after): (Time, Time), zone: &TimeZone) -> Time {
        match self {
            GivenAs::Length => given.moved(after.as_millis().saturating_sub(before.as_millis())),
            GivenAs::TimeOfDay(time) if before != after => time.next_after(after, zone),
            GivenAs::TimeOfDay(_) | GivenAs::Date => given,
        }
    }
}

/// For a while no step fires of the incidents that this matches. What is absent matches any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The device's id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub device: Option<Name>,
    /// Labels that the device must have, with their values.
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
    /// The incident's rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Option<Name>,
    /// The first moment of silence.
    pub from: Time,
    /// How `from` was given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from_given: GivenAs,
    /// The first moment after it. One that is not ahead ends an earlier silence of the same matcher.
    pub until: Time,
    /// How `until` was given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until_given: GivenAs,
    /// Who.
    pub by: String,
}

impl Silence {
    /// Returns in words what it matches: `everything`, or `device cottage, rule power-outage`.
    pub fn describe(&self) -> String {
        let device = self.device.iter().map(|device| format!("device {device}"));
        let labels = self.labels.iter().map(|(label, value)| format!("label {label} = {value}"));
        let rule = self.rule.iter().map(|rule| format!("rule {rule}"));
        let all: Vec<String> = device.chain(labels).chain(rule).collect();
        if all.is_empty() { "everything".to_owned() } else { all.join(", ") }
    }

    /// Returns whether both match by the same device, labels and rule.
    pub(crate) fn same_matcher(&self, other: &Silence) -> bool {
        (&self.device, &self.labels, &self.rule) == (&other.device, &other.labels, &other.rule)
    }

    /// Returns whether it keeps incidents of `rule` on `device` silent at `now`.
    pub(crate) fn holds(&self, device: &Device, rule: &Name, now: Time) -> bool {
        self.from <= now
            && now < self.until
            && self.device.as_ref().is_none_or(|id| *id == device.id)
            && self.rule.as_ref().is_none_or(|name| name == rule)
            && self.labels.iter().all(|(label, value)| device.labels.get(label) == Some(value))
    }
}

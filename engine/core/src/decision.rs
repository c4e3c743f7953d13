//! Decisions: what the engine did, or chose not to do, and why. All are kept and shown to people.

use serde::{Deserialize, Serialize};

use crate::{Cause, Channel, EndedBy, Id, Kind, Name, Notification, Silence, Time, is_default};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// For an episode the moment at which it happened, for a message the moment at which it was decided.
    pub at: Time,
    /// The rule it is about, if it is about one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Option<Name>,
    /// The incident it is about, if there is one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incident: Option<Id>,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The outcome of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Outcome {
    /// The condition became true; an incident opens at `due` if it stays so.
    Pending {
        /// When it has held long enough.
        due: Time,
    },
    /// The condition became false before it had held long enough: a dip, not an incident.
    Dip {
        /// When it had become true.
        since: Time,
    },
    /// An incident.
    Opened {
        /// When the condition became true.
        since: Time,
    },
    /// The condition became false; the incident ends if it stays so until `due`.
    Closing {
        /// When it has been false long enough.
        due: Time,
    },
    /// The condition became true again before the incident had ended: the same incident goes on.
    Reopened {
        /// Since when the condition had been false.
        clear_since: Time,
    },
    /// The incident is over.
    Resolved {
        /// When the condition had become true.
        since: Time,
        /// When it became false for good.
        ended: Time,
        /// What ended it, where it was not a reading.
        #[serde(default, skip_serializing_if = "is_default")]
        by: Option<EndedBy>,
    },
    /// The condition reads a fact that is not known: it opens nothing and clears nothing.
    NoAnswer,

    /// A step of the escalation fires, or repeats.
    Fired {
        /// Which step, from 0.
        step: u32,
        /// Which repeat, from 1; 0 is the step itself.
        repeat: u32,
    },
    /// A step is due and does not fire yet.
    Held {
        /// Which step, from 0.
        step: u32,
        /// Why.
        reason: Hold,
    },
    /// A message goes to the outbox.
    Notify(#[serde(with = "nested")] Box<Notification>),
    /// A message is not sent.
    Withheld {
        /// Its kind.
        kind: Kind,
        /// To whom it would have gone.
        recipient: Name,
        /// By which means.
        channel: Channel,
        /// Why not.
        reason: Withholding,
    },
    /// A message that was queued, and not yet attempted, is taken out of the outbox.
    Withdrawn {
        /// The message.
        notification: Id,
        /// Why.
        reason: Withdrawal,
    },
    /// Somebody took the incident on: no step fires until it ends or the acknowledgement lapses.
    Acknowledged {
        /// Who.
        by: String,
        /// When it lapses, if the escalation says so.
        #[serde(default, skip_serializing_if = "is_default")]
        lapses: Option<Time>,
    },
    /// Somebody wants no step of the incident to fire until then.
    Snoozed {
        /// Who.
        by: String,
        /// Until when.
        until: Time,
    },
    /// Somebody ended a snooze before its time.
    SnoozeEnded {
        /// Who.
        by: String,
    },
    /// Somebody wants no step of any matching incident to fire for a while.
    Silenced {
        /// The silence.
        silence: Silence,
    },
    /// Somebody ended a silence before its time.
    SilenceEnded {
        /// The silence that ended.
        silence: Silence,
        /// Who.
        by: String,
    },
    /// Messages to `recipient` have failed for too long: the one named as fallback is told the same.
    FellBack {
        /// Who cannot be reached.
        recipient: Name,
        /// Who is told instead.
        to: Name,
    },
    /// An acknowledgement lapsed: what is due fires.
    AcknowledgementLapsed {
        /// Whose.
        by: String,
    },
    /// A step names nobody who can be reached.
    NobodyToTell {
        /// Which step, from 0.
        step: u32,
    },

    /// A hook of the rule's script failed or answered nonsense; the value of the TOML file was used.
    HookFailed {
        /// The hook's name.
        hook: Name,
        /// The error, for people.
        error: String,
    },
    /// An input was refused.
    Refused {
        /// Why.
        reason: Refusal,
        /// The subject: a source, a fact, an incident.
        subject: String,
    },
    /// A report begins beyond the next number: it waits for what is missing.
    Waits {
        /// The source.
        source: Name,
        /// Until when at most.
        until: Time,
    },
    /// Readings are missing and were waited for in vain: what came after them is applied.
    Gap {
        /// The source.
        source: Name,
        /// The boot of the last reading applied.
        boot: u64,
        /// The number of the last reading applied.
        last: u64,
        /// The boot of the next one that is there.
        next_boot: u64,
        /// Its number.
        next: u64,
    },
    /// The monitor itself is in trouble.
    Troubled {
        /// The problem.
        cause: Cause,
    },
    /// That trouble is over.
    TroubleOver {
        /// Its key: see [`Cause::key`].
        key: String,
    },
    /// The clock was set: what was recorded in this boot moved by so much.
    ClockSet {
        /// The boot.
        boot: u64,
        /// The shift: real time less the clock's, in milliseconds.
        shift_ms: i64,
        /// The shift is an estimate: the times are uncertain.
        #[serde(default, skip_serializing_if = "is_default")]
        estimated: bool,
    },
    /// A rule goes on under a new name, with its incident and its count.
    Renamed {
        /// The old name.
        was: Name,
    },
    /// The rules changed; the hash names the new ones.
    RulesChanged {
        /// The hash of the rules in force from now on.
        rules: Id,
    },
}

/// The reason why a step does not fire yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The condition is false at present; the incident may be about to end.
    Closing,
    /// Somebody took the incident on.
    Acknowledged,
    /// Somebody snoozed the incident.
    Snoozed,
    /// A silence matches the incident.
    Silenced,
    /// Every channel of the first step is inhibited by another incident.
    Inhibited,
}

impl Hold {
    /// The reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Hold::Closing => "the condition is false at present",
            Hold::Acknowledged => "somebody acknowledged the incident",
            Hold::Snoozed => "somebody snoozed the incident",
            Hold::Silenced => "a silence matches the incident",
            Hold::Inhibited => "everybody it tells was told of an incident that inhibits this one",
        }
    }
}

/// The reason why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withholding {
    /// The script's `allow` said no.
    Script,
    /// Another message of the same moment to the same channel stands for it.
    OneMessageAStep,
    /// The recipient's quiet hours: a step's message is made up for when they end, an `acknowledged` is dropped.
    Quiet,
    /// The channel was told of an incident that inhibits this one.
    Inhibited,
    /// The incident ended while a silence matched it, before this channel was told.
    Silenced,
    /// The recipient is no longer among the rules, and was told nothing yet.
    RecipientGone,
    /// Too many incidents that are over wait for the end of quiet hours.
    TooManyWait,
    /// The trouble was over before the operator's quiet hours were.
    TroubleOver,
    /// The incident turned out to be shorter than the rule's `open_after`, or of no length, before this channel was told.
    TooShort,
}

impl Withholding {
    /// The reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Withholding::Script => "the script did not allow it",
            Withholding::OneMessageAStep => "another message of the same moment stands for it",
            Withholding::Quiet => "these are quiet hours",
            Withholding::Inhibited => "this channel was told of an incident that inhibits this one",
            Withholding::Silenced => "a silence matched the incident when it ended",
            Withholding::RecipientGone => "the recipient is no longer among the rules",
            Withholding::TooManyWait => "too many incidents that are over wait for the end of quiet hours",
            Withholding::TroubleOver => "the trouble was over before the quiet hours were",
            Withholding::TooShort => "the incident turned out to be shorter than `open_after`, or to be none",
        }
    }
}

/// The reason why a queued message is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// The incident ended before anyone had tried to send it: one message about the past takes its place, unless the
    /// incident turned out to be too short.
    Superseded,
}

/// The reason why an input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The report is of an earlier boot than one already applied.
    OlderBoot,
    /// Every reading of the report that was not sent again on purpose has been applied before.
    Stale,
    /// The device has as many sources as it may have.
    TooManySources,
    /// The report holds more readings than one report may.
    TooManyReadings,
    /// The rules and the configuration know no fact of this name.
    UnknownFact,
    /// The value is not one that this fact can take.
    WrongValue,
    /// No incident of this id is open.
    NoSuchIncident,
    /// The incident is over.
    AlreadyOver,
    /// A silence ends before it begins.
    EndsBeforeItBegins,
    /// A snooze or a silence ends before now, and there is none like it that could be ended.
    EndsInThePast,
    /// There are as many silences as a device may have.
    TooManySilences,
    /// A name or a text is longer than is kept.
    TooLong,
}

impl Refusal {
    /// The reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Refusal::OlderBoot => "it is of an earlier boot",
            Refusal::Stale => "every reading in it was applied before",
            Refusal::TooManySources => "the device has too many sources",
            Refusal::TooManyReadings => "it holds more readings than one report may",
            Refusal::UnknownFact => "the rules and the configuration know no such fact",
            Refusal::WrongValue => "this fact cannot take that value",
            Refusal::NoSuchIncident => "no such incident is open",
            Refusal::AlreadyOver => "the incident is over",
            Refusal::EndsBeforeItBegins => "it ends before it begins",
            Refusal::EndsInThePast => "it ends in the past, and there is none like it to be ended",
            Refusal::TooManySilences => "there are too many silences: end some first",
            Refusal::TooLong => "its name or text is too long",
        }
    }
}

/// A message stands below its decision in a field of its own: both have an `at` and an `incident`.
mod nested {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Notification;

    #[derive(Serialize, Deserialize)]
    struct Nested<N> {
        notification: N,
    }

    pub fn serialize<S: Serializer>(notification: &Notification, serializer: S) -> Result<S::Ok, S::Error> {
        Nested { notification }.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Notification>, D::Error> {
        Nested::<Box<Notification>>::deserialize(deserializer).map(|nested| nested.notification)
    }
}

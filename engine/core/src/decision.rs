//! What the engine did, or chose not to do, and why. All decisions are kept and shown to people.

use serde::{Deserialize, Serialize};

use crate::{Channel, EndedBy, Id, Kind, Name, Notification, Time};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// For an episode the moment at which it happened, for a message the moment at which it was decided.
    pub at: Time,
    /// The rule it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Name>,
    /// The incident it is about, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Id>,
    /// What was decided.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was decided.
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
        /// Why, if not because the condition became false.
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lapses: Option<Time>,
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
        /// What went wrong, for people.
        error: String,
    },
    /// An input was not taken over.
    Refused {
        /// Why.
        reason: Refusal,
        /// What it was about: a source, a fact, an incident.
        subject: String,
    },
    /// The rules changed; the hash names the new ones.
    RulesChanged {
        /// The hash of the rules in force from now on.
        rules: Id,
    },
}

/// Why a step does not fire yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The condition is false at present; the incident may be about to end.
    Closing,
    /// Somebody took the incident on.
    Acknowledged,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withholding {
    /// The script's `allow` said no.
    Script,
    /// The same step of the same engine step had already reached this channel with a later message.
    OneMessageAStep,
}

/// Why a queued message is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// The incident ended before anyone had tried to send it: one message about the past takes its place.
    Superseded,
}

/// Why an input is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The report is of an earlier boot than one already applied.
    OlderBoot,
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
}

impl Refusal {
    /// The reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Refusal::OlderBoot => "it is of an earlier boot",
            Refusal::TooManyReadings => "it holds more readings than one report may",
            Refusal::UnknownFact => "the rules and the configuration know no such fact",
            Refusal::WrongValue => "this fact cannot take that value",
            Refusal::NoSuchIncident => "no such incident is open",
            Refusal::AlreadyOver => "the incident is over",
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

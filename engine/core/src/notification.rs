//! Notifications: the messages that the engine asks a host to deliver.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Address, Channel, Device, Id, MessageRef, Name, Time, Value, is_default};

/// The severity of an incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Needs somebody soon.
    #[default]
    Warning,
    /// Needs somebody now.
    Critical,
}

impl Severity {
    /// The word that rules, scripts, templates and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// The kind of a notification: why it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The incident's first step: it has begun.
    Opened,
    /// A later step: nobody has acknowledged it.
    Escalated,
    /// A step's repeat: it still lasts.
    Reminder,
    /// Somebody has taken it on; told to the others who knew of it.
    Acknowledged,
    /// It is over; told to everyone who was told that it began.
    Resolved,
    /// It began and ended before anything about it was sent to this channel.
    Past,
    /// The monitor itself is in trouble; told to the operators.
    System,
    /// Somebody asked for a message, to see that it arrives: [`Engine::test_message`](crate::Engine::test_message).
    /// Nothing happened. The engine never decides to send one.
    Test,
}

impl Kind {
    /// The word that scenarios, templates and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Opened => "opened",
            Kind::Escalated => "escalated",
            Kind::Reminder => "reminder",
            Kind::Acknowledged => "acknowledged",
            Kind::Resolved => "resolved",
            Kind::Past => "past",
            Kind::System => "system",
            Kind::Test => "test",
        }
    }

    /// Every kind that the engine decides to send: first those of an incident, in the order of its life.
    pub const ALL: [Kind; 7] =
        [Kind::Opened, Kind::Escalated, Kind::Reminder, Kind::Acknowledged, Kind::Resolved, Kind::Past, Kind::System];
}

/// A fact as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactSnapshot {
    /// The value now; `None` when it is not known.
    pub value: Option<Value>,
    /// The last known value.
    pub last: Option<Value>,
    /// Since when the last known value held.
    pub since: Option<Time>,
}

/// The incident as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentSnapshot {
    /// The incident's id.
    pub id: Id,
    /// Which of this rule's incidents on this device it is, from 1.
    pub number: u64,
    /// The rule.
    pub rule: Name,
    /// The rule's severity.
    pub severity: Severity,
    /// When the condition became true: the raw edge.
    pub since: Time,
    /// When it had held long enough.
    pub opened_at: Time,
    /// `since` need not be when what the condition says now became true: it was edited since, or it was true before, in
    /// the time of an earlier incident.
    #[serde(default, skip_serializing_if = "is_default")]
    pub since_inexact: bool,
    /// It did not hold all the time: since it opened its condition was false for less than `close_after` and then true
    /// again, or had no answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interrupted: bool,
    /// When the condition became false for good: the raw edge. `None` while it lasts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<Time>,
    /// What ended it, where it was not a reading.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended_by: Option<EndedBy>,
    /// The values at `ended` of the facts that the condition reads; `None` for one that was not known then. Empty while
    /// the incident lasts, and where its rule was removed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub facts_at_end: BTreeMap<Name, Option<Value>>,
    /// When `since` became known, where that was more than a minute later, as by a late report.
    #[serde(default, skip_serializing_if = "is_default")]
    pub since_reported: Option<Time>,
    /// When `ended` became known, where that was more than a minute later, as by a late report.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended_reported: Option<Time>,
    /// Who acknowledged it last, and when.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledged: Option<Acknowledgement>,
    /// The condition reads a fact that is not known at present: what is told is what was last seen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unseen: bool,
    /// Its times are by a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncertain: bool,
}

/// The subject matter of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// An incident: every kind but `system`.
    Incident(IncidentSnapshot),
    /// The monitor itself: kind `system`.
    Trouble(TroubleSnapshot),
    /// Nothing but the message: kind `test`.
    Test(TestSnapshot),
}

/// The request for a test message, as the message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestSnapshot {
    /// Who asked for it.
    pub by: String,
}

/// Trouble of the monitor itself, as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleSnapshot {
    /// The trouble.
    #[serde(flatten)]
    pub cause: Cause,
    /// Since when.
    pub since: Time,
    /// Which telling of the device's operators it is, from 1.
    pub number: u64,
}

/// A cause of trouble of the monitor itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// A fact that was known is not known any more.
    Sensor {
        /// The fact.
        fact: Name,
        /// The rules that wait for an answer, pending or closing.
        rules: Vec<Name>,
    },
    /// A hook of a rule's script failed; the value of the file was used.
    Script {
        /// The rule.
        rule: Name,
        /// The hook.
        hook: Name,
        /// The error.
        error: String,
    },
    /// A message was given up undelivered.
    Delivery {
        /// Whom it was for.
        recipient: Name,
        /// By which means.
        channel: Channel,
    },
    /// A problem that the host reports of itself: [`Input::Trouble`](crate::Input::Trouble).
    Host {
        /// The part in trouble: `rules`, `store`, `clock`.
        about: Name,
        /// The problem.
        text: String,
    },
}

impl Cause {
    /// Returns the key that tells causes apart. It goes into the ids of messages about them.
    pub fn key(&self) -> String {
        match self {
            Cause::Sensor { fact, .. } => format!("sensor/{fact}"),
            Cause::Script { rule, .. } => format!("script/{rule}"),
            Cause::Delivery { recipient, channel } => format!("delivery/{recipient}/{}", channel.as_str()),
            Cause::Host { about, .. } => format!("host/{about}"),
        }
    }
}

/// What ended an incident, where it was not a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The rule is no longer among the rules. Nothing is known of its condition.
    RuleRemoved,
    /// The wall clock: the condition reads the time of day or the weekday, and would still be true but for that.
    Clock,
    /// An edit of the rules or of the device's record, by which the condition became false.
    Edit,
    /// A fact that the condition reads became unknown, and the condition is false without it.
    LostSensor,
}

impl EndedBy {
    /// The word that scripts, templates and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndedBy::RuleRemoved => "rule_removed",
            EndedBy::Clock => "clock",
            EndedBy::Edit => "edit",
            EndedBy::LostSensor => "lost_sensor",
        }
    }

    /// The reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            EndedBy::RuleRemoved => "its rule was removed",
            EndedBy::Clock => "by the clock",
            EndedBy::Edit => "by an edit",
            EndedBy::LostSensor => "because a sensor is lost",
        }
    }
}

/// An acknowledgement: somebody takes an incident on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who: a recipient, a dashboard's user or a shell's user.
    pub by: String,
    /// When.
    pub at: Time,
    /// Which of the incident's acknowledgements, from 1.
    pub number: u32,
    /// When it lapsed, if it did: from then on it holds nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lapsed: Option<Time>,
}

/// A subject and a text in a user's own words, from the hook `message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// One message of one incident to one recipient by one channel. The same id means the same message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// hash(incident, kind, step (by its name, else its position) and repeat or the acknowledgement's number,
    /// recipient, channel); of kind `system` hash(device, cause, number, recipient, channel); of kind `test`
    /// hash(device, time, recipient, channel).
    pub id: Id,
    /// When it was decided; never back-dated.
    pub at: Time,
    /// Why it is sent.
    pub kind: Kind,
    /// The latest step it stands for, from 0.
    pub step: u32,
    /// Which repeat of that step, from 1; 0 is the step itself.
    pub repeat: u32,
    /// The recipient's name; an address of `@account` is its own recipient.
    pub recipient: Name,
    /// Where it goes.
    pub address: Address,
    /// The IANA name of the zone that the recipient reads times in.
    pub timezone: Name,
    /// The device that it is about.
    pub device: Device,
    /// The subject: an incident, or the monitor itself.
    #[serde(flatten)]
    pub about: About,
    /// The device's facts at `at`.
    pub facts: BTreeMap<Name, FactSnapshot>,
    /// The words of the rule's own script, in place of the templates'.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wording: Option<Wording>,
}

impl Notification {
    /// Returns the channel by which it goes.
    pub const fn channel(&self) -> Channel {
        self.address.channel()
    }

    /// Returns the incident that it is about; none for the kinds `system` and `test`.
    pub const fn incident(&self) -> Option<&IncidentSnapshot> {
        match &self.about {
            About::Incident(incident) => Some(incident),
            About::Trouble(_) | About::Test(_) => None,
        }
    }

    /// Returns its severity.
    pub const fn severity(&self) -> Severity {
        match &self.about {
            About::Incident(incident) => incident.severity,
            About::Trouble(_) => Severity::Warning,
            About::Test(_) => Severity::Info,
        }
    }

    /// Returns the reference by which a host names the message when it tells the engine what became of it.
    pub fn reference(&self) -> MessageRef {
        MessageRef {
            notification: self.id,
            incident: self.incident().map(|incident| incident.id),
            recipient: self.recipient.clone(),
            channel: self.channel(),
        }
    }
}

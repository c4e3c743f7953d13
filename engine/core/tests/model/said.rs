//! Decisions in the words in which engine and model are compared.

use std::fmt;

use dag_engine::{Channel, Decision, Id, Kind, MessageRef, Name, Notification, Outcome, Refusal, Severity, Time};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    pub at: Time,
    pub rule: Option<Name>,
    pub incident: Option<Id>,
    pub what: String,
}

/// What is compared of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: Id,
    pub kind: Kind,
    pub step: u32,
    pub repeat: u32,
    pub recipient: Name,
    pub channel: Channel,
    /// The address.
    pub to: String,
    pub zone: Name,
    pub at: Time,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq)]
pub enum About {
    Incident {
        rule: Name,
        incident: Id,
        number: u64,
        severity: Severity,
        since: Time,
        opened_at: Time,
        ended: Option<Time>,
        removed: bool,
        acknowledged: Option<(String, Time, u32)>,
        unseen: bool,
        uncertain: bool,
    },
    Trouble {
        cause: String,
        since: Time,
        number: u64,
    },
}

impl Message {
    pub fn reference(&self) -> MessageRef {
        let incident = match self.about {
            About::Incident { incident, .. } => Some(incident),
            About::Trouble { .. } => None,
        };
        MessageRef { notification: self.id, incident, recipient: self.recipient.clone(), channel: self.channel }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        if let Some(rule) = &self.rule {
            write!(f, " {rule}")?;
        }
        if let Some(incident) = &self.incident {
            write!(f, " ({})", &incident.to_string()[..6])?;
        }
        write!(f, " {}", self.what)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, kind) = (&self.id.to_string()[..6], self.kind.as_str());
        write!(f, "{id} {kind} {}/{} to {} by {} ({})", self.step, self.repeat, self.recipient, self.to, self.zone)?;
        match &self.about {
            About::Incident {
                number,
                severity,
                since,
                opened_at,
                ended,
                removed,
                acknowledged,
                unseen,
                uncertain,
                ..
            } => {
                write!(f, ": no. {number}, {}, {since} to {ended:?}, opened {opened_at}", severity.as_str())?;
                write!(f, ", acknowledged {acknowledged:?}")?;
                for (is, word) in [(*removed, "removed"), (*unseen, "unseen"), (*uncertain, "uncertain")] {
                    write!(f, "{}", if is { format!(", {word}") } else { String::new() })?;
                }
                Ok(())
            }
            About::Trouble { cause, since, number } => write!(f, ": {cause}, no. {number}, since {since}"),
        }
    }
}

/// The words of each decision; the model speaks them by itself, the engine's are put into them here.
pub fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pending { due } => format!("pending until {due}"),
        Outcome::Dip { since } => format!("dip since {since}"),
        Outcome::Opened { since } => format!("opened since {since}"),
        Outcome::Closing { due } => format!("closing until {due}"),
        Outcome::Reopened { clear_since } => format!("reopened, clear since {clear_since}"),
        Outcome::Resolved { since, ended, by } => format!("resolved, {since} to {ended}, by {by:?}"),
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::Fired { step, repeat } => format!("fired {step}/{repeat}"),
        Outcome::Held { step, reason } => format!("held {step}: {reason:?}"),
        Outcome::Notify(message) => format!("told {}", told(message)),
        Outcome::Withheld { kind, recipient, channel, reason } => {
            format!("withheld {} from {recipient} by {}: {reason:?}", kind.as_str(), channel.as_str())
        }
        Outcome::Withdrawn { notification, reason } => format!("withdrew {notification}: {reason:?}"),
        Outcome::Acknowledged { by, lapses } => format!("acknowledged by {by} until {lapses:?}"),
        Outcome::AcknowledgementLapsed { by } => format!("acknowledgement by {by} lapsed"),
        Outcome::NobodyToTell { step } => format!("nobody to tell at {step}"),
        Outcome::HookFailed { hook, .. } => format!("hook {hook} failed"),
        Outcome::Refused { reason, subject } => refused(*reason, subject),
        Outcome::RulesChanged { .. } => "rules changed".to_owned(),
        Outcome::Snoozed { by, until } => format!("snoozed by {by} until {until}"),
        Outcome::SnoozeEnded { by } => format!("snooze ended by {by}"),
        Outcome::Silenced { silence } => format!("silenced: {silence:?}"),
        Outcome::SilenceEnded { silence, by } => format!("silence ended by {by}: {silence:?}"),
        Outcome::FellBack { recipient, to } => format!("fell back from {recipient} to {to}"),
        Outcome::Waits { source, until } => format!("{source} waits until {until}"),
        Outcome::Gap { source, boot, last, next_boot, next } => {
            format!("gap of {source} from {boot}/{last} to {next_boot}/{next}")
        }
        Outcome::Troubled { cause } => format!("troubled: {}", cause.key()),
        Outcome::TroubleOver { key } => format!("trouble over: {key}"),
        Outcome::ClockSet { boot, shift_ms } => format!("clock of boot {boot} set by {shift_ms}"),
        Outcome::Renamed { was } => format!("renamed from {was}"),
    }
}

/// The subjects of silences are words for people: the page does not give them.
fn refused(reason: Refusal, subject: &str) -> String {
    match reason {
        Refusal::EndsBeforeItBegins | Refusal::EndsInThePast | Refusal::TooManySilences | Refusal::TooLong => {
            format!("refused: {reason:?}")
        }
        _ => format!("refused {subject}: {reason:?}"),
    }
}

impl From<&Decision> for Said {
    fn from(decision: &Decision) -> Self {
        let Decision { at, rule, incident, outcome } = decision;
        Said { at: *at, rule: rule.clone(), incident: *incident, what: words(outcome) }
    }
}

/// The engine's message, as it is compared.
pub fn told(message: &Notification) -> Message {
    let address = match &message.address {
        dag_engine::Address::Email(address) => address.clone(),
        dag_engine::Address::Webhook { url, .. } => url.clone(),
    };
    let about = match &message.about {
        dag_engine::About::Incident(seen) => About::Incident {
            rule: seen.rule.clone(),
            incident: seen.id,
            number: seen.number,
            severity: seen.severity,
            since: seen.since,
            opened_at: seen.opened_at,
            ended: seen.ended,
            removed: seen.ended_by.is_some(),
            acknowledged: seen.acknowledged.as_ref().map(|given| (given.by.clone(), given.at, given.number)),
            unseen: seen.unseen,
            uncertain: seen.uncertain,
        },
        dag_engine::About::Trouble(seen) => {
            About::Trouble { cause: seen.cause.key(), since: seen.since, number: seen.number }
        }
    };
    Message {
        id: message.id,
        kind: message.kind,
        step: message.step,
        repeat: message.repeat,
        recipient: message.recipient.clone(),
        channel: message.channel(),
        to: address,
        zone: message.timezone.clone(),
        at: message.at,
        about,
    }
}

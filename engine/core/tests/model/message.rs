//! Messages, as engine and model are compared by them.

use std::{collections::BTreeMap, fmt};

use dag_engine::{
    Acknowledgement, Address, Channel, EndedBy, FactSnapshot, Id, Kind, MessageRef, Name, Notification, Severity, Time,
    Value,
};

/// The compared fields of a message.
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
    /// The value of each fact, the last one known, and since when.
    pub facts: BTreeMap<Name, FactSnapshot>,
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
        since_inexact: bool,
        interrupted: bool,
        ended: Option<Time>,
        ended_by: Option<EndedBy>,
        facts_at_end: BTreeMap<Name, Option<Value>>,
        since_reported: Option<Time>,
        ended_reported: Option<Time>,
        acknowledged: Option<Acknowledgement>,
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
                since_inexact,
                interrupted,
                ended,
                ended_by,
                facts_at_end,
                since_reported,
                ended_reported,
                acknowledged,
                unseen,
                uncertain,
                ..
            } => {
                write!(f, ": no. {number}, {}, {since} to {ended:?}, opened {opened_at}", severity.as_str())?;
                write!(f, ", ended by {ended_by:?} with {facts_at_end:?}")?;
                write!(f, ", reported {since_reported:?} to {ended_reported:?}, acknowledged {acknowledged:?}")?;
                for (is, word) in [
                    (*since_inexact, "inexact"),
                    (*interrupted, "interrupted"),
                    (*unseen, "unseen"),
                    (*uncertain, "uncertain"),
                ] {
                    write!(f, "{}", if is { format!(", {word}") } else { String::new() })?;
                }
                Ok(())
            }
            About::Trouble { cause, since, number } => write!(f, ": {cause}, no. {number}, since {since}"),
        }
    }
}

impl From<&Notification> for Message {
    fn from(message: &Notification) -> Self {
        let address = match &message.address {
            Address::Email(address) => address.clone(),
            Address::Webhook { url, .. } => url.clone(),
        };
        let about = match &message.about {
            dag_engine::About::Incident(seen) => About::Incident {
                rule: seen.rule.clone(),
                incident: seen.id,
                number: seen.number,
                severity: seen.severity,
                since: seen.since,
                opened_at: seen.opened_at,
                since_inexact: seen.since_inexact,
                interrupted: seen.interrupted,
                ended: seen.ended,
                ended_by: seen.ended_by,
                facts_at_end: seen.facts_at_end.clone(),
                since_reported: seen.since_reported,
                ended_reported: seen.ended_reported,
                acknowledged: seen.acknowledged.clone(),
                unseen: seen.unseen,
                uncertain: seen.uncertain,
            },
            dag_engine::About::Trouble(seen) => {
                About::Trouble { cause: seen.cause.key(), since: seen.since, number: seen.number }
            }
            dag_engine::About::Test(_) => unreachable!("the engine decides on no test"),
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
            facts: message.facts.clone(),
        }
    }
}

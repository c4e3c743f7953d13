//! Messages, as engine and model are compared by them.

use std::fmt;

use dag_engine::{Address, Channel, Id, Kind, MessageRef, Name, Notification, Severity, Time};

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
                ended: seen.ended,
                removed: seen.ended_by.is_some(),
                acknowledged: seen.acknowledged.as_ref().map(|given| (given.by.clone(), given.at, given.number)),
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
        }
    }
}

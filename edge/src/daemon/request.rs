//! Requests to a running daemon, and its answers.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Channel, GivenAs, Millis, Moment, Name, Silence, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// A request to a running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Asks for a [`Status`](super::Status).
    Status,
    /// Sets a simulated fact.
    Simulate {
        /// The fact.
        fact: Name,
        /// Its new value.
        value: Value,
    },
    /// Acknowledges an incident.
    Acknowledge {
        /// The incident's id or its beginning. `None` is the only open incident.
        incident: Option<String>,
        /// The name of the person.
        by: String,
    },
    /// Lets no step of an incident fire for a while.
    Snooze {
        /// As for [`Request::Acknowledge`].
        incident: Option<String>,
        /// The end.
        until: Until,
        /// The name of the person.
        by: String,
    },
    /// Lets no step of any matching incident fire for a while.
    Silence {
        /// The incidents.
        matcher: Matcher,
        /// The beginning, as it was given. `None` is now.
        from: Option<Moment>,
        /// The end.
        until: Until,
        /// The name of the person.
        by: String,
    },
    /// Sends a test message now.
    Notify {
        /// The recipient or group.
        to: Name,
        /// The channel. `None` is every channel that the recipient has.
        channel: Option<Channel>,
        /// The name of the person who asks.
        by: String,
    },
    /// Reads rules and configuration again.
    Reload,
    /// Asks for a copy of the store. Behind the answer the connection carries the file.
    Backup,
}

/// The answer to a request, or a sentence that says why it was refused.
pub type Answer = Result<serde_json::Value, String>;

/// A request with the sender for its answer.
pub type PendingRequest = (Request, oneshot::Sender<Answer>);

/// The end of a snooze or a silence, as it was given. The daemon works out when that is: it knows the time and the
/// device's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// This long after the beginning.
    For(Millis),
    /// At this moment. A time of the day is the first such one after the beginning, if that is later than now.
    At(Moment),
    /// At once: an earlier snooze or silence is lifted.
    Lifted,
}

/// The incidents that a silence is about. A field that is absent matches any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// The device's id.
    pub device: Option<Name>,
    /// Labels of the device.
    pub labels: BTreeMap<String, String>,
    /// The rule.
    pub rule: Option<Name>,
}

impl Matcher {
    /// Returns the matcher of a silence.
    pub(super) fn of(silence: &Silence) -> Matcher {
        Matcher { device: silence.device.clone(), labels: silence.labels.clone(), rule: silence.rule.clone() }
    }
}

/// Writes the options of `dag silence`, each with a space before it.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.device.iter().try_for_each(|device| write!(f, " --device {device}"))?;
        self.labels.iter().try_for_each(|(label, value)| write!(f, " --label {label}={value}"))?;
        self.rule.iter().try_for_each(|rule| write!(f, " --rule {rule}"))
    }
}

impl Until {
    /// Returns how the end was given.
    pub(super) fn given(self) -> GivenAs {
        match self {
            Until::For(_) | Until::Lifted => GivenAs::Length,
            Until::At(moment) => moment.given(),
        }
    }
}

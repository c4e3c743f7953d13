//! Requests to a running daemon, and its answers.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Channel, GivenAs, Millis, Name, Silence, Time, Value};
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
        /// The beginning. `None` is now.
        from: Option<Time>,
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

/// The end of a snooze or a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// This long after the beginning.
    For(Millis),
    /// At this time.
    At(Time),
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
            Until::At(_) => GivenAs::Date,
        }
    }

    /// Returns the time of the end, for a beginning at `from`.
    pub(super) fn end(self, from: Time, now: Time) -> Time {
        match self {
            Until::For(length) => from + length,
            Until::At(time) => time,
            Until::Lifted => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_from_the_beginning() {
        let at = Time::from_millis;
        assert_eq!(Until::For(Millis::new(5)).end(at(100), at(1)), at(105));
        assert_eq!(Until::At(at(7)).end(at(100), at(1)), at(7));
        assert_eq!(Until::Lifted.end(at(100), at(1)), at(1));
    }
}

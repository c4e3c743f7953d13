//! Requests to a running daemon, and its answers.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Millis, Name, Silence, Time, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// What can be asked of a running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// What it knows and does.
    Status,
    /// Sets a simulated fact.
    Simulate {
        /// Which.
        fact: Name,
        /// To what.
        value: Value,
    },
    /// Takes an incident on.
    Acknowledge {
        /// The incident's id or its beginning; the only open one where none is given.
        incident: Option<String>,
        /// Who.
        by: String,
    },
    /// Lets no step of an incident fire for a while.
    Snooze {
        /// As for [`Request::Acknowledge`].
        incident: Option<String>,
        /// Until when.
        until: Until,
        /// Who.
        by: String,
    },
    /// Lets no step of any matching incident fire for a while.
    Silence {
        /// Which incidents.
        matcher: Matcher,
        /// From when; from now on where nothing is given.
        from: Option<Time>,
        /// Until when.
        until: Until,
        /// Who.
        by: String,
    },
    /// Reads rules and configuration again.
    Reload,
}

/// An answer: what was asked for, or a sentence that says why not.
pub type Answer = Result<serde_json::Value, String>;

/// A request with where its answer goes.
pub type PendingRequest = (Request, oneshot::Sender<Answer>);

/// When it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// So long after it begins.
    For(Millis),
    /// Then.
    At(Time),
    /// Now: what was asked for before is lifted.
    Lifted,
}

/// Which incidents a silence is about. What is absent matches any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matcher {
    /// The device's id.
    pub device: Option<Name>,
    /// Labels that the device has.
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

/// As the options of `dag silence`, each with a space before it.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.device.iter().try_for_each(|device| write!(f, " --device {device}"))?;
        self.labels.iter().try_for_each(|(label, value)| write!(f, " --label {label}={value}"))?;
        self.rule.iter().try_for_each(|rule| write!(f, " --rule {rule}"))
    }
}

impl Until {
    /// Returns the end of what begins at `from`.
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

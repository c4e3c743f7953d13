//! The facts of a rule when its incident ended, and when the message is made.
//!
//! A final message may wait for hours, and an incident may end while what it was about goes on: by the clock, by an
//! edit, because a sensor is lost. So a message says of each fact what it was then and what it is now. "Still" is said
//! only of a value that is known now, and has been the same since the incident began.

use std::collections::BTreeMap;

use dag_engine::{Device, FactSnapshot, IncidentSnapshot, Name, Notification, Time, Value};
use serde::Serialize;

use crate::words::TimeFormatter;

/// Returns the value that a fact has now, if it is known. Of a device that is not connected nothing else is known.
pub(crate) fn value_now(facts: &BTreeMap<Name, FactSnapshot>, name: &str) -> Option<Value> {
    let value = facts.get(name)?.value?;
    let away = facts.get("connection").is_some_and(|link| link.value == Some(Value::Disconnected));
    (!away || name == "connection").then_some(value)
}

/// A fact that the condition of an incident's rule read at its end, as a variable of templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ThenAndNow {
    fact: Name,
    /// The word for the value at the end, with its unit; `None` if it was not known then.
    then: Option<String>,
    /// The word for the value now; `None` if it is not known.
    now: Option<String>,
    /// The last known value, and since when it held.
    #[serde(skip)]
    last: Option<(Value, Time)>,
    since: Option<Time>,
    pub change: Change,
    /// Both in a sentence: `The mains power was off at 12:00, and has been on since 02:00 on Sun 11 Jan.`
    pub sentence: String,
    /// The present alone: `The mains power has been on since 02:00 on Sun 11 Jan.`
    pub present: String,
    /// The present in short, for a subject: `mains power still off`, `mains power now on`. None of numbers, which vary.
    pub in_short: Option<String>,
    #[serde(skip)]
    number: bool,
}

/// The relation of a fact's value now to the one when the incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// It has the value that it took while the incident lasted, or when it ended.
    Since,
    /// It has had one value since the incident began.
    Still,
    /// It differs, or was another in between, or is known now and was not then, or the other way round.
    Changed,
    /// It was not known then, and is not known now.
    Unknown,
}

impl ThenAndNow {
    /// Returns the facts of the rule of an incident that has ended; none while it lasts, and none of a removed rule.
    pub fn all(notification: &Notification, incident: &IncidentSnapshot, times: &TimeFormatter) -> Vec<Self> {
        let Some(ended) = incident.ended else { return Vec::new() };
        let of = |(name, then): (&Name, &Option<Value>)| {
            ThenAndNow::new(notification, name, *then, (incident.since, ended), times)
        };
        incident.facts_at_end.iter().map(of).collect()
    }

    fn new(
        notification: &Notification,
        name: &Name,
        then: Option<Value>,
        (began, ended): (Time, Time),
        times: &TimeFormatter,
    ) -> Self {
        let Notification { facts, device, .. } = notification;
        let now = value_now(facts, name);
        let last = facts.get(name).and_then(|fact| fact.last.zip(fact.since));
        let since = last.map(|(_, since)| since);
        let change = match (then, now) {
            (None, None) => Change::Unknown,
            (Some(then), Some(now)) if then == now && since.is_none_or(|since| since <= began) => Change::Still,
            (Some(then), Some(now)) if then == now && since.is_some_and(|since| since <= ended) => Change::Since,
            _ => Change::Changed,
        };
        let fact = FactWords { name, device };
        let word = |value: Value| fact.word(value);
        let number = then.or(now).or(last.map(|(value, _)| value)).is_some_and(is_number);
        ThenAndNow {
            fact: name.clone(),
            then: then.map(word),
            now: now.map(word),
            last,
            since,
            change,
            sentence: fact.sentence(change, (then, now), last, ended, times),
            present: fact.present(then, now, last, ended, times),
            in_short: (!number).then(|| fact.in_short(change, now)),
            number,
        }
    }

    /// Returns whether it had one value from the incident's beginning to its end.
    pub fn outlasted(&self, incident: &IncidentSnapshot) -> bool {
        matches!(self.change, Change::Still)
            // A value that is not known now may still be known to have held.
            || self.now.is_none()
                && self.then.is_some()
                && self.last.is_some_and(|(_, since)| since <= incident.since)
    }

    /// Returns whether its value is worth a word though it stayed: that of a door is, a number says nothing.
    pub fn stayed(&self) -> bool {
        self.change == Change::Still && !self.number
    }

    /// Returns whether it changed in a way that may turn the news into another: numbers vary all the time.
    pub fn turned(&self) -> bool {
        self.change == Change::Changed && !(self.number && self.now.is_some())
    }
}

/// The words for a fact.
struct FactWords<'a> {
    name: &'a Name,
    device: &'a Device,
}

impl FactWords<'_> {
    /// Returns what a sentence says of the value: `mains power`, `freezer door`.
    fn subject(&self) -> String {
        match self.name.as_str() {
            "power" => "mains power".to_owned(),
            "battery_mv" => "battery voltage".to_owned(),
            "connection" => "monitor".to_owned(),
            other => other.replace(['-', '_'], " ").to_lowercase(),
        }
    }

    /// Returns the same where nothing is known: of the monitor that is its connection.
    fn unknown(&self) -> String {
        if self.name.as_str() == "connection" { "connection of the monitor".to_owned() } else { self.subject() }
    }

    /// Returns the configuration's word for a value, else the value with its unit.
    fn word(&self, value: Value) -> String {
        let unit = match (self.name.as_str(), value) {
            ("battery", Value::Number(_)) => " %",
            ("battery_mv", Value::Number(_)) => " mV",
            _ => "",
        };
        self.device.label(self.name, value).map_or_else(|| format!("{value}{unit}"), str::to_owned)
    }

    /// Returns the word as it stands behind "is": `off`, `at 34 %`.
    fn phrase(&self, value: Value) -> String {
        let word = self.word(value);
        if is_number(value) { format!("at {word}") } else { word }
    }

    fn sentence(
        &self,
        change: Change,
        (then, now): (Option<Value>, Option<Value>),
        last: Option<(Value, Time)>,
        ended: Time,
        times: &TimeFormatter,
    ) -> String {
        let subject = self.subject();
        let last_seen =
            || last.map_or(String::new(), |(value, _)| format!("; when last seen, it was {}", self.phrase(value)));
        let since = last.map(|(_, since)| since).filter(|since| *since > ended);
        // Two moments of one minute need their seconds.
        let since = since.filter(|_| now.is_some());
        let (end, began) = since.map_or_else(|| (times.time(ended), String::new()), |since| times.pair(ended, since));
        match (then, now) {
            (None, None) => format!("The {} is not known{}.", self.unknown(), last_seen()),
            (Some(value), Some(_)) if change == Change::Still => {
                format!("The {subject} is still {}.", self.phrase(value))
            }
            (Some(value), Some(_)) if change == Change::Since && is_number(value) => {
                format!("The {subject} is {}.", self.phrase(value))
            }
            (Some(value), Some(_)) if change == Change::Since => {
                let since = last.map_or(ended, |(_, since)| since);
                format!("The {subject} has been {} since {}.", self.phrase(value), times.time(since))
            }
            (Some(then), Some(now)) => {
                let again = if then == now && since.is_some() { " again" } else { "" };
                let held = self.held(now, again, &began).unwrap_or_else(|| format!("is {} now", self.phrase(now)));
                format!("The {subject} was {} at {end}, and {held}.", self.phrase(then))
            }
            (None, Some(now)) => {
                let held = self.held(now, "", &began).unwrap_or_else(|| format!("is {} now", self.phrase(now)));
                format!("The {} was not known at {end}, and {held}.", self.unknown())
            }
            (Some(then), None) => {
                let other = last.filter(|(value, _)| *value != then).is_some();
                let last_seen = if other { last_seen() } else { String::new() };
                format!("The {subject} was {} at {end}, and is not known now{last_seen}.", self.phrase(then))
            }
        }
    }

    fn present(
        &self,
        then: Option<Value>,
        now: Option<Value>,
        last: Option<(Value, Time)>,
        ended: Time,
        times: &TimeFormatter,
    ) -> String {
        let since = last.map(|(_, since)| since).filter(|since| *since > ended);
        match now {
            Some(now) => {
                let again = if then == Some(now) && since.is_some() { " again" } else { "" };
                let began = since.map_or(String::new(), |since| times.pair(ended, since).1);
                let held = self.held(now, again, &began).unwrap_or_else(|| format!("is {} now", self.phrase(now)));
                format!("The {} {held}.", self.subject())
            }
            None => {
                let last =
                    last.map_or(String::new(), |(value, _)| format!("; when last seen, it was {}", self.phrase(value)));
                format!("The {} is not known now{last}.", self.unknown())
            }
        }
    }

    fn in_short(&self, change: Change, now: Option<Value>) -> String {
        match (now.map(|value| self.word(value)), change) {
            (Some(word), Change::Still) => format!("{} still {word}", self.subject()),
            (Some(word), Change::Since) => format!("{} {word}", self.subject()),
            (Some(word), _) => format!("{} now {word}", self.subject()),
            (None, Change::Unknown) => format!("{} not known", self.unknown()),
            (None, _) => format!("{} not known now", self.unknown()),
        }
    }

    /// Returns `has been on since 02:00`, if the time is known. Numbers seldom hold for long, so that they are told
    /// without one.
    fn held(&self, value: Value, again: &str, since: &str) -> Option<String> {
        let timed = !is_number(value) && !since.is_empty();
        timed.then(|| format!("has been {}{again} since {since}", self.phrase(value)))
    }
}

fn is_number(value: Value) -> bool {
    matches!(value, Value::Number(_))
}

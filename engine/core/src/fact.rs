//! Facts: the named values of a device that conditions read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Name, Time, clock_shift::RecordShift, is_default};

/// What values a fact may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// `on` or `off`: the mains, and every digital input that a user names.
    Switch,
    /// `connected` or `disconnected`: known only to the cloud.
    Link,
    /// An integer; the unit is part of the fact's meaning (`battery` in percent, `battery_mv` in millivolts).
    Number,
}

impl FactKind {
    /// The values, in words.
    pub const fn describe(self) -> &'static str {
        match self {
            FactKind::Switch => "`on` or `off`",
            FactKind::Link => "`connected` or `disconnected`",
            FactKind::Number => "a number",
        }
    }

    /// Whether `value` is one of this kind's.
    pub fn holds(self, value: Value) -> bool {
        match self {
            FactKind::Switch => matches!(value, Value::On | Value::Off),
            FactKind::Link => matches!(value, Value::Connected | Value::Disconnected),
            FactKind::Number => matches!(value, Value::Number(_)),
        }
    }
}

/// The facts that every device has, known or not.
pub const BUILT_IN: [(&str, FactKind); 4] = [
    ("power", FactKind::Switch),
    ("battery", FactKind::Number),
    ("battery_mv", FactKind::Number),
    ("connection", FactKind::Link),
];

/// A fact's value. An unknown one is `None` wherever a value is optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A switch that is on: mains present.
    On,
    /// A switch that is off: mains gone.
    Off,
    /// The device has a connection to the broker.
    Connected,
    /// The device has no connection to the broker.
    Disconnected,
    /// Percent, millivolts or a user's own unit.
    Number(i64),
}

impl Value {
    /// The names by which conditions, scenarios and traces call the values that have one.
    pub const NAMED: [(&'static str, Value); 4] = [
        ("on", Value::On),
        ("off", Value::Off),
        ("connected", Value::Connected),
        ("disconnected", Value::Disconnected),
    ];

    /// The name, for the values that have one; a number's is empty.
    pub(crate) fn name(self) -> &'static str {
        Value::NAMED.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }

    /// Reads `on`, `off`, `connected`, `disconnected` or an integer; anything else is `None`.
    pub fn parse(text: &str) -> Option<Value> {
        let named = Value::NAMED.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        named.or_else(|| text.parse().ok().map(Value::Number))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            named => f.write_str(named.name()),
        }
    }
}

/// A named value is a JSON string, a number a JSON number.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(number) => serializer.serialize_i64(*number),
            named => serializer.serialize_str(named.name()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`on`, `off`, `connected`, `disconnected` or an integer")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                i64::try_from(number).map(Value::Number).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let named = Value::NAMED.iter().find(|(name, _)| *name == text);
                named.map(|(_, value)| *value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A fact's value at a time. `None` says that the value is not known from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Which fact.
    pub fact: Name,
    /// Its value, or `None` when its source is lost.
    pub value: Option<Value>,
    /// When it took that value, by the clock of its source.
    pub at: Time,
}

/// Readings of one source, numbered one after the other within a boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Where the readings come from.
    pub source: Name,
    /// Which start of the source this is; later ones are higher.
    pub boot: u64,
    /// The number of the last reading of the boot before, named by a boot's first report.
    #[serde(default, skip_serializing_if = "is_default")]
    pub before: Option<u64>,
    /// The number of the first reading; the others follow it. Numbers start at 1 in every boot.
    pub first: u64,
    /// How many of the first readings are sent again on purpose, in case they were lost.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resent: u64,
    /// Further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more: bool,
    /// The clock that gave the readings their times was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub uncertain: bool,
    /// The readings, oldest first.
    pub readings: Vec<Reading>,
}

/// How many of a fact's changes are remembered.
const CHANGES_KEPT: usize = 64;

/// What is known of one fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact {
    /// The value now; `None` when its source is lost.
    pub value: Option<Value>,
    /// The time of the last reading.
    pub at: Time,
    /// The last value that was known, and since when it held: an unknown between two equal values is no change.
    pub last: Option<(Value, Time)>,
    /// When it changed from one known value to another, oldest first.
    #[serde(default, with = "changes", skip_serializing_if = "is_default")]
    changes: Vec<Time>,
}

impl Fact {
    fn new(at: Time) -> Self {
        Fact { value: None, at, last: None, changes: Vec::new() }
    }

    /// Takes a reading over. A change never counts as earlier than the one before it: a source with a wrong clock cannot
    /// put changes out of order.
    fn set(&mut self, value: Option<Value>, at: Time) {
        self.at = at;
        self.value = value;
        let Some(value) = value else { return };
        match self.last {
            Some((last, _)) if last == value => {}
            None => self.last = Some((value, at)),
            Some((_, since)) => {
                let at = at.max(since);
                if self.changes.len() == CHANGES_KEPT {
                    self.changes.remove(0);
                }
                self.changes.push(at);
                self.last = Some((value, at));
            }
        }
    }

    /// The clock was set. Changes stay in order: none moves before the one before it.
    fn shift(&mut self, shift: RecordShift) {
        self.at = shift.apply(self.at);
        let mut last = Time::MIN;
        for change in &mut self.changes {
            last = shift.apply(*change).max(last);
            *change = last;
        }
        if let Some((_, since)) = &mut self.last {
            *since = shift.apply(*since).max(last);
        }
    }

    /// The changes `c` with `after < c <= until`, oldest first.
    pub fn changes(&self, after: Time, until: Time) -> &[Time] {
        let from = self.changes.partition_point(|change| *change <= after);
        let to = self.changes.partition_point(|change| *change <= until);
        self.changes.get(from..to.max(from)).unwrap_or_default()
    }
}

/// The facts of one device, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Facts(BTreeMap<Name, Fact>);

impl Facts {
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    /// Takes a reading over, and answers whether the fact was known before.
    pub fn set(&mut self, name: &Name, value: Option<Value>, at: Time) -> bool {
        let fact = match self.0.get_mut(name) {
            Some(fact) => fact,
            None => self.0.entry(name.clone()).or_insert_with(|| Fact::new(at)),
        };
        let known = fact.value.is_some();
        fact.set(value, at);
        known
    }

    /// The clock was set.
    pub fn shift(&mut self, shift: RecordShift) {
        self.0.values_mut().for_each(|fact| fact.shift(shift));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Fact)> {
        self.0.iter()
    }
}

/// Changes are stored as a text: the newest time and the gaps before it in milliseconds, each as digits of five bits, the
/// lowest first; a digit that is not the last of its number has a sixth bit. A fifth of the bytes of a list of times.
mod changes {
    use std::borrow::Cow;

    use super::{Deserialize, Deserializer, Serializer, Time};

    const DIGITS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

    pub fn serialize<S: Serializer>(changes: &[Time], serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        let mut later = None;
        for change in changes.iter().rev() {
            let time = change.as_millis().unsigned_abs();
            let mut rest = later.map_or(time, |later: u64| later.saturating_sub(time));
            later = Some(time);
            loop {
                let more = rest > 31;
                let digit = usize::try_from(rest % 32).unwrap_or(0) + if more { 32 } else { 0 };
                text.extend(DIGITS.get(digit).copied().map(char::from));
                rest /= 32;
                if !more {
                    break;
                }
            }
        }
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Time>, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let mut changes = Vec::new();
        let (mut later, mut number, mut shift) = (None, 0_u64, 0_u32);
        for letter in text.bytes() {
            let digit = DIGITS.iter().position(|digit| *digit == letter).and_then(|at| u64::try_from(at).ok());
            let digit = digit.filter(|_| shift < 60);
            let digit = digit.ok_or_else(|| serde::de::Error::custom("this is no list of changes"))?;
            number |= (digit % 32) << shift;
            shift += 5;
            if digit < 32 {
                let time = later.map_or(number, |later: u64| later.saturating_sub(number));
                later = Some(time);
                changes.push(Time::from_millis(i64::try_from(time).unwrap_or(i64::MAX)));
                (number, shift) = (0, 0);
            }
        }
        changes.reverse();
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn an_unknown_between_two_equal_values_is_no_change() {
        let mut facts = Facts::default();
        let power = Name::new("power");
        for (value, at) in [(Some(Value::On), 1), (None, 2), (Some(Value::On), 3), (None, 4), (Some(Value::Off), 5)] {
            facts.set(&power, value, t(at));
        }
        let fact = facts.get("power").unwrap();
        assert_eq!(fact.changes(t(0), t(9)), [t(5)]);
        assert_eq!(fact.last, Some((Value::Off, t(5))));
    }

    #[test]
    fn the_last_64_changes_survive_storage() {
        let mut fact = Fact::new(t(0));
        for at in 0..100 {
            fact.set(Some(Value::Number(at)), t(1_700_000_000_000 + at * at));
        }
        let stored = serde_json::to_string(&fact).unwrap();
        let read: Fact = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, fact);
        assert_eq!(read.changes(t(0), t(i64::MAX)).len(), CHANGES_KEPT);
    }
}

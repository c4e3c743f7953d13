//! The facts of a device, as far as they are known.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Name, Time, Value, clock_shift::RecordShift, is_default};

/// The number of a fact's changes that are remembered.
const CHANGES_KEPT: usize = 64;

/// A fact, as far as it is known.
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

    /// Applies a reading. A change never counts as earlier than the one before it: a source with a wrong clock cannot
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

    /// Applies a reading, and returns whether the fact was known before.
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

/// Changes are stored as a text: the newest time and the gaps before it in milliseconds, each as digits of five bits,
/// the lowest first. A digit that is not the last of its number has a sixth bit. It takes a fifth of the bytes of a
/// list of times.
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

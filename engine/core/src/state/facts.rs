//! The facts of a device, as far as they are known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::history::{Change, History};
use crate::{Name, Time, Value, clock_shift::RecordShift, is_default};

/// A fact, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StoredFact")]
pub(crate) struct Fact {
    /// The value now; `None` when its source is lost.
    pub value: Option<Value>,
    /// The time of the last reading.
    pub at: Time,
    /// The values that were known. An unknown between two equal ones is no change.
    history: History,
}

/// A fact as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredFact {
    value: Option<Value>,
    at: Time,
    last: Option<(Value, Time)>,
    #[serde(default, skip_serializing_if = "is_default")]
    before: String,
    #[serde(default, skip_serializing_if = "is_default")]
    forgot: bool,
    /// In place of `before`, as an earlier version stored it.
    #[serde(default, skip_serializing)]
    changes: String,
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = self.last().map(|last| (last.value, last.at));
        let before = self.history.pack();
        let forgot = self.history.forgot;
        StoredFact { value: self.value, at: self.at, last, before, forgot, changes: String::new() }
            .serialize(serializer)
    }
}

impl TryFrom<StoredFact> for Fact {
    type Error = &'static str;

    fn try_from(stored: StoredFact) -> Result<Fact, Self::Error> {
        let StoredFact { value, at, last, before, forgot, changes } = stored;
        let last = last.map(|(value, at)| Change { value, at });
        let history = match changes.as_str() {
            "" => History::unpack(last, &before, forgot),
            times => History::unpack_times(last, times),
        };
        let history = history.ok_or("this is no history of a fact")?;
        Ok(Fact { value, at, history })
    }
}

impl Fact {
    fn new(at: Time) -> Self {
        Fact { value: None, at, history: History::default() }
    }

    fn set(&mut self, value: Option<Value>, at: Time) {
        self.at = at;
        self.value = value;
        if let Some(value) = value {
            self.history.note(Change { value, at });
        }
    }

    fn shift(&mut self, shift: RecordShift) {
        self.at = shift.apply(self.at);
        self.history.shift(shift);
    }

    /// Returns the last value that was known, and since when it held.
    pub fn last(&self) -> Option<Change> {
        self.history.last()
    }

    /// Returns the value at `at`. Before what is remembered it is the oldest. `None` if it is not known now, and before
    /// the first reading.
    pub fn value_at(&self, at: Time) -> Option<Value> {
        self.value?;
        self.history.at(at).map(|change| change.value)
    }

    /// Returns the same, but `None` before what is remembered.
    pub fn remembered_at(&self, at: Time) -> Option<Value> {
        self.value_at(at).filter(|_| self.history.begins().is_some_and(|begins| begins <= at))
    }

    /// Returns since when the value of `at` has held.
    pub fn held_since(&self, at: Time) -> Option<Time> {
        self.history.at(at).map(|change| change.at)
    }

    /// Returns the time of the last change before `at`, or of the first reading.
    pub fn turned_before(&self, at: Time) -> Option<Time> {
        self.history.before(at)
    }

    /// Returns the number of changes `c` with `after < c <= until`, and the time of the oldest of them.
    pub fn changes(&self, after: Time, until: Time) -> (usize, Option<Time>) {
        self.history.changes(after, until)
    }

    /// Returns the time of the first change after `at`, or of the first reading.
    pub fn next_change(&self, at: Time) -> Option<Time> {
        self.history.next(at)
    }

    /// Returns whether it changed more than once at `at`: it had another value in between, for no time.
    pub fn flickered_at(&self, at: Time) -> bool {
        self.history.flickered_at(at)
    }

    /// Returns whether it changed at `at`.
    pub fn changed_at(&self, at: Time) -> bool {
        self.history.changed_at(at)
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
        assert_eq!(fact.changes(t(0), t(9)), (1, Some(t(5))));
        assert_eq!(fact.last(), Some(Change { value: Value::Off, at: t(5) }));
    }

    #[test]
    fn a_fact_has_the_value_of_each_time_and_none_while_it_is_unknown() {
        let mut fact = Fact::new(t(0));
        for (value, at) in [(Value::On, 10), (Value::Off, 20), (Value::On, 20), (Value::Off, 30)] {
            fact.set(Some(value), t(at));
        }
        let (on, off) = (Some(Value::On), Some(Value::Off));
        assert_eq!([9, 10, 19, 20, 29, 30, 99].map(|at| fact.value_at(t(at))), [None, on, on, on, on, off, off]);
        let next = [9, 10, 20, 30].map(|at| fact.next_change(t(at)));
        assert_eq!(next, [Some(t(10)), Some(t(20)), Some(t(30)), None]);
        assert_eq!([30, 20, 10].map(|at| fact.turned_before(t(at))), [Some(t(20)), Some(t(10)), None]);
        fact.set(None, t(40));
        assert_eq!((fact.value_at(t(10)), fact.remembered_at(t(10))), (None, None));
    }
}

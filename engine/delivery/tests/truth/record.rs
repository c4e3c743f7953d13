//! The raw facts: what each fact was when, as the readings said. Plain lists, apart from what the engine remembers.

use std::collections::BTreeMap;

use dag_engine::{Name, Reading, Time, Value};

/// Every reading that was applied, by fact, in the order in which it was.
#[derive(Default)]
pub struct Record {
    samples: BTreeMap<Name, Vec<Sample>>,
    /// When a source last read a fact in its present boot.
    read: BTreeMap<(Name, Name), Time>,
}

/// One reading of a fact.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The time that it counts for.
    at: Time,
    value: Option<Value>,
    /// When it came.
    came: Time,
}

/// A known value that differs from the one before it, or the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Time,
    pub value: Value,
    pub came: Time,
}

impl Record {
    /// Adds a reading that came at `now`. It counts for its time, but not for one after `now`, nor for one before the
    /// last reading of the fact from the same source in the same boot.
    pub fn add(&mut self, source: &Name, reading: &Reading, now: Time) {
        let floor = self.read.entry((source.clone(), reading.fact.clone())).or_insert(Time::MIN);
        let at = reading.at.min(now).max(*floor);
        *floor = at;
        self.samples.entry(reading.fact.clone()).or_default().push(Sample { at, value: reading.value, came: now });
    }

    /// A source restarts.
    pub fn boot(&mut self, source: &Name) {
        self.read.retain(|(of, _), _| of != source);
    }

    /// The clock was set: what was recorded from `began` on moves.
    pub fn shift(&mut self, moved: &impl Fn(Time) -> Time) {
        for sample in self.samples.values_mut().flatten() {
            (sample.at, sample.came) = (moved(sample.at), moved(sample.came));
        }
        self.read.values_mut().for_each(|at| *at = moved(*at));
    }

    /// Returns the first known value of a fact and its changes, oldest first. None counts as earlier than the one
    /// before it.
    pub fn changes(&self, fact: &str) -> Vec<Change> {
        changes(self.samples.get(fact).map(Vec::as_slice).unwrap_or_default())
    }

    /// Returns the value that the last change at or before `at` brought. Before the first reading there is none.
    pub fn value_at(&self, fact: &str, at: Time) -> Option<Value> {
        let changes = self.changes(fact);
        changes.iter().rfind(|change| change.at <= at).map(|change| change.value)
    }

    /// Returns the values that the fact had in the millisecond `at`, and just before it: by what is known now, and by
    /// what was known at any time since then.
    pub fn values_in(&self, fact: &str, at: Time) -> Vec<Value> {
        let mut values = Vec::new();
        let samples = self.samples.get(fact).map(Vec::as_slice).unwrap_or_default();
        let first = samples.partition_point(|sample| sample.came < at);
        for known in first..=samples.len() {
            let changes = changes(&samples[..known]);
            let before = changes.iter().rfind(|change| change.at < at);
            values.extend(before.into_iter().chain(changes.iter().filter(|change| change.at == at)).map(|c| c.value));
        }
        values
    }

    /// Returns whether a known value was read that counts for `at`: at that time, or before it and reported after it.
    pub fn was_read_for(&self, fact: &str, at: Time) -> bool {
        let mut samples = self.samples.get(fact).into_iter().flatten().filter(|sample| sample.value.is_some());
        samples.any(|sample| sample.at == at || sample.at < at && at < sample.came)
    }

    /// Returns whether the fact changed more than once in the millisecond `at`: what was true within it is not told
    /// apart.
    pub fn changed_twice(&self, fact: &str, at: Time) -> bool {
        self.changes(fact).iter().filter(|change| change.at == at).count() > 1
    }

    /// Returns the last change.
    pub fn last(&self, fact: &str) -> Option<Change> {
        self.changes(fact).pop()
    }

    /// Returns the value now. `None` if it is not known.
    pub fn now(&self, fact: &str) -> Option<Value> {
        self.samples.get(fact)?.last()?.value
    }

    /// Returns the last reading that said that the fact is not known, if that is so still, and when it came.
    pub fn lost_since(&self, fact: &str) -> Option<Time> {
        let samples = self.samples.get(fact)?;
        let lost = samples.iter().rev().take_while(|sample| sample.value.is_none()).last()?;
        Some(lost.at)
    }

    /// Returns whether the fact took a value at `at`.
    pub fn changed_to(&self, fact: &str, value: Value, at: Time) -> bool {
        self.changes(fact).iter().any(|change| change.at == at && change.value == value)
    }

    /// Returns whether the fact was not known in the millisecond `at`, or just before it.
    pub fn lost_at(&self, fact: &str, at: Time) -> bool {
        let samples = || self.samples.get(fact).into_iter().flatten();
        let before = samples().rfind(|sample| sample.at < at);
        let mut inside = samples().filter(|sample| sample.at == at);
        before.is_none_or(|sample| sample.value.is_none()) || inside.any(|sample| sample.value.is_none())
    }

    /// Returns whether the fact was not known for some time between two moments.
    pub fn was_lost_between(&self, fact: &str, from: Time, to: Time) -> bool {
        let mut samples = self.samples.get(fact).into_iter().flatten();
        samples.any(|sample| sample.value.is_none() && from <= sample.at && sample.at <= to)
    }

    /// Returns the facts of which a value was ever known.
    pub fn known(&self) -> impl Iterator<Item = &Name> {
        self.samples
            .iter()
            .filter(|(_, samples)| samples.iter().any(|sample| sample.value.is_some()))
            .map(|(fact, _)| fact)
    }
}

fn changes(samples: &[Sample]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for sample in samples {
        let Some(value) = sample.value else { continue };
        match changes.last() {
            Some(last) if last.value == value => {}
            last => {
                let at = last.map_or(sample.at, |last| sample.at.max(last.at));
                changes.push(Change { at, value, came: sample.came });
            }
        }
    }
    changes
}

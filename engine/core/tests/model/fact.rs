//! A fact: its value, and the values that it had.

use dag_engine::{Time, Value};

#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// None while it is unknown.
    pub value: Option<Value>,
    /// The known values with the times from which they held, oldest first: the last 64 changes, and one before them.
    pub values: Vec<(Time, Value)>,
    /// The first reading is not among them any more.
    pub forgotten: bool,
}

impl Fact {
    pub fn new() -> Self {
        Fact { value: None, values: Vec::new(), forgotten: false }
    }

    pub fn set(&mut self, value: Option<Value>, at: Time) {
        self.value = value;
        let Some(value) = value else { return };
        match self.values.last().copied() {
            Some((_, last)) if last == value => {}
            Some((since, last)) if is_number(last) == is_number(value) => {
                // Neither earlier than the change before it, nor than the first reading.
                self.values.push((at.max(since), value));
                if self.values.len() > 65 {
                    self.values.remove(0);
                    self.forgotten = true;
                }
            }
            // The first reading, or the first of another kind.
            _ => (self.values, self.forgotten) = (vec![(at, value)], false),
        }
    }

    /// Returns the value of `t` with the time of its reading, unless the fact is unknown now or was not read by then.
    pub fn at(&self, t: Time) -> Option<(Time, Value)> {
        self.value?;
        let held = self.values.iter().rev().find(|(since, _)| *since <= t);
        held.or(self.values.first().filter(|_| self.forgotten)).copied()
    }

    /// Returns the times of the changes that are remembered.
    pub fn changes(&self) -> impl Iterator<Item = Time> {
        self.values.iter().skip(1).map(|(at, _)| *at)
    }
}

fn is_number(value: Value) -> bool {
    matches!(value, Value::Number(_))
}

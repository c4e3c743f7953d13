//! A fact: its value, and when it changed.

use dag_engine::{Time, Value};

#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// None while it is unknown.
    pub value: Option<Value>,
    pub last_known: Option<Value>,
    /// When it last changed; before any change, when it was first known.
    pub since: Time,
    /// The last 64, oldest first.
    pub changes: Vec<Time>,
}

impl Fact {
    pub fn new() -> Self {
        Fact { value: None, last_known: None, since: Time::MAX, changes: Vec::new() }
    }

    pub fn set(&mut self, value: Option<Value>, at: Time) {
        self.value = value;
        let Some(value) = value else { return };
        match self.last_known {
            None => self.since = at,
            Some(last) if last == value => {}
            Some(_) => {
                // Neither earlier than the change before it, nor than the first reading.
                self.since = at.max(self.since);
                self.changes.push(self.since);
                if self.changes.len() > 64 {
                    self.changes.remove(0);
                }
            }
        }
        self.last_known = Some(value);
    }
}

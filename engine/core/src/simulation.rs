//! A host without a world: it calls the engine at every deadline and counts every message as delivered at once.

use crate::{Decision, Device, Engine, Input, Name, Reading, Report, State, Time, Value};

/// One device on simulated time.
pub struct Simulation<'e> {
    engine: &'e Engine,
    state: State,
    next_reading: u64,
}

impl<'e> Simulation<'e> {
    /// A device of which nothing is known yet.
    pub fn new(engine: &'e Engine, device: Device) -> Self {
        Simulation { engine, state: State::new(device), next_reading: 1 }
    }

    /// The device's state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Lets time pass up to and including `until`, firing every deadline at its own time, and gives each decision to
    /// `on`.
    pub fn advance(&mut self, until: Time, on: &mut dyn FnMut(&Decision)) {
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= until) {
            self.step(Input::Elapsed, deadline, on);
        }
    }

    /// Lets time pass up to `at`, then sets facts, as one report.
    pub fn set(&mut self, facts: &[(Name, Option<Value>)], at: Time, on: &mut dyn FnMut(&Decision)) {
        self.advance(at, on);
        let readings = facts.iter().map(|(fact, value)| Reading { fact: fact.clone(), value: *value, at });
        let readings: Vec<Reading> = readings.collect();
        let first = self.next_reading;
        self.next_reading += readings.len() as u64;
        self.step(
            Input::Report(Report { source: "simulation".into(), boot: 1, first, readings, ..Report::default() }),
            at,
            on,
        );
    }

    /// Takes one input over at `now`.
    pub fn step(&mut self, input: Input, now: Time, on: &mut dyn FnMut(&Decision)) {
        let mut decisions = self.engine.step(&mut self.state, input, now);
        let sent: Vec<_> = crate::notifications(&decisions).map(crate::Notification::reference).collect();
        for message in sent {
            decisions.extend(self.engine.step(&mut self.state, Input::Attempted(message.clone()), now));
            decisions.extend(self.engine.step(&mut self.state, Input::Delivered(message), now));
        }
        decisions.iter().for_each(on);
    }
}

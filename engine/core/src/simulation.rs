//! A host without a world: it calls the engine at every deadline and counts every message as delivered at once.

use crate::{Decision, Device, Engine, Input, Name, Outcome, Reading, Report, State, Time, Value};

/// One device on simulated time.
#[derive(Debug)]
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
        self.report(readings.collect(), false, at, on);
    }

    /// Takes readings over at `now`, as one report of the device's only source. `more` says that parts of it follow.
    pub fn report(&mut self, readings: Vec<Reading>, more: bool, now: Time, on: &mut dyn FnMut(&Decision)) {
        let first = self.next_reading;
        self.next_reading += readings.len() as u64;
        let source = Name::new_static("simulation");
        let report = Report { source, boot: 1, first, more, readings, ..Report::default() };
        self.step(Input::Report(report), now, on);
    }

    /// Takes one input over at `now`.
    pub fn step(&mut self, input: Input, now: Time, on: &mut dyn FnMut(&Decision)) {
        let mut decisions = self.engine.step(&mut self.state, input, now);
        let mut told = 0;
        while let Some(decision) = decisions.get(told) {
            told += 1;
            if let Outcome::Notify(notification) = &decision.outcome {
                let message = notification.reference();
                decisions.extend(self.engine.step(&mut self.state, Input::Attempted(message.clone()), now));
                decisions.extend(self.engine.step(&mut self.state, Input::Delivered(message), now));
            }
        }
        decisions.iter().for_each(on);
    }
}

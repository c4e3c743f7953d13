//! Runs the rules of many devices on simulated time. As on a live host, the engine is called at every deadline and at
//! every report; at equal times the deadline comes first.

use std::collections::BTreeSet;

use dag_engine::{Decision, Device, Engine, Input, Name, Simulation, Time};

use super::TraceReport;

/// A decision for a device, with the time of the engine's step. The decision itself says when an episode happened.
#[derive(Clone, Copy, Debug)]
pub struct DeviceDecision<'a> {
    /// The time of the step.
    pub at: Time,
    /// The device.
    pub device: &'a Device,
    /// The decision.
    pub decision: &'a Decision,
}

/// A function that is called with each decision in turn. An error ends the replay.
pub type DecisionHandler<'a, E> = &'a mut dyn FnMut(DeviceDecision<'_>) -> Result<(), E>;

/// A replay of devices under the same rules. Every message counts as delivered at once.
#[derive(Debug)]
pub struct Replay<'e> {
    devices: &'e [Device],
    running: Vec<Simulation<'e>>,
    /// The deadlines, with the place of their device.
    due: BTreeSet<(Time, usize)>,
}

impl<'e> Replay<'e> {
    /// Starts with devices of which nothing is known.
    pub fn new(engine: &'e Engine, devices: &'e [Device]) -> Self {
        let running = devices.iter().map(|device| Simulation::new(engine, device.clone())).collect();
        Replay { devices, running, due: BTreeSet::new() }
    }

    /// Advances the time to `until`, and fires every deadline up to and including it in order.
    ///
    /// # Errors
    /// The error of `on`.
    pub fn advance<E>(&mut self, until: Time, on: DecisionHandler<'_, E>) -> Result<(), E> {
        while let Some((at, device)) = self.due.first().copied().filter(|(at, _)| *at <= until) {
            self.step(device, at, on, |simulation, on| simulation.step(Input::Elapsed, at, on))?;
        }
        Ok(())
    }

    /// Advances the time to a report's arrival, and applies the report.
    ///
    /// # Errors
    /// The error of `on`.
    pub fn report<E>(&mut self, report: TraceReport, on: DecisionHandler<'_, E>) -> Result<(), E> {
        let TraceReport { at, device, readings, more } = report;
        self.advance(at, on)?;
        self.step(device, at, on, |simulation, on| simulation.report(readings, more, at, on))
    }

    /// Returns the rules that wait until an incident opens, with their devices and when it would open.
    pub fn pending(&self) -> impl Iterator<Item = (&Device, &Name, Time)> {
        let devices = self.devices.iter().zip(&self.running);
        devices.flat_map(|(device, running)| running.state().pending().map(move |(rule, _, due)| (device, rule, due)))
    }

    fn step<E>(
        &mut self,
        number: usize,
        at: Time,
        on: DecisionHandler<'_, E>,
        work: impl FnOnce(&mut Simulation<'e>, &mut dyn FnMut(&Decision)),
    ) -> Result<(), E> {
        let (Some(device), Some(simulation)) = (self.devices.get(number), self.running.get_mut(number)) else {
            return Ok(());
        };
        let before = simulation.state().next_deadline();
        let mut told = Ok(());
        work(simulation, &mut |decision| {
            if told.is_ok() {
                told = on(DeviceDecision { at, device, decision });
            }
        });
        // A deadline that is not ahead would fire for ever.
        let after = simulation.state().next_deadline().filter(|after| *after > at);
        if before != after {
            before.map(|before| self.due.remove(&(before, number)));
            self.due.extend(after.map(|after| (after, number)));
        }
        told
    }
}

//! Many devices on simulated time, as a live host runs them: the engine is called at every deadline, first at equal
//! times, and at every report.

use std::collections::BTreeSet;

use dag_engine::{Decision, Device, Engine, Input, Simulation, Time};

use super::TraceReport;

/// What was decided for a device, and when: a step's `now`, not when an episode happened.
#[derive(Clone, Copy, Debug)]
pub struct DeviceDecision<'a> {
    /// When.
    pub at: Time,
    /// For which device.
    pub device: &'a Device,
    /// What.
    pub decision: &'a Decision,
}

/// Is told each decision in turn. An error ends the replay.
pub type DecisionHandler<'a, E> = &'a mut dyn FnMut(DeviceDecision<'_>) -> Result<(), E>;

/// Devices under the same rules. Every message counts as delivered at once.
#[derive(Debug)]
pub struct Replay<'e> {
    devices: &'e [Device],
    running: Vec<Simulation<'e>>,
    /// When each device has to be called next.
    due: BTreeSet<(Time, usize)>,
}

impl<'e> Replay<'e> {
    /// Devices of which nothing is known yet.
    pub fn new(engine: &'e Engine, devices: &'e [Device]) -> Self {
        let running = devices.iter().map(|device| Simulation::new(engine, device.clone())).collect();
        Replay { devices, running, due: BTreeSet::new() }
    }

    /// Lets time pass up to and including `until`: fires every deadline of every device, in order of time.
    ///
    /// # Errors
    /// What `on` answers.
    pub fn advance<E>(&mut self, until: Time, on: DecisionHandler<'_, E>) -> Result<(), E> {
        while let Some((at, device)) = self.due.first().copied().filter(|(at, _)| *at <= until) {
            self.step(device, at, on, |simulation, on| simulation.step(Input::Elapsed, at, on))?;
        }
        Ok(())
    }

    /// Lets time pass up to a report's arrival, then takes it over.
    ///
    /// # Errors
    /// What `on` answers.
    pub fn report<E>(&mut self, report: TraceReport, on: DecisionHandler<'_, E>) -> Result<(), E> {
        let TraceReport { at, device, readings, more } = report;
        self.advance(at, on)?;
        self.step(device, at, on, |simulation, on| simulation.report(readings, more, at, on))
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
        // One that is not ahead would fire for ever.
        let after = simulation.state().next_deadline().filter(|after| *after > at);
        if before != after {
            before.map(|before| self.due.remove(&(before, number)));
            self.due.extend(after.map(|after| (after, number)));
        }
        told
    }
}

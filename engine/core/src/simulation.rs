//! A host without a world: it calls the engine at every deadline and counts every message as delivered at once,
//! except to those whom nothing is to reach.

use crate::{Channel, Decision, Device, Engine, Input, MessageRef, Name, Outcome, Reading, Report, State, Time};

/// A host: it keeps the state of one device and has the engine step on it.
pub trait Host {
    /// The device's state.
    fn state(&self) -> &State;

    /// Applies one input at `now`.
    fn step(&mut self, engine: &Engine, input: Input, now: Time) -> Vec<Decision>;
}

/// A state in memory and nothing else. Hosts that also store and send it are tried by the same stories.
impl Host for State {
    fn state(&self) -> &State {
        self
    }

    fn step(&mut self, engine: &Engine, input: Input, now: Time) -> Vec<Decision> {
        engine.step(self, input, now)
    }
}

/// One device on simulated time.
#[derive(Debug)]
pub struct Simulation<'e, H = State> {
    engine: &'e Engine,
    host: H,
    next_reading: u64,
    failing: Vec<Failing>,
    /// The messages that failed and are still to be delivered, in the order of sending.
    undelivered: Vec<MessageRef>,
}

/// A recipient whom no delivery reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failing {
    /// Who.
    pub to: Name,
    /// By which means alone; by none where it is absent.
    pub by: Option<Channel>,
}

impl Failing {
    fn matches(&self, message: &MessageRef) -> bool {
        self.to == message.recipient && self.by.is_none_or(|by| by == message.channel)
    }
}

impl<'e> Simulation<'e> {
    /// A device of which nothing is known yet.
    pub fn new(engine: &'e Engine, device: Device) -> Self {
        Simulation::on(engine, State::new(device))
    }
}

impl<'e, H: Host> Simulation<'e, H> {
    /// The device of `host`.
    pub fn on(engine: &'e Engine, host: H) -> Self {
        Simulation { engine, host, next_reading: 1, failing: Vec::new(), undelivered: Vec::new() }
    }

    /// The device's state.
    pub fn state(&self) -> &State {
        self.host.state()
    }

    /// Lets time pass up to and including `until`, firing every deadline at its own time, and gives each decision to
    /// `on`.
    pub fn advance(&mut self, until: Time, on: &mut dyn FnMut(&Decision)) {
        while let Some(deadline) = self.state().next_deadline().filter(|deadline| *deadline <= until) {
            self.step(Input::Elapsed, deadline, on);
        }
    }

    /// Applies readings at `now`, as one report of the device's only source. `more` says that parts of it follow.
    pub fn report(&mut self, readings: Vec<Reading>, more: bool, now: Time, on: &mut dyn FnMut(&Decision)) {
        let first = self.next_reading;
        self.next_reading += readings.len() as u64;
        let source = Name::new_static("simulation");
        let report = Report { source, boot: 1, first, more, readings, ..Report::default() };
        self.step(Input::Report(report), now, on);
    }

    /// The rules of `engine` are in force from `now` on.
    pub(crate) fn reload(&mut self, engine: &'e Engine, now: Time, on: &mut dyn FnMut(&Decision)) {
        self.engine = engine;
        self.step(Input::RulesChanged, now, on);
    }

    /// From `now` on deliveries to these fail, and to no others: what had failed for others is delivered, and returned.
    pub(crate) fn fail(&mut self, failing: Vec<Failing>, now: Time, on: &mut dyn FnMut(&Decision)) -> Vec<MessageRef> {
        self.failing = failing;
        let undelivered = std::mem::take(&mut self.undelivered);
        let (failing, delivered): (Vec<_>, Vec<_>) = undelivered.into_iter().partition(|message| self.fails(message));
        self.undelivered = failing;
        for message in &delivered {
            self.step(Input::Delivered(message.clone()), now, on);
        }
        delivered
    }

    /// Returns whether a message to this recipient by this channel does not arrive.
    pub(crate) fn fails(&self, message: &MessageRef) -> bool {
        self.failing.iter().any(|failing| failing.matches(message))
    }

    /// Applies one input at `now`, and tells the engine what becomes of each message that is sent.
    pub fn step(&mut self, input: Input, now: Time, on: &mut dyn FnMut(&Decision)) {
        let mut decisions = self.host.step(self.engine, input, now);
        let mut told = 0;
        // The outcome of a message may lead to further ones.
        while let Some(decision) = decisions.get(told) {
            told += 1;
            if let Outcome::Notify(notification) = &decision.outcome {
                let message = notification.reference();
                decisions.extend(self.host.step(self.engine, Input::Attempted(message.clone()), now));
                let outcome = if self.fails(&message) {
                    self.undelivered.push(message.clone());
                    Input::Failed { message, last: false }
                } else {
                    Input::Delivered(message)
                };
                decisions.extend(self.host.step(self.engine, outcome, now));
            }
        }
        decisions.iter().for_each(on);
    }
}

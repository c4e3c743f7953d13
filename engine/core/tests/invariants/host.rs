//! A host on simulated time: engine, state and outbox, and a record of every moment.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{Decision, Device, Engine, Id, Input, Millis, Notification, Outcome, Severity, State, Time};

use crate::{
    outbox::{Fate, Outbox},
    plan::Plan,
};

/// A Saturday evening before a night in which the clocks go forward.
pub const START: &str = "2026-03-28T18:00:00Z";

/// The way in which a host calls the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Calls at this interval, in addition to the deadlines.
    pub also_every: Option<Millis>,
    /// Each call at a deadline is made twice.
    pub twice: bool,
    /// The state goes through storage before each step.
    pub stored: bool,
    /// Deadlines are never called at.
    pub late: bool,
}

/// One step of the engine.
#[derive(Debug)]
pub struct Moment {
    pub now: Time,
    /// The time since the story's beginning, without the corrections of the clock.
    pub lived_ms: i64,
    pub input: Input,
    pub decisions: Vec<Decision>,
    /// The rules and the device at that time.
    pub plan: Rc<Plan>,
    pub device: Device,
    /// The state as it is stored, after a clock was set.
    pub state: Option<serde_json::Value>,
}

pub struct Host {
    pub plan: Rc<Plan>,
    pub engine: Engine,
    pub state: State,
    pub now: Time,
    /// The sum of all corrections of the clock.
    pub set_by_ms: i64,
    pub outbox: Outbox,
    pub log: Vec<Moment>,
    /// Messages are delivered as soon as they are decided.
    flowing: bool,
    pub deadlines: u64,
    manner: Manner,
    ticked: Time,
}

pub fn device() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]),
        timezone: None,
        switches: BTreeMap::new(),
        account_emails: vec!["home@example.com".to_owned()],
    }
}

impl Host {
    pub fn new(plan: &Plan, manner: Manner) -> Host {
        let now: Time = START.parse().unwrap();
        Host {
            plan: Rc::new(plan.clone()),
            engine: plan.engine(),
            state: State::new(device()),
            now,
            set_by_ms: 0,
            outbox: Outbox::default(),
            log: Vec::new(),
            flowing: true,
            deadlines: 0,
            manner,
            ticked: now,
        }
    }

    /// Lets time pass, calling at every deadline up to and including `until`.
    pub fn pass(&mut self, until: Time) {
        while !self.manner.late {
            let deadline = self.state.next_deadline();
            let tick = self.manner.also_every.map(|every| self.ticked + every);
            let Some(at) = deadline.into_iter().chain(tick).min().filter(|at| *at <= until) else { break };
            self.now = at;
            if tick == Some(at) {
                self.ticked = at;
            }
            self.deadlines += 1;
            for _ in 0..if self.manner.twice { 2 } else { 1 } {
                self.step(Input::Elapsed);
            }
        }
        self.now = until;
    }

    pub fn reload(&mut self, plan: Plan) {
        self.engine = plan.engine();
        self.plan = Rc::new(plan);
        self.step(Input::RulesChanged);
    }

    /// One step at the host's time, and what it sends.
    pub fn step(&mut self, input: Input) {
        self.step_once(input);
        self.send();
    }

    /// Messages wait from here, or go out at once again.
    pub fn flow(&mut self, flowing: bool) {
        self.flowing = flowing;
        self.send();
    }

    fn send(&mut self) {
        while self.flowing
            && let Some(at) = self.outbox.next().first().copied()
        {
            self.attempt(at, Fate::Delivered);
        }
    }

    /// Attempts an entry with the outcome `fate`; a leased one was attempted already.
    pub fn attempt(&mut self, at: usize, fate: Fate) {
        let message = self.outbox.entries[at].message.reference();
        if self.outbox.entries[at].fate == Fate::Queued {
            self.outbox.entries[at].fate = Fate::Leased;
            self.outbox.entries[at].attempted = Some(self.log.len());
            self.step_once(Input::Attempted(message.clone()));
        }
        let input = match fate {
            Fate::Delivered => Input::Delivered(message),
            Fate::Undelivered => Input::Failed { message, last: true },
            Fate::Queued => Input::Failed { message, last: false },
            Fate::Leased | Fate::Withdrawn => return,
        };
        self.outbox.entries[at].fate = if fate == Fate::Queued { Fate::Leased } else { fate };
        self.step_once(input);
    }

    fn step_once(&mut self, input: Input) {
        if self.manner.stored {
            self.state = serde_json::from_str(&serde_json::to_string(&self.state).unwrap()).unwrap();
        }
        let before = self.state.now();
        let decisions = self.engine.step(&mut self.state, input.clone(), self.now);
        let now = self.state.now();
        assert!(now >= before || matches!(input, Input::ClockSet { .. }), "now fell from {before} to {now}");
        assert!(self.state.next_deadline().is_none_or(|deadline| deadline > now), "a deadline lies behind");
        self.outbox.apply(self.log.len(), &decisions);
        let lived_ms = self.now.as_millis() - START.parse::<Time>().unwrap().as_millis() - self.set_by_ms;
        let (plan, device) = (self.plan.clone(), self.state.device().clone());
        let state = matches!(input, Input::ClockSet { .. }).then(|| serde_json::to_value(&self.state).unwrap());
        self.log.push(Moment { now, lived_ms, input, decisions, plan, device, state });
    }

    /// Every decision, with the number of its moment.
    pub fn decisions(&self) -> impl Iterator<Item = (usize, &Decision)> {
        let log = self.log.iter().enumerate();
        log.flat_map(|(at, moment)| moment.decisions.iter().map(move |decision| (at, decision)))
    }

    /// Every message, with the number of its moment.
    pub fn messages(&self) -> impl Iterator<Item = (usize, &Notification)> {
        self.decisions().filter_map(|(at, decision)| match &decision.outcome {
            Outcome::Notify(message) => Some((at, &**message)),
            _ => None,
        })
    }

    /// The decisions as they are stored, a line each, with the moment's time.
    pub fn lines(&self, keep: impl Fn(&Decision) -> bool) -> Vec<String> {
        let kept = self.decisions().filter(|(_, decision)| keep(decision));
        kept.map(|(at, decision)| format!("{} {}", self.log[at].now, serde_json::to_string(decision).unwrap()))
            .collect()
    }

    /// When an incident was decided to be over, if it was.
    pub fn resolved(&self, incident: Id) -> Option<usize> {
        let mut all = self.decisions().filter(|(_, decision)| decision.incident == Some(incident));
        all.find(|(_, decision)| matches!(decision.outcome, Outcome::Resolved { .. })).map(|(at, _)| at)
    }

    /// The incidents, in the order in which they opened, each with the moment of its opening.
    pub fn incidents(&self) -> Vec<(usize, Id)> {
        let opened = self.decisions().filter(|(_, decision)| matches!(decision.outcome, Outcome::Opened { .. }));
        opened.filter_map(|(at, decision)| Some((at, decision.incident?))).collect()
    }
}

impl Moment {
    /// The severity of a rule at that time.
    pub fn severity(&self, rule: &str) -> Option<Severity> {
        self.plan.rule(rule).map(|rule| rule.severity)
    }
}

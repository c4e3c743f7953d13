//! The events of a history as inputs of engine and model.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{Device, Id, Input, Name, Silence};

use crate::{
    compare::Play,
    edit::Edit,
    history::{Attempt, Event},
    players::compile,
};

impl Play<'_> {
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Nothing => self.input(&Input::Elapsed),
            Event::Read(read) => {
                let reports = self.senders.read(read, self.now);
                reports.into_iter().try_for_each(|report| self.input(&Input::Report(report)))
            }
            Event::Flicker { times } => {
                let report = self.senders.flicker(*times, self.now);
                self.input(&Input::Report(report))
            }
            Event::Holes { count } => {
                let reports = self.senders.holes(*count, self.now);
                reports.into_iter().try_for_each(|report| self.input(&Input::Report(report)))
            }
            Event::Boot { before } => {
                self.senders.boot(*before);
                Ok(())
            }
            Event::Late(pick) => self.senders.late(*pick).map_or(Ok(()), |report| self.input(&Input::Report(report))),
            Event::Again(pick) => self.senders.again(*pick).map_or(Ok(()), |report| self.input(&Input::Report(report))),
            Event::Acknowledge { incident, by } => {
                let incident = self.pick_incident(*incident);
                self.input(&Input::Acknowledge { incident, by: (*by).to_owned() })
            }
            Event::Snooze { incident, length } => {
                let (incident, until) = (self.pick_incident(*incident), self.now.moved(*length));
                self.input(&Input::Snooze { incident, until, until_given: Default::default(), by: "web".to_owned() })
            }
            Event::Silence { device, label, rule, from, until } => {
                let silence = Silence {
                    device: device.then(|| self.device.id.clone()),
                    labels: if *label { labels(true) } else { BTreeMap::new() },
                    rule: rule.map(Name::new),
                    from: self.now.moved(*from),
                    from_given: Default::default(),
                    until: self.now.moved(*until),
                    until_given: Default::default(),
                    by: "web".to_owned(),
                };
                self.input(&Input::Silence(silence))
            }
            Event::Silences { count } => (0..*count).try_for_each(|n| {
                let silence = Silence {
                    device: None,
                    labels: BTreeMap::new(),
                    rule: Some(format!("none-{n}").into()),
                    from: self.now,
                    from_given: Default::default(),
                    until: self.now.moved(1_000_000),
                    until_given: Default::default(),
                    by: "web".to_owned(),
                };
                self.input(&Input::Silence(silence))
            }),
            Event::Attempt { message, outcome } => {
                let Some(message) = self.sent.iter().rev().nth(*message).cloned() else { return Ok(()) };
                self.input(&match outcome {
                    Attempt::Begins => Input::Attempted(message),
                    Attempt::Succeeds => Input::Delivered(message),
                    Attempt::Fails => Input::Failed { message, last: false },
                    Attempt::FailsForGood => Input::Failed { message, last: true },
                })
            }
            Event::Trouble { about, begins } => {
                let text = begins.then(|| "it is broken".to_owned());
                self.input(&Input::Trouble { about: (*about).into(), text })
            }
            Event::Account { emails, zone, label } => {
                self.device = device(*emails, *zone, *label);
                self.input(&Input::Account(self.device.clone()))
            }
            Event::Reload(edits) => self.reload(edits),
            Event::ClockSet { back, shift, earlier_boot } => {
                // Times count from the last step, so it must be the same on both sides.
                self.input(&Input::Elapsed)?;
                let boot = self.senders.boot - u64::from(*earlier_boot);
                let began = self.now.moved(-back);
                self.now = self.now.moved(*shift);
                self.input(&Input::ClockSet { boot, began, shift_ms: *shift, estimated: false })
            }
        }
    }

    fn input(&mut self, input: &Input) -> Result<(), String> {
        self.timeline.push(format!("{}: {input:?}", self.now));
        self.step(input, self.now, [true, true])
    }

    fn reload(&mut self, edits: &[Edit]) -> Result<(), String> {
        let before = Rc::clone(&self.model.rules);
        let mut rules = (*before).clone();
        // A rename is made once.
        rules.rules.iter_mut().for_each(|rule| rule.was = None);
        for edit in edits {
            rules = edit.apply(rules);
        }
        if rules != *before {
            self.timeline.push(rules.toml());
        }
        self.engine.engine = compile(&rules);
        self.model.rules = Rc::new(rules);
        self.input(&Input::RulesChanged)
    }

    /// Returns one of the incidents that opened last, or an unknown id if none did.
    fn pick_incident(&self, pick: usize) -> Id {
        self.incidents.iter().rev().nth(pick).copied().unwrap_or_else(|| Id::of(&[b"none"]))
    }
}

fn labels(set: bool) -> BTreeMap<String, String> {
    if set { BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]) } else { BTreeMap::new() }
}

pub fn device(emails: usize, zone: Option<&str>, label: bool) -> Device {
    let addresses = ["ann@example.com", "bob@example.com"];
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: labels(label),
        timezone: zone.map(Name::new),
        switches: BTreeMap::new(),
        account_emails: addresses.iter().take(emails).map(|address| (*address).to_owned()).collect(),
    }
}

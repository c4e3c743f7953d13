//! The events of a history as inputs of engine and model.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{Device, GivenAs, Id, Input, Name, Reading, Report, Silence, Time};

use crate::{
    compare::Play,
    edit::Edit,
    history::{Asked, Attempt, Event, Unfit},
    players::compile,
    wall_clock,
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
            Event::Sources { count } => {
                let reports: Vec<Report> = (0..*count).map(|n| self.senders.of_another(n, self.now)).collect();
                reports.into_iter().try_for_each(|report| self.input(&Input::Report(report)))
            }
            Event::Refused(unfit) => {
                let reading = Reading { fact: "power".into(), value: None, at: self.now };
                let report = Report { source: "gpio".into(), boot: 1, first: 1, ..Report::default() };
                let report = match unfit {
                    Unfit::TooManyReadings => Report { readings: vec![reading; 10_001], ..report },
                    Unfit::LongName => Report { source: "g".repeat(201).into(), ..report },
                };
                self.step(&Input::Report(report), self.now, [true, true])
            }
            Event::Boot { before, ahead } => {
                // Times do not fall behind the last step, so it must be the same on both sides.
                self.input(&Input::Elapsed)?;
                self.senders.boot(*before);
                self.now = self.now.moved(*ahead);
                self.boots.push((self.now, *ahead));
                Ok(())
            }
            Event::Late(pick) => self.senders.late(*pick).map_or(Ok(()), |report| self.input(&Input::Report(report))),
            Event::Again(pick) => self.senders.again(*pick).map_or(Ok(()), |report| self.input(&Input::Report(report))),
            Event::Acknowledge { incident, by } => {
                let incident = self.pick_incident(*incident);
                self.input(&Input::Acknowledge { incident, by: (*by).to_owned() })
            }
            Event::Snooze { incident, until } => {
                let incident = self.pick_incident(*incident);
                let (until, until_given) = self.moment(*until, self.now);
                self.input(&Input::Snooze { incident, until, until_given, by: "web".to_owned() })
            }
            Event::Silence { device, label, rule, from, until } => {
                let (from, from_given) = self.moment(*from, self.now);
                let (until, until_given) = self.moment(*until, self.now.max(from));
                let silence = Silence {
                    device: device.then(|| self.device.id.clone()),
                    labels: if *label { labels(true) } else { BTreeMap::new() },
                    rule: rule.map(Name::new),
                    from,
                    from_given,
                    until,
                    until_given,
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
                    from_given: GivenAs::Length,
                    until: self.now.moved(1_000_000),
                    until_given: GivenAs::Length,
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
            Event::ClockSet { back, shift, earlier_boot, estimated } => {
                self.input(&Input::Elapsed)?;
                let boot = self.senders.boot - u64::from(*earlier_boot);
                let began = self.now.moved(-back);
                self.now = self.now.moved(*shift);
                self.input(&Input::ClockSet { boot, began, shift_ms: *shift, estimated: *estimated })
            }
            Event::ClockRighted { earlier_boot, estimated } => {
                self.input(&Input::Elapsed)?;
                let boot = self.senders.boot - u64::from(*earlier_boot);
                let Some((began, ahead)) = self.boots.get(boot.saturating_sub(1) as usize).copied() else {
                    return Ok(());
                };
                self.now = if *earlier_boot { self.now } else { self.now.moved(-ahead) };
                self.input(&Input::ClockSet { boot, began, shift_ms: -ahead, estimated: *estimated })
            }
        }
    }

    /// Returns the moment that somebody means, and how it was given. A length and a time of the day count from `base`.
    fn moment(&self, asked: Asked, base: Time) -> (Time, GivenAs) {
        match asked {
            Asked::Length(length) => (base.moved(length), GivenAs::Length),
            Asked::TimeOfDay(clock) => {
                let given = GivenAs::TimeOfDay(clock.to_string().parse().unwrap());
                (wall_clock::next_such(&self.model.model.zone(), clock, base), given)
            }
            Asked::Date(later) => (self.now.moved(later), GivenAs::Date),
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
            rules = edit.apply(rules, &self.case.rules);
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

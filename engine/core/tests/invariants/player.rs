//! A player of stories.

use dag_engine::{Device, Id, Input, Millis, Name, Reading, Report, Silence, Time, Value};
use proptest::test_runner::TestCaseResult;

use crate::{
    host::{Host, Manner, device},
    plan::Plan,
    stories::{Event, Story, Way, With, all, story},
};

/// Plays random stories, and checks the host at the end of each.
pub fn check_stories(cases: u32, with: With, check: impl Fn(&Host) -> TestCaseResult) {
    all(cases, story(with), |story| check(&play(&story, Manner::default())));
}

/// Plays a story to its end: all kept reports have come, all facts are well again, and three days have passed.
pub fn play(story: &Story, manner: Manner) -> Host {
    play_events(story, manner, story.events.len()).finish()
}

/// Plays the first events of a story.
pub fn play_until(story: &Story, manner: Manner, events: usize) -> Host {
    play_events(story, manner, events).host
}

fn play_events(story: &Story, manner: Manner, events: usize) -> Player {
    let mut player = Player::new(story, manner);
    for (later, asleep, event) in story.events.iter().take(events) {
        let then = player.host.now + Millis::new(*later);
        if *asleep {
            player.host.now = then;
        } else {
            player.host.pass(then);
        }
        player.apply(event);
    }
    player
}

struct Player {
    first: Plan,
    host: Host,
    sources: Vec<Source>,
    kept: Vec<Report>,
}

impl Player {
    fn new(story: &Story, manner: Manner) -> Self {
        let mut host = Host::new(&story.plan, manner);
        host.step(Input::Elapsed);
        let source = |name| Source { name, boot: 1, before: None, sent: Vec::new(), began: host.now };
        let sources = SOURCES.map(source).into();
        Player { first: story.plan.clone(), host, sources, kept: Vec::new() }
    }

    fn apply(&mut self, event: &Event) {
        let now = self.host.now;
        let later = |seconds: i64| now.moved(seconds * 1_000);
        match event {
            Event::Nothing => self.host.step(Input::Elapsed),
            Event::Report { source, readings, again, more, way } => {
                let readings = readings.iter();
                let readings = readings.map(|(fact, value, age)| Reading {
                    fact: Name::new(fact),
                    value: *value,
                    at: now.moved(-age),
                });
                let report = self.sources[*source].report(readings.collect(), *again, *more);
                match way {
                    Way::Lost => {}
                    Way::Kept => self.kept.push(report),
                    Way::Straight => self.host.step(Input::Report(report)),
                    Way::Twice => {
                        self.host.step(Input::Report(report.clone()));
                        self.host.step(Input::Report(report));
                    }
                }
            }
            Event::Comes(at) => {
                if !self.kept.is_empty() {
                    let report = self.kept.remove(at % self.kept.len());
                    self.host.step(Input::Report(report));
                }
            }
            Event::Boot(source, told) => {
                let source = &mut self.sources[*source];
                source.before = told.then_some(source.sent.len() as u64);
                source.boot += 1;
                source.sent.clear();
                source.began = now;
            }
            Event::Acknowledge(at) => {
                if let Some(incident) = self.open(*at) {
                    let by = ["nor", "kim", "dashboard", "home@example.com"][*at].to_owned();
                    self.host.step(Input::Acknowledge { incident, by });
                }
            }
            Event::Snooze(length) => {
                if let Some(incident) = self.open(0) {
                    self.host.step(Input::Snooze {
                        incident,
                        until: later(*length),
                        until_given: Default::default(),
                        by: "nor".to_owned(),
                    });
                }
            }
            Event::Silence { rule, from, length } => {
                let rules = &self.host.plan.rules;
                let rule = rule.map(|at| Name::new(&rules[at % rules.len()].name));
                let (from, until) = (later(*from), later(*from + *length));
                let silence = Silence {
                    device: None,
                    labels: Default::default(),
                    rule,
                    from,
                    from_given: Default::default(),
                    until,
                    until_given: Default::default(),
                    by: "nor".to_owned(),
                };
                self.host.step(Input::Silence(silence));
            }
            Event::Account(emails, zone) => {
                let account_emails = ["home@example.com", "second@example.com"][..*emails].iter();
                let account_emails = account_emails.map(|email| (*email).to_owned()).collect();
                let timezone = zone.map(Name::new);
                self.host.step(Input::Account(Device { timezone, account_emails, ..device() }));
            }
            Event::Trouble(lasts) => {
                let text = lasts.then(|| "the disk is full".to_owned());
                self.host.step(Input::Trouble { about: "store".into(), text });
            }
            Event::Flowing(flowing) => self.host.flow(*flowing),
            Event::Post(at, fate) => {
                let next = self.host.outbox.next();
                if !next.is_empty() {
                    self.host.attempt(next[at % next.len()], *fate);
                }
            }
            Event::Reload(edit) => {
                let plan = self.host.plan.edited(edit, &self.first);
                self.host.reload(plan);
            }
            Event::ClockSet(shift_ms) => {
                let source = &mut self.sources[0];
                let input =
                    Input::ClockSet { boot: source.boot, began: source.began, shift_ms: *shift_ms, estimated: false };
                self.host.now = now.moved(*shift_ms);
                self.host.set_by_ms += shift_ms;
                source.began = source.began.moved(*shift_ms);
                self.host.step(input);
            }
        }
    }

    fn open(&self, at: usize) -> Option<Id> {
        let open: Vec<_> = self.host.state.open_incidents().map(|incident| incident.id).collect();
        open.get(at % open.len().max(1)).copied()
    }

    fn finish(mut self) -> Host {
        for report in std::mem::take(&mut self.kept) {
            self.host.step(Input::Report(report));
        }
        self.host.flow(true);
        self.host.pass(self.host.now + Millis::new(400_000));
        self.host.step(Input::Elapsed);
        let well = [
            ("power", Value::On),
            ("door", Value::Off),
            ("connection", Value::Connected),
            ("battery", Value::Number(100)),
        ];
        let at = self.host.now;
        let readings = well.map(|(fact, value)| Reading { fact: fact.into(), value: Some(value), at });
        let report = Report { source: "end".into(), boot: 1, first: 1, readings: readings.into(), ..Report::default() };
        self.host.step(Input::Report(report));
        self.host.pass(self.host.now + Millis::new(3 * 86_400_000));
        self.host.step(Input::Elapsed);
        self.host
    }
}

const SOURCES: [&str; 2] = ["gpio", "gauge"];

/// A source, and what it sent since it started.
struct Source {
    name: &'static str,
    boot: u64,
    before: Option<u64>,
    sent: Vec<Reading>,
    began: Time,
}

impl Source {
    fn report(&mut self, readings: Vec<Reading>, again: usize, more: bool) -> Report {
        let again = again.min(self.sent.len());
        let from = self.sent.len() - again;
        self.sent.extend(readings);
        Report {
            source: self.name.into(),
            boot: self.boot,
            before: self.before,
            first: from as u64 + 1,
            resent: again as u64,
            more,
            readings: self.sent[from..].to_vec(),
            ..Report::default()
        }
    }
}

//! A history, played to engine and model.

use std::{collections::BTreeSet, fmt, rc::Rc};

use dag_engine::{Device, Id, Input, MessageRef, Time};

use crate::{
    edit::Edit,
    events::device,
    history::{Case, Event, Post},
    message::Message,
    model::Model,
    players::{EnginePlayer, ModelPlayer, Player, Step},
    rules::Rules,
    script::Script,
    sources::Senders,
};

/// The decisions of one side at a moment: all lines, sorted, and the messages in their own order.
type Entry = (Time, Vec<String>, Vec<Message>);

/// The reasons that were reached; or where engine and model differ.
pub type Played = Result<BTreeSet<String>, String>;

/// More deadlines than any history has in a row.
const MANY: usize = 2_000;

pub fn play(case: &Case) -> Played {
    let mut play = Play::new(case);
    for moment in &case.history {
        let until = play.now + moment.later;
        if !moment.asleep {
            play.pass(until)?;
        }
        play.now = until;
        if case.restarts {
            play.engine.restart();
        }
        play.apply(&moment.event)?;
        play.same(format_args!("the open incidents"), &play.engine.open(), &play.model.open())?;
        play.same(format_args!("the rules that wait"), &play.engine.pending(), &play.model.pending())?;
    }
    // What still waits comes to its end.
    play.pass(play.now + dag_engine::Millis::new(30 * 3_600_000))?;
    let mut reached = play.engine.reached;
    reached.extend(play.model.model.reached.iter().map(ToString::to_string));
    Ok(reached)
}

pub struct Play<'c> {
    pub case: &'c Case,
    alone: bool,
    pub now: Time,
    pub engine: EnginePlayer,
    pub model: ModelPlayer,
    pub device: Device,
    /// When each boot began by its clock, and by how much more that clock was ahead than the one before it.
    pub boots: Vec<(Time, i64)>,
    pub senders: Senders,
    pub sent: Vec<MessageRef>,
    pub incidents: Vec<Id>,
    pub timeline: Vec<String>,
}

impl<'c> Play<'c> {
    fn new(case: &'c Case) -> Self {
        let now: Time = case.start.parse().unwrap();
        let rules = Rc::new(case.rules.clone());
        let device = device(0, None, false);
        Play {
            case,
            // Whom a script names is asked whenever a side wakes, needlessly or not: a hook that fails is seen then.
            alone: case.alone && !asks_people(case),
            now,
            engine: EnginePlayer::new(device.clone(), &rules),
            model: ModelPlayer { model: Model::new(device.clone(), Rc::clone(&rules)), rules },
            device,
            boots: vec![(now, 0)],
            senders: Senders::new(),
            sent: Vec::new(),
            incidents: Vec::new(),
            timeline: Vec::new(),
        }
    }

    /// Lets time pass, as a host does that is awake.
    fn pass(&mut self, until: Time) -> Result<(), String> {
        if self.alone {
            let post = self.case.post;
            let (engine, sent) = alone(&mut self.engine, until, post);
            let (model, _) = alone(&mut self.model, until, post);
            self.sent.extend(sent);
            self.note(&engine);
            return self.same(format_args!("what time alone decides"), &engine, &model);
        }
        for _ in 0..MANY {
            let deadlines = [self.engine.next_deadline(), self.model.next_deadline()];
            let Some(next) = deadlines.into_iter().flatten().min().filter(|next| *next <= until) else {
                return Ok(());
            };
            self.timeline.push(format!("{next}: woken, {deadlines:?}"));
            self.step(&Input::Elapsed, next, deadlines.map(|deadline| deadline == Some(next)))?;
        }
        Err(self.differ("the deadlines do not come to an end"))
    }

    /// Plays one step on both sides, and the host's reports about its messages. A side that is woken only by the
    /// other's deadline must decide nothing.
    pub fn step(&mut self, input: &Input, now: Time, woken: [bool; 2]) -> Result<(), String> {
        let engine = self.engine.step(input, now);
        let model = self.model.step(input, now);
        let references = engine.references();
        let entries = [entry(&engine, now), entry(&model, now)];
        self.note(&entries[..1]);
        let opened = engine.lines.iter().filter(|line| line.text.starts_with("opened"));
        self.incidents.extend(opened.filter_map(|line| line.incident));
        self.sent.extend(references.iter().cloned());
        self.same(format_args!("what is decided on {input:?}"), &entries[0], &entries[1])?;
        for (woken, side) in woken.into_iter().zip(["engine", "model"]) {
            let lines = &entries[0].1;
            let needless = |line: &String| line.contains("script/");
            if !woken && !lines.iter().any(|line| line.contains(" hook ")) && !lines.iter().all(needless) {
                return Err(self.differ(&format!("the {side} had no deadline at {now}")));
            }
        }
        for message in references {
            for input in follow_ups(self.case.post, &message) {
                self.step(&input, now, [true, true])?;
            }
        }
        Ok(())
    }

    fn note(&mut self, entries: &[Entry]) {
        for (now, lines, _) in entries {
            self.timeline.extend(lines.iter().map(|line| format!("    {now}| {line}")));
        }
    }

    fn same<T: fmt::Debug + PartialEq>(&self, what: fmt::Arguments<'_>, engine: &T, model: &T) -> Result<(), String> {
        if engine == model {
            return Ok(());
        }
        let (engine, model) = (format!("{engine:#?}"), format!("{model:#?}"));
        let ordered =
            |of: &str| of.lines().filter(|line| line.contains(" id: ")).map(str::trim).collect::<Vec<_>>().join(" ");
        let order = format!("{}\n{}", ordered(&engine), ordered(&model));
        let only = |of: &str, not: &str| {
            let mut not: Vec<&str> = not.lines().collect();
            let mut only = Vec::new();
            for line in of.lines() {
                match not.iter().position(|other| *other == line) {
                    Some(place) => drop(not.swap_remove(place)),
                    None => only.push(line),
                }
            }
            only.join("\n")
        };
        let (ours, theirs) = (only(&model, &engine), only(&engine, &model));
        Err(self
            .differ(&format!("{what} differs\nthe engine alone:\n{theirs}\nthe model alone:\n{ours}\norder:\n{order}")))
    }

    fn differ(&self, what: &str) -> String {
        format!("{what}\n\nwhat happened until then, and what the engine decided:\n{}", self.timeline.join("\n"))
    }
}

/// Lets time pass for one side alone.
fn alone(player: &mut dyn Player, until: Time, post: Post) -> (Vec<Entry>, Vec<MessageRef>) {
    let (mut log, mut sent) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        let Some(now) = player.next_deadline().filter(|next| *next <= until) else { return (log, sent) };
        let mut inputs = vec![Input::Elapsed];
        while !inputs.is_empty() {
            let step = player.step(&inputs.remove(0), now);
            let follow_ups = step.references().into_iter().flat_map(|message| follow_ups(post, &message));
            inputs.splice(0..0, follow_ups);
            sent.extend(step.references());
            let entry = entry(&step, now);
            if !entry.1.is_empty() {
                log.push(entry);
            }
        }
    }
    panic!("the deadlines do not come to an end");
}

/// What is compared of a step.
fn entry(step: &Step, now: Time) -> Entry {
    let mut lines: Vec<String> = step.lines.iter().map(ToString::to_string).collect();
    lines.sort();
    // How often a hook is asked is not compared, but whether one failed.
    lines.dedup_by(|a, b| a == b && a.contains(" hook "));
    (now, lines, step.messages.clone())
}

/// What the host tells of a message as soon as it was decided.
fn follow_ups(post: Post, message: &MessageRef) -> Vec<Input> {
    let begins = Input::Attempted(message.clone());
    match post {
        Post::Waits => vec![],
        Post::FailsFor(name) if message.recipient == name => {
            vec![begins, Input::Failed { message: message.clone(), last: false }]
        }
        Post::Delivers | Post::FailsFor(_) => vec![begins, Input::Delivered(message.clone())],
    }
}

fn asks_people(case: &Case) -> bool {
    let in_rules = |rules: &Rules| rules.rules.iter().any(|rule| rule.script == Some(Script::People));
    let by_edit = |edit: &Edit| match edit {
        Edit::Script(_, script) => *script == Some(Script::People),
        Edit::Add(rule) => rule.script == Some(Script::People),
        Edit::All(rules) => in_rules(rules),
        _ => false,
    };
    let by_event = |event: &Event| matches!(event, Event::Reload(edits) if edits.iter().any(by_edit));
    in_rules(&case.rules) || case.history.iter().any(|moment| by_event(&moment.event))
}

//! A scenario as it is played: its steps happen to a device on simulated time.

use super::{
    Act, Expectation, Played, Scenario, Step,
    compare::{self, Difference},
    expect::{Expected, Sent},
    omission::Omission,
    recording::Recording,
    rewrite::{self, Replacement},
};
use crate::{
    Decision, Engine, Id, Input, Name, Notification, Outcome, Problem, State, Time,
    rules::document::Span,
    simulation::{Host, Simulation},
};

/// The most deadlines that may pass in one story: a step that repeats every millisecond must not hold up a reload.
const MOST_DEADLINES: u32 = 20_000;

impl Scenario {
    /// Plays the scenario. `subject` renders a message's subject as its receiver would read it.
    pub fn play(&self, engine: &Engine, subject: &dyn Fn(&Notification) -> String) -> Played {
        self.play_on(State::new(self.device.clone()), engine, subject)
    }

    /// Plays the scenario on a host that knows nothing of its device yet.
    pub fn play_on<H: Host>(&self, host: H, engine: &Engine, subject: &dyn Fn(&Notification) -> String) -> Played {
        let simulation = Simulation::on(engine, host);
        let recording = Recording::new(subject, self.start);
        let (problems, replacements) = (Vec::new(), Some(Vec::new()));
        let mut play = Play { scenario: self, simulation, deadlines: 0, recording, problems, replacements };
        for step in &self.steps {
            let now = self.start + step.at;
            if !play.pass(step, now) {
                break;
            }
            for (span, act) in &step.acts {
                play.act(span, act, now);
            }
        }
        let replacements = play.replacements.filter(|replacements| !replacements.is_empty());
        let rewritten = replacements.map(|replacements| rewrite::file(&self.text, &replacements));
        Played { problems: play.problems, timeline: play.recording.timeline, rewritten }
    }
}

/// A scenario while it is played.
struct Play<'s, H> {
    scenario: &'s Scenario,
    simulation: Simulation<'s, H>,
    /// The number of deadlines that have passed.
    deadlines: u32,
    recording: Recording<'s>,
    problems: Vec<Problem>,
    /// What the lists of `expect` that are wrong should be; `None` once anything else is wrong.
    replacements: Option<Vec<Replacement>>,
}

impl<H: Host> Play<'_, H> {
    /// Lets time pass until a step; false if too much happens on the way.
    fn pass(&mut self, step: &Step, now: Time) -> bool {
        while let Some(deadline) = self.simulation.state().next_deadline().filter(|deadline| *deadline <= now) {
            self.deadlines += 1;
            if self.deadlines > MOST_DEADLINES {
                let message = format!("before {} more than {MOST_DEADLINES} things happen", step.at);
                let help = "tell a shorter story, or let steps repeat less often".to_owned();
                self.problem(&step.span, message, Some(help));
                return false;
            }
            let mut decisions = Vec::new();
            self.simulation.advance(deadline, &mut |decision| decisions.push(decision.clone()));
            self.record(&decisions);
        }
        true
    }

    fn act(&mut self, span: &Span, act: &Act, now: Time) {
        let Play { scenario, simulation, recording, .. } = self;
        let mut decisions = Vec::new();
        let on = &mut |decision: &Decision| decisions.push(decision.clone());
        match act {
            Act::Rules(folder) => {
                if let Some(engine) = scenario.reloads.get(folder) {
                    simulation.reload(engine, now, on);
                }
            }
            Act::Report(readings) if readings.is_empty() => {}
            Act::Report(readings) => simulation.report(readings.clone(), false, now, on),
            Act::Fail(failing) => {
                let arrived = simulation.fail(failing.clone(), now, on);
                arrived.iter().for_each(|message| recording.record_arrival(message, now));
            }
            Act::Ack { by, rule } => {
                for incident in self.open(rule.as_ref(), span, "acknowledged") {
                    self.take(Input::Acknowledge { incident, by: by.clone() }, now);
                }
            }
            Act::Snooze { until, until_given, by, rule } => {
                for incident in self.open(rule.as_ref(), span, "snoozed") {
                    let (until, until_given, by) = (*until, *until_given, by.clone());
                    self.take(Input::Snooze { incident, until, until_given, by }, now);
                }
            }
            Act::Silence(silence) => self.take(Input::Silence(silence.clone()), now),
            Act::Told(expected) => {
                let differences = compare::told(expected, &recording.sent, &recording.omitted);
                self.differences(differences);
            }
            Act::NotTold(unexpected) => {
                let differences = compare::not_told(unexpected, &recording.sent);
                self.differences(differences);
            }
            Act::Expect(expectation) => {
                let (sent, omitted) = recording.take_sent();
                if let Expectation::Exactly(expected) = expectation {
                    self.expect(span, expected, &sent, &omitted);
                }
            }
        }
        self.record(&decisions);
        let mut refused = std::mem::take(&mut self.recording.refused);
        refused.dedup();
        for reason in refused {
            self.problem(span, format!("this is refused: {}", reason.describe()), None);
        }
    }

    fn take(&mut self, input: Input, now: Time) {
        let mut decisions = Vec::new();
        self.simulation.step(input, now, &mut |decision| decisions.push(decision.clone()));
        self.record(&decisions);
    }

    fn record(&mut self, decisions: &[Decision]) {
        for decision in decisions {
            let message = match &decision.outcome {
                Outcome::Notify(notification) => Some(notification.reference()),
                _ => None,
            };
            self.recording.record(decision, message.is_some_and(|message| self.simulation.fails(&message)));
        }
    }

    /// The open incidents, of one rule if it is named; a problem if there is none.
    fn open(&mut self, rule: Option<&Name>, span: &Span, done: &str) -> Vec<Id> {
        let open = self.simulation.state().open_incidents();
        let named = open.filter(|incident| rule.is_none_or(|rule| *rule == incident.rule));
        let incidents: Vec<Id> = named.map(|incident| incident.id).collect();
        if incidents.is_empty() {
            self.problem(span, format!("nothing is open that could be {done}"), None);
        }
        incidents
    }

    /// Compares what was sent with a list of `expect`, which is at `span`.
    fn expect(&mut self, span: &Span, expected: &[Expected], sent: &[Sent], omitted: &[Omission]) {
        let Some(Difference { span: at, message, help }) = compare::exactly(expected, sent, omitted) else { return };
        let problem = self.scenario.problem(at.unwrap_or_else(|| span.clone()), message, Some(help));
        self.problems.push(problem);
        let replacement = Replacement::of(&self.scenario.text, span, expected, sent);
        self.replacements = self.replacements.take().zip(replacement).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }

    fn differences(&mut self, differences: Vec<Difference>) {
        for Difference { span, message, help } in differences {
            self.problem(&span.unwrap_or_default(), message, Some(help));
        }
    }

    /// Adds a problem for which no other list is the answer.
    fn problem(&mut self, span: &Span, message: String, help: Option<String>) {
        self.problems.push(self.scenario.problem(span.clone(), message, help));
        self.replacements = None;
    }
}

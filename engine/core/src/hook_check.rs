//! Hooks in sample situations: a script that fails, or that keeps everybody from being told, is found before an outage.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Device, Engine, FactKind, Kind, Millis, Name, Problem, State, Time, Value,
    messages::Firing,
    rules::Rule,
    sample::sample_incident,
    script::{Hook, HookError, Script},
    step::Step,
};

/// The most situations in which the hooks of one rule are called: some milliseconds of work.
const MOST_SITUATIONS: usize = 256;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What the hooks of all rules do in sample situations.
#[derive(Debug, Default)]
pub struct HookReport {
    /// The first failure of each hook: a script that fails, or an answer that cannot be used.
    pub problems: Vec<Problem>,
    /// The rules whose hook `allow` let no message out, each with a warning at the hook.
    pub mute: Vec<(Name, Problem)>,
}

impl Engine {
    /// Calls every hook of every rule, for every kind of message, in at most 256 situations a rule.
    ///
    /// In the first situation the power is off and the battery at 42 %. Each of the others differs from it in one
    /// thing: in the hour; in the day of the week; or in a fact, which has each of its values or is on both sides of
    /// each limit that the rule compares it with, or is unknown. A hook that failed is not called again.
    ///
    /// The first situation of each rule is always tried. `go_on` is asked before each of the others: a host that has no
    /// more time for them returns `false`.
    pub fn check_hooks(&self, device: &Device, now: Time, go_on: &mut dyn FnMut() -> bool) -> HookReport {
        let mut report = HookReport::default();
        for rule in &self.rules().rules {
            if let Some(script) = &rule.script {
                self.check_script(rule, script, (device, now), go_on, &mut report);
            }
        }
        report
    }

    fn check_script(
        &self,
        rule: &Rule,
        script: &Script,
        (device, now): (&Device, Time),
        go_on: &mut dyn FnMut() -> bool,
        report: &mut HookReport,
    ) {
        let mut failures = Failures { rule, script, failed: BTreeSet::new(), problems: &mut report.problems };
        let (mut asked, mut allowed, mut was_cut) = (0_usize, false, false);
        for (number, situation) in self.situations(rule, script, now).into_iter().enumerate() {
            was_cut = number > 0 && !go_on();
            if was_cut {
                break;
            }
            let mut state = State::new(device.clone());
            for (fact, value) in situation.facts {
                state.facts.set(&fact, Some(value), situation.at - Millis::new(HOUR));
            }
            let step = self.begin(&mut state, situation.at);
            let incident = sample_incident(device, rule, Kind::Opened, situation.at);
            for (hook, incident) in [(Hook::OpenAfter, None), (Hook::CloseAfter, Some(&incident))] {
                if failures.wants(hook) {
                    failures.note(hook, script.length(hook, step.context(rule, incident, situation.at)));
                }
            }
            for Occasion { kind, firing, fires } in self.occasions(rule) {
                let incident = sample_incident(device, rule, kind, situation.at);
                let ctx = || Step::message_context(&step, rule, &incident, kind, &firing);
                if fires && failures.wants(Hook::Recipients) {
                    let named = step.scripted_recipients(rule, script, &incident, kind, &firing);
                    failures.note(Hook::Recipients, named);
                }
                if kind != Kind::Resolved && failures.wants(Hook::Allow) {
                    asked += 1;
                    // A hook that fails lets the message out.
                    allowed |= failures.note(Hook::Allow, script.allow(ctx())).unwrap_or(true);
                }
                if failures.wants(Hook::Message) {
                    failures.note(Hook::Message, script.message(ctx()));
                }
            }
        }
        if asked > 0 && !allowed && !was_cut {
            let message =
                format!("`allow` lets no message of the rule `{}` out: it was false {asked} times", rule.name);
            let help = "it was asked for every kind of message, with each fact at each of its values and at every hour";
            report.mute.push((rule.name.clone(), script.warning(Hook::Allow, message, help)));
        }
    }

    /// Returns the messages that a rule can send: of each kind, of each step, and of the first repeat of each step.
    fn occasions(&self, rule: &Rule) -> Vec<Occasion> {
        let Some(escalation) = self.rules().escalation(rule) else { return Vec::new() };
        let first = Firing::first(escalation);
        let of_first = |kind, fires| Occasion { kind, firing: first.clone(), fires };
        let mut occasions = vec![
            of_first(Kind::Opened, true),
            of_first(Kind::Past, true),
            of_first(Kind::Resolved, false),
            // When quiet hours end.
            of_first(Kind::Reminder, false),
        ];
        let firing = |step, repeat| Firing { step, repeat, ..first.clone() };
        occasions.push(Occasion { kind: Kind::Acknowledged, firing: firing(0, 1), fires: false });
        for (step, number) in escalation.steps.iter().zip(0_u32..).take(MOST_STEPS) {
            if number > 0 {
                occasions.push(Occasion { kind: Kind::Escalated, firing: firing(number, 0), fires: true });
            }
            if step.repeat.is_some() {
                occasions.push(Occasion { kind: Kind::Reminder, firing: firing(number, 1), fires: true });
            }
        }
        occasions
    }

    fn situations(&self, rule: &Rule, script: &Script, now: Time) -> Vec<Situation> {
        let usual: BTreeMap<Name, Value> =
            [("power", Value::Off), ("battery", Value::Number(42))].map(|(fact, value)| (fact.into(), value)).into();
        let usual_at = |at| Situation { facts: usual.clone(), at };
        let mut situations = vec![usual_at(now)];
        let mut limits = rule.when.limits();
        for (fact, kind) in &self.rules().facts {
            let values = match kind {
                FactKind::Switch => vec![Value::On, Value::Off],
                FactKind::Link => vec![Value::Connected, Value::Disconnected],
                FactKind::Number => {
                    let limits = limits.remove(fact).unwrap_or_default().into_iter().chain(script.numbers());
                    let sides: BTreeSet<i64> =
                        limits.flat_map(|limit| [limit.saturating_sub(1), limit, limit.saturating_add(1)]).collect();
                    sides.into_iter().map(Value::Number).collect()
                }
            };
            let known = values.into_iter().map(|value| {
                let mut situation = usual_at(now);
                situation.facts.insert(fact.clone(), value);
                situation
            });
            situations.extend(known);
            let mut unknown = usual_at(now);
            unknown.facts.remove(fact);
            situations.push(unknown);
        }
        // The clock of a day and of a week comes first where a rule has very many limits.
        let hours = (1..24).map(|hour| usual_at(now + Millis::new(hour * HOUR)));
        let days = (1..7).map(|day| usual_at(now + Millis::new(day * DAY)));
        situations.splice(1..1, hours.chain(days));
        situations.truncate(MOST_SITUATIONS);
        situations
    }
}

/// The most steps for which hooks are called. Scripts tell steps apart by small numbers.
const MOST_STEPS: usize = 8;

/// A message that a rule can send.
struct Occasion {
    kind: Kind,
    firing: Firing,
    /// Whether a step fires, so that its recipients are asked for.
    fires: bool,
}

/// The facts that are known, and the time.
struct Situation {
    facts: BTreeMap<Name, Value>,
    at: Time,
}

/// The failures of one rule's hooks, of which each is noted once: most situations fail alike.
struct Failures<'a> {
    rule: &'a Rule,
    script: &'a Script,
    failed: BTreeSet<Hook>,
    problems: &'a mut Vec<Problem>,
}

impl Failures<'_> {
    /// Returns whether the script has a hook that did not fail yet.
    fn wants(&self, hook: Hook) -> bool {
        self.script.has(hook) && !self.failed.contains(&hook)
    }

    fn note<T>(&mut self, hook: Hook, answer: Result<T, HookError>) -> Option<T> {
        let error = match answer {
            Ok(answer) => return Some(answer),
            Err(error) => error,
        };
        self.failed.insert(hook);
        let (rule, name) = (&self.rule.name, hook.name());
        let message = format!("the script of the rule `{rule}` fails in `{name}`: {}", error.message);
        self.problems.push(self.script.problem(hook, &error, message));
        None
    }
}

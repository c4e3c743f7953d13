//! Edits of a plan, as users make them between two reloads.

use dag_engine::Severity;
use proptest::prelude::*;

use crate::{
    plan::{Plan, Step},
    plan_generator::{seconds, severity},
};

/// One edit of the rules.
#[derive(Clone, Debug)]
pub enum Edit {
    Comment,
    Remove(usize),
    Rename(usize),
    /// A rule of the first plan stands there again under its first name.
    Return(usize),
    Waits(usize, i64, i64),
    Severity(usize, Severity),
    /// A step, named or not, is put before the others.
    FirstStep(usize, Option<&'static str>),
    DropLastStep(usize),
    /// The recipient `pat` is gone.
    DropPat,
    Move(usize),
}

impl Plan {
    /// Returns the plan after an edit; the same plan if the edit fits nothing.
    pub fn edited(&self, edit: &Edit, first: &Plan) -> Plan {
        let mut plan = self.clone();
        plan.comment += 1;
        plan.rules.iter_mut().for_each(|rule| rule.was = None);
        let count = plan.rules.len();
        match edit {
            Edit::Comment => {}
            Edit::Remove(at) => {
                if count > 1 {
                    let gone = plan.rules.remove(at % count).name;
                    plan.rules.iter_mut().for_each(|rule| rule.inhibits.retain(|name| *name != gone));
                }
            }
            Edit::Rename(at) => {
                let old = plan.rules[at % count].name.clone();
                let new = old.strip_suffix("-too").map_or_else(|| format!("{old}-too"), str::to_owned);
                if plan.rule(&new).is_none() {
                    let inhibited = plan.rules.iter_mut().flat_map(|rule| &mut rule.inhibits);
                    inhibited.filter(|name| **name == old).for_each(|name| name.clone_from(&new));
                    let rule = &mut plan.rules[at % count];
                    rule.name = new;
                    rule.was = Some(old);
                }
            }
            Edit::Return(at) => {
                let mut rule = first.rules[at % first.rules.len()].clone();
                rule.inhibits.clear();
                if plan.rule(&rule.name).is_none() {
                    plan.rules.push(rule);
                }
            }
            Edit::Waits(at, open_after, close_after) => {
                let rule = &mut plan.rules[at % count];
                (rule.open_after, rule.close_after) = (*open_after, *close_after);
            }
            Edit::Severity(at, severity) => plan.rules[at % count].severity = *severity,
            Edit::FirstStep(at, name) => {
                let steps = &mut plan.escalations[at % 2].steps;
                if name.is_none() || steps.iter().all(|step| step.name != *name) {
                    steps.insert(0, Step { name: *name, after: 0, notify: vec!["kim"], repeat: None });
                }
            }
            Edit::DropLastStep(at) => {
                let steps = &mut plan.escalations[at % 2].steps;
                if steps.len() > 1 {
                    steps.pop();
                }
            }
            Edit::DropPat => {
                plan.people.retain(|person| person.name != "pat");
                let steps = plan.escalations.iter_mut().flat_map(|escalation| &mut escalation.steps);
                steps.flat_map(|step| &mut step.notify).filter(|name| **name == "pat").for_each(|name| *name = "kim");
                for person in &mut plan.people {
                    person.fallback = person.fallback.filter(|(to, _)| *to != "pat");
                }
            }
            Edit::Move(at) => {
                let count = plan.people.len();
                plan.people[at % count].moved += 1;
            }
        }
        plan
    }
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..4_usize;
    prop_oneof![
        Just(Edit::Comment),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::Rename),
        at().prop_map(Edit::Return),
        (at(), seconds(&[0, 60]), seconds(&[0, 60])).prop_map(|(at, open, close)| Edit::Waits(at, open, close)),
        (at(), severity()).prop_map(|(at, severity)| Edit::Severity(at, severity)),
        (at(), prop::option::of(Just("new"))).prop_map(|(at, name)| Edit::FirstStep(at, name)),
        at().prop_map(Edit::DropLastStep),
        Just(Edit::DropPat),
        at().prop_map(Edit::Move),
    ]
}

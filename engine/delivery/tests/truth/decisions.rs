//! The law for decisions: an incident begins where its condition became true by the raw facts, and ends where it became
//! false.

use std::collections::BTreeSet;

use dag_engine::{Decision, EndedBy, Outcome, Time};
use proptest::{prelude::*, test_runner::TestCaseResult};

use crate::{
    plan::{CONDITIONS, Condition},
    world::World,
};

pub fn check(world: &World, decisions: &[Decision]) -> TestCaseResult {
    let mut moved = BTreeSet::new();
    // The last that was decided about a rule is what the facts of now say. What was decided before it may have been by
    // the facts of a part of the report.
    for Decision { rule, outcome, at, .. } in decisions.iter().rev() {
        let Some(rule) = rule else { continue };
        let is_episode = matches!(
            outcome,
            Outcome::Pending { .. }
                | Outcome::Dip { .. }
                | Outcome::Opened { .. }
                | Outcome::Closing { .. }
                | Outcome::Reopened { .. }
                | Outcome::Resolved { .. }
                | Outcome::NoAnswer
        );
        if !is_episode || !moved.insert(rule) {
            continue;
        }
        let Some(known) = world.plan.rule(rule) else { continue };
        // What turned it may have been another condition, before an edit.
        let conditions = [Some(&known.condition), world.turned_by.get(rule)];
        let holds = conditions.into_iter().flatten().map(|place| &CONDITIONS[*place]).any(|condition| match outcome {
            Outcome::Opened { since } => began(world, condition, *since),
            Outcome::Resolved { since, ended, by } => since <= ended && over(world, condition, *ended, *by),
            _ => true,
        });
        let condition = &CONDITIONS[known.condition];
        prop_assert!(
            holds,
            "{rule}, decided at {at}: {outcome:?}, by `{}` and {:?}",
            condition.text,
            condition.reads.iter().map(|fact| (fact, world.record.changes(fact))).collect::<Vec<_>>()
        );
    }
    Ok(())
}

fn began(world: &World, condition: &Condition, since: Time) -> bool {
    let begins = || {
        // It had held before, in full view: then since is too late, unless the last episode ended there.
        let before = since.moved(-1);
        let seen = || condition.reads.iter().all(|fact| !world.record.was_lost_between(fact, Time::MIN, since));
        let held = condition.reads_facts_alone() && condition.was(true, &world.record, before) && seen();
        !held || world.clock_set || world.edges.contains(&since)
    };
    is_crowded(world, condition, since) || condition.may_have_been(true, &world.record, since, since) && begins()
}

/// A fact changed more than once within the millisecond.
fn is_crowded(world: &World, condition: &Condition, at: Time) -> bool {
    condition.reads.iter().any(|fact| world.record.changed_twice(fact, at))
}

fn over(world: &World, condition: &Condition, ended: Time, by: Option<EndedBy>) -> bool {
    let record = &world.record;
    let is_false = || condition.may_have_been(false, record, ended, ended);
    let was_true = || condition.may_have_been(true, record, ended, ended.moved(-1));
    let was_read = || condition.reads.iter().any(|fact| record.was_read_for(fact, ended));
    let lost_then = || condition.reads.iter().any(|fact| record.was_lost_between(fact, ended, ended));
    match by {
        _ if is_crowded(world, condition, ended) => true,
        None => condition.was(false, record, ended) && (was_read() || world.clock_set),
        Some(EndedBy::Clock) => is_false() && was_true(),
        Some(EndedBy::Edit) => is_false() && world.asked.contains(&ended),
        Some(EndedBy::LostSensor) => lost_then(),
        Some(EndedBy::RuleRemoved) => true,
    }
}

//! Random plans.

use dag_engine::Severity;
use proptest::prelude::*;

use crate::plan::{Escalation, PALETTE, Person, Plan, Quiet, Rule, SCRIPTS, Step};

pub fn plan() -> impl Strategy<Value = Plan> {
    let script = prop::option::weighted(0.3, prop::sample::select(SCRIPTS.to_vec()));
    let escalations = prop::collection::vec(escalation(), 2);
    (rules(), escalations, people(), script, any::<bool>()).prop_map(
        |(rules, escalations, people, script, operators)| Plan {
            rules,
            escalations,
            people,
            script,
            operators,
            comment: 0,
        },
    )
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let own = (seconds(&[0, 30, 30, 300]), seconds(&[0, 10, 300]), severity(), 0..2_usize, any::<u8>(), any::<bool>());
    let palette = prop::sample::subsequence(PALETTE.to_vec(), 2..=4);
    (palette, prop::collection::vec(own, 4)).prop_map(|(palette, own)| {
        let names: Vec<&str> = palette.iter().map(|(name, _)| *name).collect();
        let rules = palette.iter().zip(own).enumerate();
        let rules = rules.map(|(at, ((name, when), own))| {
            let (open_after, close_after, severity, escalation, mask, scripted) = own;
            // One in four of the rules below.
            let inhibits = names.iter().skip(at + 1).enumerate().filter(|(bit, _)| mask >> (2 * bit) & 3 == 3);
            let inhibits = inhibits.map(|(_, name)| (*name).to_owned()).collect();
            let name = (*name).to_owned();
            Rule { name, when, open_after, close_after, severity, escalation, inhibits, scripted, was: None }
        });
        rules.collect()
    })
}

fn escalation() -> impl Strategy<Value = Escalation> {
    let whom = prop::sample::subsequence(vec!["nor", "owners", "everybody", "kim", "pat", "@account"], 1..=2);
    // Repeats without end are rare ones, so that a story of days stays short.
    let repeat = prop_oneof![
        1 => (seconds(&[60, 420, 7_200]), (1..4_u32).prop_map(Some)),
        1 => (seconds(&[7_200]), Just(None)),
    ];
    let repeat = prop::option::of(repeat);
    let step = (seconds(&[0, 60, 300, 1_800]), whom, repeat, any::<bool>());
    let lapses = prop::option::of(seconds(&[60, 600, 14_400]));
    (prop::collection::vec(step, 1..=3), lapses).prop_map(|(steps, lapses)| {
        let steps = steps.into_iter().zip(["one", "two", "three"]).enumerate();
        let steps = steps.map(|(at, ((after, notify, repeat, named), name))| {
            let after = if at == 0 { 0 } else { after };
            Step { name: named.then_some(name), after, notify, repeat }
        });
        Escalation { steps: steps.collect(), lapses }
    })
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    let hours =
        prop::sample::select(vec![("22:30", "07:00"), ("00:30", "01:30"), ("18:00", "18:10"), ("09:00", "23:00")]);
    let unless = prop::option::of(prop::sample::select(vec![Severity::Warning, Severity::Critical]));
    let quiet = (hours, unless).prop_map(|((from, to), unless)| Quiet { from, to, unless });
    let zone = prop::sample::select(vec!["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]);
    let fallback = prop::option::of(seconds(&[60, 300]));
    let person = (any::<bool>(), prop::option::of(quiet), prop::option::weighted(0.3, zone), fallback);
    prop::collection::vec(person, 3).prop_map(|people| {
        let people = people.into_iter().zip([("nor", Some("kim")), ("kim", Some("pat")), ("pat", None)]);
        let people = people.map(|((webhook, quiet, zone, after), (name, fallback))| Person {
            name,
            webhook,
            quiet,
            zone,
            fallback: fallback.zip(after),
            moved: 0,
        });
        people.collect()
    })
}

pub fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical])
}

pub fn seconds(choice: &[i64]) -> impl Strategy<Value = i64> + use<> {
    prop::sample::select(choice.to_vec())
}

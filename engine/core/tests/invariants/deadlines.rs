//! Deadlines survive lost, doubled and late calls, storage, and reloads that change nothing.

use std::collections::BTreeMap;

use dag_engine::{Decision, Id, Input, Millis, Outcome, Time};
use proptest::prelude::*;

use crate::{
    host::{Host, Manner},
    plan_edit::Edit,
    player::play,
    stories::{Event, Story, With, all, story},
};

fn is_episode(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Opened { .. } | Outcome::Resolved { .. })
}

/// A fallback is told in the step after the failure, so its time depends on when the host calls.
fn without_fallbacks(story: &mut Story) {
    story.plan.people.iter_mut().for_each(|person| person.fallback = None);
}

/// A silence that begins while a step is held is decided in the next step, so its time depends on when the host calls.
fn without_silences_to_come(story: &mut Story) {
    for (_, _, event) in &mut story.events {
        if let Event::Silence { from, .. } = event {
            *from = 0.min(*from);
        }
    }
}

/// The first line that differs.
fn differs(one: &[String], other: &[String]) -> Option<String> {
    let at = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    Some(format!("{:#?}\n{:#?}", one.get(at), other.get(at)))
}

#[test]
fn a_state_that_goes_through_storage_at_every_step_decides_the_same() {
    all(30, story(With::EVERYTHING), |story| {
        let straight = play(&story, Manner::default());
        let stored = play(&story, Manner { stored: true, ..Manner::default() });
        prop_assert_eq!(differs(&straight.lines(|_| true), &stored.lines(|_| true)), None);
        Ok(())
    });
}

#[test]
fn calls_that_were_not_asked_for_and_doubled_ones_decide_nothing() {
    let every = 100_000..7_000_000_i64;
    all(40, (story(With { sleep: false, clocks: false, ..With::EVERYTHING }), every), |(mut story, every)| {
        without_fallbacks(&mut story);
        without_silences_to_come(&mut story);
        let asked = play(&story, Manner::default());
        let also = play(&story, Manner { also_every: Some(Millis::new(every)), twice: true, ..Manner::default() });
        // While an incident is closing, a lapsed acknowledgement makes no difference, and the host is not woken for it.
        let keep = |decision: &Decision| !matches!(decision.outcome, Outcome::AcknowledgementLapsed { .. });
        prop_assert_eq!(differs(&asked.lines(keep), &also.lines(keep)), None);
        Ok(())
    });
}

/// When each message was decided.
fn message_times(host: &Host) -> BTreeMap<Id, Time> {
    host.messages().map(|(_, message)| (message.id, message.at)).collect()
}

#[test]
fn a_host_that_calls_late_decides_the_same_episodes_and_tells_no_sooner() {
    all(60, story(With::default()), |mut story| {
        // A channel that is told of a cause too late is told of the inhibited incident first.
        story.plan.rules.iter_mut().for_each(|rule| rule.inhibits.clear());
        let prompt = play(&story, Manner::default());
        let late = play(&story, Manner { late: true, ..Manner::default() });
        let episodes = |host: &Host| {
            let episodes = host.decisions().map(|(_, decision)| decision).filter(|decision| is_episode(decision));
            episodes.map(|decision| serde_json::to_string(decision).unwrap()).collect::<Vec<_>>()
        };
        prop_assert_eq!(differs(&episodes(&prompt), &episodes(&late)), None);
        let prompt = message_times(&prompt);
        for (message, at) in message_times(&late) {
            prop_assert!(
                prompt.get(&message).is_none_or(|then| *then <= at),
                "{message} at {at}, not {:?}",
                prompt[&message]
            );
        }
        Ok(())
    });
}

#[test]
fn rules_that_are_written_otherwise_and_mean_the_same_change_nothing() {
    let with = With { late: true, people: true, post: true, ..With::default() };
    all(40, (story(with), 0..40_usize), |(mut story, at)| {
        without_fallbacks(&mut story);
        // A script that fails is asked again by the new rules, and its trouble told.
        story.plan.script = None;
        let left_alone = play(&story, Manner::default());
        let at = at % story.events.len();
        story.events.insert(at, (0, false, Event::Reload(Edit::Comment)));
        let edited = play(&story, Manner::default());
        // A reload forgets the troubles of addresses that left the account before.
        let keep = |decision: &Decision| {
            !matches!(decision.outcome, Outcome::RulesChanged { .. } | Outcome::TroubleOver { .. })
        };
        prop_assert_eq!(differs(&left_alone.lines(keep), &edited.lines(keep)), None);
        Ok(())
    });
}

#[test]
fn a_host_that_calls_at_each_deadline_comes_to_an_end_of_them() {
    all(30, story(With::EVERYTHING), |story: Story| {
        let mut host = play(&story, Manner::default());
        // A repeat a minute of every step is the most that the rules ask for.
        let hours = host.now.since(host.log[0].now).get().unsigned_abs() / 3_600_000;
        let most = 200 + hours * 60 * 12;
        prop_assert!(host.deadlines <= most, "{} deadlines in {hours} h", host.deadlines);
        let before = host.deadlines;
        host.pass(host.now + Millis::new(30 * 86_400_000));
        // All is well: only the wall clock is left to look at.
        prop_assert!(host.deadlines - before <= 30 * 2 * 4, "{} deadlines in peace", host.deadlines - before);
        host.step(Input::Elapsed);
        Ok(())
    });
}

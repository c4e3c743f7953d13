//! The outlook: it says who was told and what is next, as the decisions before and after it do.

use std::collections::BTreeSet;

use dag_engine::{HeldMessage, Hold, Id, IncidentOutlook, Kind, Millis, Outcome, Time, Withholding};
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseResult};

use crate::{
    host::{Host, Manner},
    player::play_until,
    stories::{With, all, story},
};

/// Three outlooks on each story. After each, time passes in which nothing is read, nobody asks for anything, and no
/// message is attempted.
#[test]
fn who_was_told_and_what_is_next_is_what_was_decided_and_what_will_be() {
    all(64, story(With::EVERYTHING), |story| {
        let events = story.events.len();
        for events in [events / 3, events * 2 / 3, events] {
            check(play_until(&story, Manner::default(), events))?;
        }
        Ok(())
    });
}

/// As many deadlines as an outlook looks at.
const DEADLINES: usize = 96;

fn check(mut host: Host) -> TestCaseResult {
    host.flow(false);
    // After the last step, and before the next.
    let now = host.now.max(host.state.now()) + Millis::new(1);
    if host.state.next_deadline().is_some_and(|at| at <= now) {
        return Ok(());
    }
    let before = host.log.len();
    let outlook = host.engine.outlook(&host.state, now);
    let open: Vec<Id> = host.state.open_incidents().map(|incident| incident.id).collect();
    prop_assert_eq!(outlook.incidents.iter().map(|one| one.incident).collect::<Vec<_>>(), open);
    for one in &outlook.incidents {
        check_told(&host, one)?;
        check_holds(one)?;
    }
    for _ in 0..DEADLINES {
        let Some(at) = host.state.next_deadline() else { break };
        host.pass(at);
    }
    for one in &outlook.incidents {
        check_next(&host, before, one)?;
    }
    for held in outlook.held.iter().filter(|held| held.until <= host.now) {
        check_held(&host, before, held)?;
    }
    Ok(())
}

/// Whoever got a message about the incident was told, and nobody else was.
fn check_told(host: &Host, one: &IncidentOutlook) -> TestCaseResult {
    let about = host.messages().map(|(_, message)| message);
    let about = about.filter(|message| message.incident().is_some_and(|incident| incident.id == one.incident));
    let about = about.filter(|message| !matches!(message.kind, Kind::Resolved | Kind::Past));
    let messages: BTreeSet<_> = about.map(|message| (message.recipient.clone(), message.channel())).collect();
    let told: BTreeSet<_> = one.told.iter().map(|told| (told.recipient.clone(), told.channel)).collect();
    prop_assert_eq!(told, messages, "{}", one.incident);
    Ok(())
}

/// Nothing goes out before what holds it is over.
fn check_holds(one: &IncidentOutlook) -> TestCaseResult {
    let Some(next) = &one.next else { return Ok(()) };
    if let Some(hold) = &one.hold
        && matches!(hold.reason, Hold::Acknowledged | Hold::Snoozed | Hold::Silenced)
    {
        let until = hold.until.unwrap_or(Time::MAX);
        prop_assert!(next.at >= until, "{:?} until {}, and the next is at {}", hold.reason, until, next.at);
    }
    for held in one.held.iter().filter(|held| held.reason == Withholding::Quiet) {
        let until = held.until.unwrap_or(Time::MAX);
        let is_next = next.notify.iter().any(|to| (&to.recipient, to.channel) == (&held.recipient, held.channel));
        prop_assert!(!is_next || next.at >= until, "{:?}, and it is told at {}", held, next.at);
    }
    Ok(())
}

/// A message about an incident that is over goes out when the quiet hours that hold it end, unless a script withholds it
/// then.
fn check_held(host: &Host, before: usize, held: &HeldMessage) -> TestCaseResult {
    let Some(incident) = &held.incident else { return Ok(()) };
    let mut own = host.log.iter().skip(before).flat_map(|moment| {
        let own = moment.decisions.iter().filter(|decision| decision.incident == Some(incident.id));
        own.filter_map(|decision| match &decision.outcome {
            Outcome::Notify(message) => Some((moment.now, message.recipient.clone(), message.channel(), message.kind)),
            Outcome::Withheld { kind, recipient, channel, .. } => {
                Some((moment.now, recipient.clone(), *channel, *kind))
            }
            _ => None,
        })
    });
    let expected = (held.until, held.recipient.clone(), held.channel, held.kind);
    prop_assert!(own.any(|decided| decided == expected), "{:?} is not decided then", held);
    Ok(())
}

/// The first moment after the outlook at which a step of the incident fired, or a message about it went out before it
/// was over, is the next of the outlook.
fn check_next(host: &Host, before: usize, one: &IncidentOutlook) -> TestCaseResult {
    let mut found = None;
    for moment in host.log.iter().skip(before) {
        let own = || moment.decisions.iter().filter(|decision| decision.incident == Some(one.incident));
        if own().any(|decision| matches!(decision.outcome, Outcome::Resolved { .. })) {
            break;
        }
        let (mut steps, mut told) = (Vec::new(), Vec::new());
        for decision in own() {
            match &decision.outcome {
                Outcome::Fired { step, repeat } => steps.push((*step, *repeat)),
                Outcome::Notify(message) => told.push((message.recipient.clone(), message.channel(), message.kind)),
                _ => {}
            }
        }
        if !steps.is_empty() || !told.is_empty() {
            found = Some((moment.now, steps, told));
            break;
        }
    }
    let said = one.next.as_ref().map(|next| {
        let steps: Vec<_> = next.steps.iter().map(|firing| (firing.step, firing.repeat)).collect();
        let notify = next.notify.iter().map(|to| (to.recipient.clone(), to.channel, to.kind));
        (next.at, steps, notify.collect::<Vec<_>>())
    });
    prop_assert_eq!(said, found, "{}", one.incident);
    Ok(())
}

//! One failure at each call in turn. People are told the same as without it.

use dag_engine::{Channel, Millis};

use crate::{
    fleet::Fleet,
    plan::{Call, CallFailure, Plan},
    samples::mail as sent_back,
    story::{Act, OFF, ON, Story, minutes, story},
};

/// The time by which a failure is made up for: a record comes again, a lease ends, and a sweep comes.
const LATEST: Millis = minutes(9);

/// Returns the story of an outage of 45 minutes.
fn outage(_: &mut Fleet) -> Story {
    story("cottage", [(10, Act::Read("power", OFF)), (55, Act::Read("power", ON))])
}

/// Returns the calls of a story without failures, except those of sweeps that find nothing.
fn calls(fleet: &mut Fleet, story: &Story) -> Vec<usize> {
    fleet.live(Plan::default(), story, minutes(150));
    fleet.holds();
    fleet.has_no_dead_letters();
    let calls = fleet.world().rig().calls.clone();
    calls.iter().enumerate().filter(|(_, call)| **call != Call::Due).map(|(number, _)| number).collect()
}

/// Returns the story of an outage that is acknowledged and whose first mail bounces. Later the device is gone for half
/// an hour.
fn taken_on(fleet: &mut Fleet) -> Story {
    let off = (10, Act::Read("power", OFF));
    fleet.live(Plan::default(), &story("cottage", [off.clone()]), minutes(12));
    let rig = fleet.world().rig();
    let mail = rig.arrivals.iter().map(|arrival| &arrival.notification).find(|told| told.channel() == Channel::Email);
    let mail = mail.map(|told| sent_back("ses-bounce-permanent", told.id, told.incident().unwrap().id)).unwrap();
    let acts = [(25, Act::Acknowledge), (45, Act::Put(mail)), (55, Act::Read("power", ON))];
    story("cottage", [off].into_iter().chain(acts).chain([(80, Act::Lose), (110, Act::Back)]))
}

fn once_at_every(nth: usize, failure: CallFailure, story: impl Fn(&mut Fleet) -> Story) {
    // The long proofs try every call.
    let nth = if std::env::var_os("PROPTEST_CASES").is_some() { 1 } else { nth };
    let mut fleet = Fleet::new();
    let story = story(&mut fleet);
    let calls = calls(&mut fleet, &story);
    let (told, on_time) = (fleet.arrived_kinds(), fleet.when());
    assert!(told.len() >= 8, "{told:?}");
    for number in calls.into_iter().step_by(nth) {
        fleet.live(Plan::one(number, failure), &story, minutes(150));
        let failures: Vec<_> = fleet.world().rig().failures.iter().map(|(number, _, how)| (*number, *how)).collect();
        assert_eq!(failures, [(number, failure)]);
        let again = fleet.holds().again;
        let may_come_again = matches!(failure, CallFailure::DieBefore | CallFailure::DieAfter | CallFailure::Lost);
        assert!(may_come_again || again == 0, "sent again after {failure:?} at call {number}");
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived_kinds(), told, "after {failure:?} at call {number}");
        for (what, when) in fleet.when() {
            let late = when.since(on_time[&what]);
            assert!(late <= LATEST, "{what:?} {} s late after {failure:?} at call {number}", late.get() / 1_000);
        }
    }
}

#[test]
fn a_process_that_dies_before_any_call_costs_nothing() {
    once_at_every(1, CallFailure::DieBefore, outage);
}

#[test]
fn a_process_that_dies_after_any_call_costs_nothing() {
    once_at_every(1, CallFailure::DieAfter, outage);
}

#[test]
fn any_call_may_be_refused() {
    once_at_every(3, CallFailure::Refuse, outage);
}

#[test]
fn the_answer_to_any_call_may_be_lost() {
    once_at_every(1, CallFailure::Lost, outage);
}

#[test]
fn any_condition_may_fail_once() {
    once_at_every(3, CallFailure::Conflict, outage);
}

#[test]
fn any_call_may_hang() {
    once_at_every(3, CallFailure::Hang, outage);
}

#[test]
fn a_process_that_dies_at_a_request_or_a_bounce_costs_nothing() {
    once_at_every(3, CallFailure::DieBefore, taken_on);
    once_at_every(3, CallFailure::DieAfter, taken_on);
}

#[test]
fn answers_may_be_lost_at_a_request_or_a_bounce() {
    once_at_every(3, CallFailure::Lost, taken_on);
}

//! One thing goes wrong at any one call: people are told the same as if nothing had.

use dag_engine::Millis;

use crate::{
    fleet::{Act, Fleet, OFF, ON, Story, minutes, story},
    plan::{Call, Plan, Trouble},
};

/// What went wrong is made up for by then: a record that comes again, a lease that runs out, and then a sweep.
const LATEST: Millis = minutes(9);

/// An outage of three quarters of an hour, with what comes between.
fn outage() -> Story {
    story("cottage", [(10, Act::Read("power", OFF)), (55, Act::Read("power", ON))])
}

/// The calls of a story in which all goes well, but for those of sweeps that find nothing.
fn calls(fleet: &mut Fleet, story: &Story) -> Vec<usize> {
    fleet.live(Plan::default(), story, minutes(150));
    fleet.holds();
    fleet.nothing_is_dead();
    let calls = fleet.world().rig().calls.clone();
    calls.iter().enumerate().filter(|(_, call)| **call != Call::Due).map(|(number, _)| number).collect()
}

fn once_at_every_call(trouble: Trouble) {
    let mut fleet = Fleet::new();
    let story = outage();
    let calls = calls(&mut fleet, &story);
    let (told, on_time) = (fleet.told(), fleet.when());
    assert_eq!(told.len(), 3 + 3 + 1 + 1, "{told:?}");
    for number in calls {
        fleet.live(Plan::one(number, trouble), &story, minutes(150));
        let troubles: Vec<_> = fleet.world().rig().troubles.iter().map(|(number, _, how)| (*number, *how)).collect();
        assert_eq!(troubles, [(number, trouble)]);
        fleet.holds();
        fleet.nothing_is_dead();
        assert_eq!(fleet.told(), told, "after {trouble:?} at call {number}");
        for (what, when) in fleet.when() {
            let late = when.since(on_time[&what]);
            assert!(late <= LATEST, "{what:?} {} s late after {trouble:?} at call {number}", late.get() / 1_000);
        }
    }
}

#[test]
fn a_process_that_dies_before_any_call_costs_nothing() {
    once_at_every_call(Trouble::DieBefore);
}

#[test]
fn a_process_that_dies_after_any_call_costs_nothing() {
    once_at_every_call(Trouble::DieAfter);
}

#[test]
fn any_call_may_be_refused() {
    once_at_every_call(Trouble::Refuse);
}

#[test]
fn the_answer_to_any_call_may_be_lost() {
    once_at_every_call(Trouble::Lost);
}

#[test]
fn any_condition_may_fail_once() {
    once_at_every_call(Trouble::Conflict);
}

#[test]
fn any_call_may_hang() {
    once_at_every_call(Trouble::Hang);
}

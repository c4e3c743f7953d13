//! One thing goes wrong at any one call: people are told the same as if nothing had.

use dag_engine::{Channel, Millis};

use crate::{
    fleet::Fleet,
    plan::{Call, Plan, Trouble},
    samples::mail as sent_back,
    story::{Act, OFF, ON, Story, minutes, story},
};

/// What went wrong is made up for by then: a record that comes again, a lease that runs out, and then a sweep.
const LATEST: Millis = minutes(9);

/// An outage of three quarters of an hour, with what comes between.
fn outage(_: &mut Fleet) -> Story {
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

/// One that somebody takes on, whose first mail comes back; and later the device is gone for half an hour.
fn taken_on(fleet: &mut Fleet) -> Story {
    let off = (10, Act::Read("power", OFF));
    fleet.live(Plan::default(), &story("cottage", [off.clone()]), minutes(12));
    let rig = fleet.world().rig();
    let mail = rig.arrivals.iter().map(|arrival| &arrival.notification).find(|told| told.channel() == Channel::Email);
    let mail = mail.map(|told| sent_back("ses-bounce-permanent", told.id, told.incident().unwrap().id)).unwrap();
    let acts = [(25, Act::Acknowledge), (45, Act::Put(mail)), (55, Act::Read("power", ON))];
    story("cottage", [off].into_iter().chain(acts).chain([(80, Act::Lose), (110, Act::Back)]))
}

fn once_at_every(nth: usize, trouble: Trouble, story: impl Fn(&mut Fleet) -> Story) {
    // All of them where more is asked for.
    let nth = if std::env::var_os("PROPTEST_CASES").is_some() { 1 } else { nth };
    let mut fleet = Fleet::new();
    let story = story(&mut fleet);
    let calls = calls(&mut fleet, &story);
    let (told, on_time) = (fleet.told(), fleet.when());
    assert!(told.len() >= 8, "{told:?}");
    for number in calls.into_iter().step_by(nth) {
        fleet.live(Plan::one(number, trouble), &story, minutes(150));
        let troubles: Vec<_> = fleet.world().rig().troubles.iter().map(|(number, _, how)| (*number, *how)).collect();
        assert_eq!(troubles, [(number, trouble)]);
        let again = fleet.holds().again;
        let may_come_again = matches!(trouble, Trouble::DieBefore | Trouble::DieAfter | Trouble::Lost);
        assert!(may_come_again || again == 0, "sent again after {trouble:?} at call {number}");
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
    once_at_every(1, Trouble::DieBefore, outage);
}

#[test]
fn a_process_that_dies_after_any_call_costs_nothing() {
    once_at_every(1, Trouble::DieAfter, outage);
}

#[test]
fn any_call_may_be_refused() {
    once_at_every(3, Trouble::Refuse, outage);
}

#[test]
fn the_answer_to_any_call_may_be_lost() {
    once_at_every(1, Trouble::Lost, outage);
}

#[test]
fn any_condition_may_fail_once() {
    once_at_every(3, Trouble::Conflict, outage);
}

#[test]
fn any_call_may_hang() {
    once_at_every(3, Trouble::Hang, outage);
}

#[test]
fn a_process_that_dies_while_people_and_the_mail_service_answer_costs_nothing() {
    once_at_every(3, Trouble::DieBefore, taken_on);
    once_at_every(3, Trouble::DieAfter, taken_on);
}

#[test]
fn answers_may_be_lost_while_people_and_the_mail_service_answer() {
    once_at_every(3, Trouble::Lost, taken_on);
}

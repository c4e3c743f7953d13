//! The broker's events about connections, in any order, and what rests on them.

use dag_engine::Kind;

use crate::{
    device::presence,
    fleet::Fleet,
    plan::{Manners, Plan},
    story::{Act, OFF, ON, Story, minutes, seconds, story},
};

fn lives(plan: Plan, story: &Story) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.live(plan, story, minutes(300));
    fleet.holds();
    fleet.nothing_is_dead();
    fleet
}

#[test]
fn a_device_that_is_gone_for_a_quarter_of_an_hour_is_missed_and_found_again() {
    let fleet = lives(Plan::default(), &story("cottage", [(10, Act::Lose), (40, Act::Back)]));
    assert_eq!(fleet.arrived("nor", Kind::Opened), 2);
    assert_eq!(fleet.arrived("nor", Kind::Resolved), 2);
}

#[test]
fn a_device_that_is_back_in_time_is_not_missed() {
    for seed in 0..8 {
        let manners = Manners { doubled: 500, delayed: 500, late: seconds(100), shuffled: true };
        let acts = [(10, Act::Lose), (14, Act::Back), (30, Act::Lose), (31, Act::Back)];
        let fleet = lives(Plan { manners, seed, ..Plan::default() }, &story("cottage", acts));
        assert_eq!(fleet.told().len(), 0, "seed {seed}: {:?}", fleet.told());
    }
}

#[test]
fn a_counter_that_fell_back_after_an_hour_is_followed() {
    // Gone for 70 minutes, so that the counter begins at 0 again; gone once more afterwards.
    let acts = [(5, Act::Lose), (6, Act::Back), (7, Act::Lose), (8, Act::Back), (10, Act::Lose), (80, Act::Back)];
    let again = [(120, Act::Lose), (150, Act::Back)];
    let fleet = lives(Plan::default(), &story("cottage", acts.into_iter().chain(again)));
    assert_eq!(fleet.arrived("nor", Kind::Opened), 4, "missed twice, by mail and by webhook");
    assert_eq!(fleet.arrived("nor", Kind::Resolved), 4);
}

#[test]
fn a_late_disconnect_of_an_old_session_ends_nothing() {
    let start = Fleet::new().start;
    let late = presence("cottage", "disconnected", 0, "s1", start + minutes(10));
    let other = presence("cottage", "disconnected", 1, "s1", start + minutes(10));
    let acts = [(10, Act::Lose), (11, Act::Back), (20, Act::Put(late)), (21, Act::Put(other))];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    assert_eq!(fleet.told().len(), 0, "{:?}", fleet.told());
}

#[test]
fn an_end_that_is_still_to_come_makes_nobody_deaf() {
    let start = Fleet::new().start;
    let future = presence("cottage", "disconnected", 0, "s1", start + minutes(60 * 24 * 365));
    let acts = [(10, Act::Put(future)), (12, Act::Read("power", ON)), (60, Act::Lose), (100, Act::Back)];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    assert_eq!(fleet.arrived("nor", Kind::Opened), 0, "a report proved that it was there: {:?}", fleet.told());
}

#[test]
fn a_device_that_reports_is_there_though_its_connect_was_never_heard_of() {
    let start = Fleet::new().start;
    // The broker says that the connection ended, and says nothing of the next one; the device is asked and answers.
    let gone = presence("cottage", "disconnected", 0, "s1", start + minutes(10));
    let mut acts = vec![(10, Act::Put(gone))];
    acts.push((12, Act::Read("power", ON)));
    let fleet = lives(Plan::default(), &story("cottage", acts));
    assert_eq!(fleet.told().len(), 0, "{:?}", fleet.told());
}

#[test]
fn a_device_whose_end_comes_with_an_outage_is_not_missed_by_the_other_rule() {
    let acts = [(10, Act::Read("power", OFF)), (11, Act::Lose), (70, Act::Back), (71, Act::Read("power", ON))];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    let rules: std::collections::BTreeSet<_> = fleet.told().into_iter().map(|told| told.1).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["power-outage"]);
}

//! The broker's events about connections, in any order, and the rules on connections.

use dag_engine::Kind;

use crate::{
    device::{Device, presence, record},
    fleet::Fleet,
    plan::{Manners, Plan},
    story::{Act, OFF, ON, Story, minutes, seconds, story},
};

fn lives(plan: Plan, story: &Story) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.live(plan, story, minutes(300));
    fleet.holds();
    fleet.has_no_dead_letters();
    fleet
}

#[test]
fn a_device_that_is_gone_for_15_minutes_is_missed_and_found() {
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
        assert_eq!(fleet.arrived_kinds().len(), 0, "seed {seed}: {:?}", fleet.arrived_kinds());
    }
}

#[test]
fn a_counter_that_fell_back_after_an_hour_is_followed() {
    // Gone for 70 minutes, so that the broker's count restarts at 0, and gone once more afterwards.
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
    assert_eq!(fleet.arrived_kinds().len(), 0, "{:?}", fleet.arrived_kinds());
}

#[test]
fn an_end_that_is_still_to_come_makes_nobody_deaf() {
    let start = Fleet::new().start;
    let future = presence("cottage", "disconnected", 0, "s1", start + minutes(60 * 24 * 365));
    let acts = [(10, Act::Put(future)), (12, Act::Read("power", ON)), (60, Act::Lose), (100, Act::Back)];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    assert_eq!(fleet.arrived("nor", Kind::Opened), 0, "a report proved that it was there: {:?}", fleet.arrived_kinds());
}

#[test]
fn a_device_that_reports_is_there_though_its_connect_was_never_heard_of() {
    let start = Fleet::new().start;
    // The broker reports the end of the connection, but not the next one. The device is asked, and reports.
    let gone = presence("cottage", "disconnected", 0, "s1", start + minutes(10));
    let mut acts = vec![(10, Act::Put(gone))];
    acts.push((12, Act::Read("power", ON)));
    let fleet = lives(Plan::default(), &story("cottage", acts));
    assert_eq!(fleet.arrived_kinds().len(), 0, "{:?}", fleet.arrived_kinds());
}

/// The outage takes the router with it. The first that is heard of the device is its report, with the whole outage.
#[test]
fn a_device_is_back_when_it_reports_and_not_as_of_its_oldest_reading() {
    let start = Fleet::new().start;
    let at = |minute: i64| start + minutes(minute);
    let mut cottage = Device::new("cottage", 100);
    let mut acts = vec![(0, Act::Put(cottage.connect(start)))];
    cottage.read("power", ON, start);
    acts.extend(cottage.reports(start).iter().map(|report| (0, Act::Put(record(report, start)))));
    cottage.read("power", OFF, at(10));
    acts.push((12, Act::Put(cottage.disconnect(at(12)))));
    cottage.read("power", ON, at(65));
    acts.extend(cottage.reports(at(70)).iter().map(|report| (70, Act::Put(record(report, at(70))))));
    let mut fleet = Fleet::new();
    let acts = acts.into_iter().map(|(minute, act)| (minutes(minute), "cottage", act)).collect();
    fleet.live(Plan::default(), &acts, minutes(100));
    let rig = fleet.world().rig();
    let told = rig.arrivals.iter().map(|arrival| arrival.notification.incident().unwrap());
    let over = told.filter(|incident| incident.ended.is_some()).map(|incident| {
        let minute = |time: dag_engine::Time| time.since(start).get() / 60_000;
        (incident.rule.to_string(), minute(incident.since), incident.ended.map(minute))
    });
    let over: std::collections::BTreeSet<_> = over.collect();
    let expected = [("lost-contact", 12, Some(70)), ("power-outage", 10, Some(65))];
    assert_eq!(over, expected.map(|(rule, since, ended)| (rule.to_owned(), since, ended)).into());
}

#[test]
fn a_device_that_disconnects_in_an_outage_is_not_missed() {
    let acts = [(10, Act::Read("power", OFF)), (11, Act::Lose), (70, Act::Back), (71, Act::Read("power", ON))];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    let rules: std::collections::BTreeSet<_> = fleet.arrived_kinds().into_iter().map(|told| told.1).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["power-outage"]);
}

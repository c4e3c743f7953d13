//! Requests of people, and changes of the registry, with failures.

use dag_cloud::{Event, Registration, Request};
use dag_engine::{Id, Kind};
use dag_uplink::{Command, RefusedRules, SignedRules};

use crate::{
    device::presence,
    fleet::Fleet,
    plan::{Call, CallFailure, Manners, Plan},
    story::{Act, OFF, ON, Story, minutes, story},
};

fn lives(plan: Plan, story: &Story) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.live(plan, story, minutes(180));
    fleet.holds();
    fleet
}

#[test]
fn an_acknowledgement_is_told_to_the_others_once() {
    let acts = [(10, Act::Read("power", OFF)), (15, Act::Acknowledge), (80, Act::Read("power", ON))];
    for failure in [None, Some(CallFailure::DieAfter), Some(CallFailure::Lost)] {
        let manners = Manners { doubled: 500, ..Manners::default() };
        let plan = Plan {
            of: failure.map(|how| (Call::Commit, 10..=10, how)).into_iter().collect(),
            manners,
            ..Plan::default()
        };
        let fleet = lives(plan, &story("cottage", acts.clone()));
        assert_eq!(fleet.arrived("ola", Kind::Acknowledged), 1, "{failure:?}");
        assert_eq!(fleet.arrived("kim", Kind::Escalated), 0);
    }
}

#[test]
fn an_acknowledgement_of_an_unknown_incident_is_refused() {
    let incident = dag_engine::Id::of(&[b"none"]);
    let request = Request::Acknowledge { incident, by: "nor".to_owned() };
    let body = Event::request(&"cottage".into(), request, Fleet::START.parse().unwrap());
    let fleet = lives(Plan::default(), &story("cottage", [(10, Act::Put(body))]));
    fleet.has_no_dead_letters();
    let state = fleet.world().memory.lock();
    let refused = serde_json::to_string(&state.decisions["cottage"]).unwrap();
    assert!(refused.contains("no_such_incident"), "{refused}");
}

#[test]
fn an_acknowledgement_reaches_the_device_after_a_refused_command() {
    use dag_uplink::Command;
    let mut fleet = Fleet::new();
    let incident = dag_engine::Id::of(&[b"the device's own"]);
    let edge = dag_uplink::EdgeIncident {
        id: incident,
        rule: "freezer".into(),
        severity: dag_engine::Severity::Critical,
        since: fleet.start,
        acknowledged_by: None,
    };
    let mut report = crate::device::Device::new("cottage", 10).reports(fleet.start).remove(0);
    (report.number, report.incidents) = (50, vec![edge]);
    let report = crate::device::record(&report, fleet.start + minutes(10));
    let request = Request::Acknowledge { incident, by: "nor".to_owned() };
    let request = Event::request(&"cottage".into(), request, fleet.start + minutes(20));
    let story = story("cottage", [(10, Act::Put(report)), (20, Act::Put(request))]);
    fleet.live(Plan::some(Call::Command, 1..=1, CallFailure::Refuse), &story, minutes(60));
    fleet.holds();
    fleet.has_no_dead_letters();
    let calls = fleet.world().rig().calls.iter().filter(|call| **call == Call::Command).count();
    assert_eq!(calls, 2, "refused once, and then taken");
    let taken = &fleet.obeyed;
    assert_eq!(*taken, [("cottage".into(), Command::Acknowledge { incident, by: "nor".to_owned() })]);
}

#[test]
fn an_acknowledgement_is_repeated_until_the_device_reports_it() {
    let incident = Id::of(&[b"the device's own"]);
    let start = Fleet::new().start;
    let report = |number, acknowledged_by: Option<&str>| {
        let edge = dag_uplink::EdgeIncident {
            id: incident,
            rule: "freezer".into(),
            severity: dag_engine::Severity::Critical,
            since: start,
            acknowledged_by: acknowledged_by.map(str::to_owned),
        };
        let mut report = crate::device::Device::new("cottage", 10).reports(start).remove(0);
        (report.number, report.incidents) = (number, vec![edge]);
        Act::Put(crate::device::record(&report, start + minutes(10)))
    };
    let request = Event::request(&"cottage".into(), Request::Acknowledge { incident, by: "nor".to_owned() }, start);
    // A command to a device that is not connected is lost.
    let acts = [
        (10, report(50, None)),
        (20, Act::Put(request)),
        (30, report(51, None)),
        (40, report(52, Some("nor"))),
        (50, report(53, None)),
    ];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    fleet.has_no_dead_letters();
    let acknowledge = ("cottage".into(), Command::Acknowledge { incident, by: "nor".to_owned() });
    assert_eq!(fleet.obeyed, [acknowledge.clone(), acknowledge], "once at once, and once when it was back");
}

#[test]
fn a_device_that_is_registered_after_the_function_was_built_is_watched() {
    let mut report = crate::device::Device::new("new", 10);
    report.read("power", OFF, Fleet::new().start);
    let start = Fleet::new().start;
    let off = crate::device::record(&report.reports(start + minutes(11))[0], start + minutes(11));
    report.read("power", ON, start + minutes(20));
    let on = crate::device::record(&report.reports(start + minutes(20))[0], start + minutes(20));
    let registration = Registration { name: Some("New".to_owned()), ..Registration::default() };
    let acts = [(10, Act::Register("new".into(), registration)), (11, Act::Put(off)), (20, Act::Put(on))];
    let fleet = lives(Plan::default(), &story("cottage", acts));
    fleet.has_no_dead_letters();
    assert_eq!(fleet.arrived("nor", Kind::Resolved), 2);
}

/// Returns reports of the cottage at these minutes, with the rules that it runs and those that it refused.
fn running(says: &[(i64, Option<Id>, Option<RefusedRules>)]) -> Vec<(i64, Act)> {
    let start = Fleet::new().start;
    let put = |(number, (at, rules, refused)): (u64, &(i64, Option<Id>, Option<RefusedRules>))| {
        let mut report = crate::device::Device::new("cottage", 10).reports(start + minutes(*at))[0].clone();
        (report.number, report.rules, report.refused) = (number, *rules, refused.clone());
        (*at, Act::Put(crate::device::record(&report, start + minutes(*at))))
    };
    (50..).zip(says).map(put).collect()
}

/// Returns how often the cottage was sent its desired rules, which were pushed at these minutes.
fn sent(says: &[(i64, Option<Id>, Option<RefusedRules>)], pushes: &[i64]) -> usize {
    sent_while(Manners::default(), running(says), pushes)
}

/// The same, with other acts and a plan.
fn sent_while(manners: Manners, mut acts: Vec<(i64, Act)>, pushes: &[i64]) -> usize {
    let rules = rules();
    let desired = Registration { desired_rules: Some(rules.hash()), ..Registration::default() };
    acts.push((1, Act::Publish(rules.clone())));
    acts.extend(pushes.iter().map(|at| (*at, Act::Register("cottage".into(), desired.clone()))));
    acts.sort_by_key(|(at, _)| *at);
    let fleet = lives(Plan { manners, ..Plan::default() }, &story("cottage", acts));
    fleet.has_no_dead_letters();
    fleet.obeyed.iter().filter(|(_, command)| *command == Command::Rules(rules.clone())).count()
}

fn rules() -> SignedRules {
    let files = [("power.toml".to_owned(), "# nothing".to_owned())];
    // Only the device checks the signature.
    SignedRules { files: files.into(), signed_at: Fleet::new().start, signature: String::new() }
}

#[test]
fn a_device_is_sent_the_rules_that_it_should_run_until_it_runs_them() {
    let (other, desired) = (Some(Id::of(&[b"other"])), Some(rules().hash()));
    assert_eq!(sent(&[], &[5]), 1, "at once, though it is quiet");
    assert_eq!(sent(&[(3, desired, None)], &[5]), 0, "it runs them already");
    assert_eq!(sent(&[(10, other, None), (20, other, None)], &[5]), 1, "they may be on their way");
    assert_eq!(sent(&[(10, other, None), (70, other, None)], &[5]), 2, "they did not arrive");
    assert_eq!(sent(&[(10, other, None), (15, desired, None), (90, desired, None)], &[5]), 1);
}

#[test]
fn rules_that_a_device_refused_are_sent_again_when_somebody_asks() {
    let refused = || Some(RefusedRules::new(rules().hash(), "the signature does not fit".to_owned()));
    let other = Some(Id::of(&[b"other"]));
    assert_eq!(sent(&[(10, other, refused()), (70, other, refused()), (140, other, refused())], &[5]), 1);
    assert_eq!(sent(&[(10, other, refused()), (70, other, refused())], &[5, 80]), 2);
}

#[test]
fn rules_for_a_device_that_is_away_are_sent_when_it_is_back() {
    let away = || vec![(10, Act::Lose), (30, Act::Back), (40, Act::Read("power", ON))];
    assert_eq!(sent_while(Manners::default(), away(), &[20]), 2, "once in vain, and once when it was back");
    // In both orders of the event and the report.
    for doubled in [0, 500] {
        let manners = Manners { shuffled: true, doubled, ..Manners::default() };
        let sent = sent_while(manners, away(), &[20]);
        assert!((2..=4).contains(&sent), "{sent}");
    }
}

#[test]
fn rules_lost_with_a_connection_are_sent_on_the_next_one() {
    let start = Fleet::new().start;
    let other = Some(Id::of(&[b"other"]));
    let anew = |at: i64| (at, Act::Put(presence("cottage", "connected", 7, "other", start + minutes(at))));
    let acts = |anew| running(&[(10, other, None), (31, other, None), (40, other, None)]).into_iter().chain([anew]);
    assert_eq!(sent_while(Manners::default(), acts(anew(30)).collect(), &[20]), 2);
    assert_eq!(sent_while(Manners::default(), acts(anew(32)).collect(), &[20]), 2, "the report overtook the event");
    assert_eq!(sent_while(Manners::default(), acts(anew(15)).collect(), &[20]), 1, "it was there all the time");
}

#[test]
fn a_device_that_refused_rules_is_not_sent_them_on_every_connection() {
    let refused = || Some(RefusedRules::new(rules().hash(), "the signature does not fit".to_owned()));
    let other = Some(Id::of(&[b"other"]));
    let mut acts = running(&[(10, other, refused()), (41, other, refused()), (71, other, refused())]);
    let start = Fleet::new().start;
    for (version, at) in [(7, 40), (8, 70)] {
        acts.push((at, Act::Put(presence("cottage", "connected", version, "other", start + minutes(at)))));
    }
    assert_eq!(sent_while(Manners::default(), acts, &[5]), 1);
}

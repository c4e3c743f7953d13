//! Faults one by one.

use dag_engine::{Channel, Kind, Millis, Time};

use crate::{
    device::{Device, record},
    fleet::Fleet,
    laws::Arrived,
    plan::{Call, CallFailure, Manners, Plan, Timers},
    story::{Act, DEVICES, OFF, ON, Story, all_well, minutes, seconds, story},
};

/// Returns the story of an outage of 45 minutes on each device in turn, with a flicker before.
fn outages() -> Story {
    let mut story = all_well();
    for (at, device) in (0..).zip(DEVICES) {
        let flips = [(5, OFF), (20, ON), (600 + at, OFF), (3_300 + at, ON)];
        story.extend(flips.map(|(at, value)| (seconds(at), device, Act::Read("power", value))));
    }
    story.sort_by_key(|(at, ..)| *at);
    story
}

fn lives(plan: Plan, story: &Story) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.live(plan, story, minutes(180));
    fleet.holds();
    fleet
}

fn well(story: &Story) -> Arrived {
    lives(Plan::default(), story).arrived_kinds()
}

/// Returns when somebody was first told something about a device.
fn first(fleet: &Fleet, recipient: &str, what: Kind) -> Time {
    let rig = fleet.world().rig();
    let found =
        rig.arrivals.iter().find(|one| one.notification.recipient == recipient && one.notification.kind == what);
    found.unwrap_or_else(|| panic!("{recipient} was never told {what:?}")).at
}

#[test]
fn an_outage_without_any_fault_is_told_at_once_and_to_everybody() {
    let mut fleet = Fleet::new();
    fleet.live(Plan::default(), &outages(), minutes(180));
    let sum = fleet.holds();
    fleet.has_no_dead_letters();
    assert_eq!((sum.required, sum.delivered, sum.again), (24, 24, 0));
    let told = first(&fleet, "nor", Kind::Opened).since(fleet.start + seconds(630));
    assert!(told < seconds(2), "{told:?}");
}

#[test]
fn records_that_come_twice_change_nothing() {
    for seed in 0..6 {
        let manners = Manners { doubled: 1_000, ..Manners::default() };
        let fleet = lives(Plan { manners, seed, ..Plan::default() }, &outages());
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived_kinds(), well(&outages()));
        assert_eq!(fleet.holds().again, 0);
    }
}

#[test]
fn records_may_come_late_and_in_any_order() {
    for seed in 0..6 {
        let manners = Manners { delayed: 500, late: seconds(50), shuffled: true, doubled: 200 };
        let fleet = lives(Plan { manners, seed, ..Plan::default() }, &outages());
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived_kinds(), well(&outages()), "seed {seed}");
        assert_eq!(fleet.holds().again, 0);
    }
}

#[test]
fn a_timer_message_that_is_lost_is_made_up_for_by_the_sweep() {
    let fleet = lives(Plan { timers: Timers::Lost, ..Plan::default() }, &outages());
    assert_eq!(fleet.arrived_kinds(), well(&outages()));
    let opened = first(&fleet, "nor", Kind::Opened);
    let late = |who, what, due: Time| {
        let late = first(&fleet, who, what).since(due);
        assert!(late <= seconds(302), "{what:?} is late by {} s", late.get() / 1_000);
    };
    late("nor", Kind::Opened, fleet.start + seconds(630));
    late("kim", Kind::Escalated, opened + minutes(30));
    late("nor", Kind::Resolved, fleet.start + seconds(3_310));
}

#[test]
fn a_shard_that_cannot_be_read_delays_no_other() {
    // The fourth sweep is the one after the deadline. The first of its 16 shards is refused.
    let of = vec![(Call::Due, 49..=49, CallFailure::Refuse)];
    let fleet = lives(Plan { timers: Timers::Lost, of, ..Plan::default() }, &outages());
    assert!(first(&fleet, "nor", Kind::Opened) < fleet.start + seconds(902));
}

#[test]
fn a_timer_message_that_comes_twice_changes_nothing() {
    let fleet = lives(Plan { timers: Timers::Doubled, ..Plan::default() }, &outages());
    assert_eq!(fleet.arrived_kinds(), well(&outages()));
    assert_eq!(fleet.holds().again, 0);
    let timers = fleet.world().rig().calls.iter().filter(|call| **call == Call::Events).count();
    assert!(timers < 150, "timer messages make more timer messages: {timers}");
}

#[test]
fn a_timer_message_that_comes_a_moment_early_is_sent_again() {
    let fleet = lives(Plan { timers: Timers::Early, ..Plan::default() }, &outages());
    assert_eq!(fleet.arrived_kinds(), well(&outages()));
    for (who, what, due) in [("nor", Kind::Opened, 630), ("nor", Kind::Resolved, 3_310)] {
        let late = first(&fleet, who, what).since(fleet.start + seconds(due));
        assert!(late <= seconds(5), "{what:?} is late by {} s", late.get() / 1_000);
    }
}

#[test]
fn two_consumers_on_one_device_tell_what_one_would() {
    // Many records of one device at once, so that two batches of them are processed concurrently.
    let mut story = all_well();
    let flips =
        (0..60).map(|at| (seconds(600 + at / 20), "cottage", Act::Read("power", if at % 2 == 0 { ON } else { OFF })));
    story.extend(flips);
    story.push((minutes(55), "cottage", Act::Read("power", ON)));
    let fleet = lives(Plan::default(), &story);
    fleet.has_no_dead_letters();
    assert_eq!(fleet.arrived_kinds().len(), 8, "{:?}", fleet.arrived_kinds());
    assert_eq!(fleet.arrived("nor", Kind::Opened), 2);
}

#[test]
fn a_table_that_refuses_for_a_while_delays_and_loses_nothing() {
    for call in [Call::Load, Call::Commit] {
        let plan = Plan::some(call, 12..=30, CallFailure::Refuse);
        let fleet = lives(plan, &outages());
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived("nor", Kind::Resolved) + fleet.arrived("nor", Kind::Past), 6, "{call:?}");
    }
}

#[test]
fn queues_that_refuse_delay_and_lose_nothing() {
    for call in [Call::Events, Call::Deliveries] {
        let fleet = lives(Plan::some(call, 1..=12, CallFailure::Refuse), &outages());
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived_kinds(), well(&outages()), "{call:?}");
        assert_eq!(fleet.holds().again, 0);
    }
}

#[test]
fn conflicts_are_retried_and_then_the_record_comes_again() {
    for which in [1..=4, 5..=9, 10..=19, 1..=30] {
        let fleet = lives(Plan::some(Call::Commit, which.clone(), CallFailure::Conflict), &outages());
        fleet.has_no_dead_letters();
        assert_eq!(fleet.arrived_kinds(), well(&outages()), "{which:?}");
    }
}

#[test]
fn a_mail_service_that_throttles_is_tried_again_until_it_takes_the_mail() {
    let plan =
        Plan { to: vec![("nor", 1..=9, CallFailure::Refuse), ("kim", 1..=3, CallFailure::Refuse)], ..Plan::default() };
    let fleet = lives(plan, &outages());
    fleet.has_no_dead_letters();
    let told = fleet.arrived_kinds();
    assert!(well(&outages()).is_subset(&told), "{told:?}");
    assert_eq!(fleet.holds().again, 0);
}

#[test]
fn a_permanent_refusal_is_undelivered_and_notifies_the_fallback() {
    let plan = Plan { to: vec![("nor", 1..=1_000, CallFailure::Permanent)], ..Plan::default() };
    let mut fleet = Fleet::new();
    fleet.live(plan, &story("cottage", [(10, Act::Read("power", OFF)), (20, Act::Read("power", ON))]), minutes(180));
    let sum = fleet.holds();
    assert!(sum.undelivered >= 2, "{sum:?}");
    assert_eq!(fleet.arrived("nor", Kind::Opened), 0);
    assert_eq!(fleet.arrived("kim", Kind::Opened), 1);
    assert_eq!(fleet.arrived("kim", Kind::Resolved), 1);
    assert!(fleet.arrived("keeper", Kind::System) >= 1, "the operators hear of it");
}

#[test]
fn a_webhook_that_hangs_delays_nobody_else() {
    let plan = Plan { to: vec![("ola", 1..=1_000, CallFailure::Hang)], ..Plan::default() };
    let mut fleet = Fleet::new();
    fleet.live(plan, &outages(), minutes(180 + 1_500));
    let sum = fleet.holds();
    assert!(sum.undelivered >= 3, "given up after a day: {sum:?}");
    let rig = fleet.world().rig();
    let nor =
        rig.arrivals.iter().filter(|one| one.notification.recipient == "nor" && one.notification.kind == Kind::Opened);
    let late: Vec<Millis> = nor.map(|one| one.at.since(one.notification.at)).collect();
    assert_eq!(late.len(), 6);
    assert!(late.iter().all(|late| *late < seconds(2)), "{late:?}");
    // A later message of the same device is sent while the hung one is retried.
    let resolved = rig
        .arrivals
        .iter()
        .filter(|one| one.notification.recipient == "nor" && one.notification.kind == Kind::Resolved);
    assert!(resolved.map(|one| one.at.since(one.notification.at)).all(|late| late < seconds(5)));
    assert!(rig.events.dead.is_empty() && rig.deliveries.dead.is_empty(), "a failed attempt is no failed record");
}

#[test]
fn a_poison_record_is_a_dead_letter_and_the_others_go_on() {
    let mut story = outages();
    for at in [601, 602, 631] {
        story.push((seconds(at), "cottage", Act::Put("{\"event\":\"report\",".to_owned())));
    }
    story.sort_by_key(|(at, ..)| *at);
    let fleet = lives(Plan::default(), &story);
    assert_eq!(fleet.arrived_kinds(), well(&outages()));
    let state = fleet.world().memory.lock();
    assert_eq!(state.dead_letters.len(), 3);
    assert!(
        state.dead_letters.iter().all(|(_, reason)| reason.starts_with("this is no event: EOF")),
        "{:?}",
        state.dead_letters
    );
}

#[test]
fn a_record_that_comes_too_often_ends_in_the_dead_letter_queue() {
    let mut story = outages();
    story.push((minutes(100), "cottage", Act::Put("nonsense".to_owned())));
    let fleet = lives(Plan::some(Call::DeadLetter, 1..=100, CallFailure::Refuse), &story);
    assert_eq!(fleet.arrived_kinds(), well(&outages()));
    let rig = fleet.world().rig();
    assert_eq!(rig.events.dead.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["nonsense"]);
}

#[test]
fn a_day_of_stored_reports_in_shuffled_order_is_told() {
    // Gone in the first minute, with a reading every ten minutes and an outage of two hours, and back after a day.
    let mut acts = vec![(1, Act::Lose)];
    acts.extend((1..144).map(|ten| (ten * 10, Act::Read("battery", Some(dag_engine::Value::Number(40 + ten % 50))))));
    acts.extend([(605, Act::Read("power", OFF)), (725, Act::Read("power", ON)), (1_440, Act::Back)]);
    acts.sort_by_key(|(at, _)| *at);
    let story = story("cottage", acts);
    for seed in 0..6 {
        let manners = Manners { delayed: 1_000, late: seconds(40), shuffled: true, doubled: 300 };
        let plan = Plan { manners, seed, ..Plan::default() };
        let mut fleet = Fleet::new();
        fleet.parts = 10;
        fleet.live(plan, &story, minutes(1_600));
        fleet.holds();
        fleet.has_no_dead_letters();
        let outage = |told: &&(_, dag_engine::Name, _, Channel, &str)| told.1 == "power-outage";
        let told = fleet.arrived_kinds();
        let kinds: Vec<_> = told.iter().filter(outage).map(|told| (told.2.as_str(), told.3, told.4)).collect();
        let expected =
            [("nor", Channel::Email, "past"), ("nor", Channel::Webhook, "past"), ("ola", Channel::Webhook, "past")];
        assert_eq!(kinds, expected, "seed {seed}");
        let rig = fleet.world().rig();
        let past = rig.arrivals.iter().find(|one| one.notification.kind == Kind::Past).unwrap();
        let incident = past.notification.incident().unwrap();
        assert_eq!((incident.since, incident.ended), (fleet.start + minutes(605), Some(fleet.start + minutes(725))));
    }
}

#[test]
fn many_messages_at_once_cost_as_much_each_as_few() {
    let calls = |outages: i64| {
        let at = minutes(100);
        let mut device = Device::new("cottage", 480);
        let mut fleet = Fleet::new();
        for nth in 0..outages {
            device.read("power", OFF, fleet.start + minutes(2) + seconds(nth * 60));
            device.read("power", ON, fleet.start + minutes(2) + seconds(nth * 60 + 40));
        }
        let mut report = device.reports(fleet.start + at).remove(0);
        (report.number, report.sources[0].source) = (100, "gauge".into());
        let late = Act::Put(record(&report, fleet.start + at));
        fleet.live(Plan::default(), &story("cottage", [(100, late)]), minutes(180));
        let told = fleet.holds().delivered;
        let calls = fleet.world().rig().calls.iter().filter(|call| **call != Call::Due).count();
        (told, calls)
    };
    let ((few, some_calls), (many, more_calls)) = (calls(4), calls(40));
    assert_eq!((few, many), (12, 120));
    assert!(more_calls < 12 * some_calls, "{some_calls} calls for {few} messages, {more_calls} for {many}");
}

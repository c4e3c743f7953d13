//! The engine with outbox and store: nothing is lost between them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::{fs, path::Path};

use dag::{
    clock::ClockCorrection,
    daemon::DurableEngine,
    source::Observation,
    store::{QueuedReading, Retention, Store, Window},
};
use dag_config::Config;
use dag_delivery::{Entry, Failure, Receipt};
use dag_engine::{ClockShift, Id, Millis, Name, Outcome, Time, Value};
use dag_rulebook::Rulebook;

const RULES: &str = r#"
    [rule.at-once]
    when       = "power == off"
    escalation = "first"
    [rule.later]
    when       = "power == off"
    open_after = "30s"
    escalation = "second"
    [escalation]
    first  = [{ notify = ["nor"] }]
    second = [{ notify = ["kim"] }]
    [group]
    owners = ["nor"]
    [recipient.nor]
    email = "nor@example.com"
    [recipient.kim]
    email = "kim@example.com"
"#;

/// Starts the engine of the daemon in a folder, for the first time or again.
fn engine(folder: &Path) -> DurableEngine {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::copy(top.join("config.toml"), folder.join("config.toml")).unwrap();
    fs::create_dir_all(folder.join("rules")).unwrap();
    fs::write(folder.join("rules/all.toml"), RULES).unwrap();
    let config = Config::load(&folder.join("config.toml"), &[]).unwrap();
    let rulebook = Rulebook::prove(&folder.join("rules"), &config).unwrap();
    let (store, opened) = Store::open(folder.join("dag.redb"), Retention { bytes: 64 << 20 }).unwrap();
    let mut engine = DurableEngine::open(rulebook, config.device(None).unwrap(), store, opened.boot).unwrap();
    engine.start_sending();
    engine
}

fn noon() -> Time {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Time {
    noon() + Millis::new(seconds * 1_000)
}

fn read(engine: &mut DurableEngine, value: Value, at: Time) {
    engine.observe(&"bench".into(), vec![Observation { fact: "power".into(), value: Some(value), at }], false, at);
}

/// Returns the correction of this boot's clock alone.
fn own(own: ClockShift) -> ClockCorrection {
    ClockCorrection { earlier: Vec::new(), own, boots: Vec::new() }
}

fn recipients(engine: &DurableEngine) -> Vec<&str> {
    engine.outbox().iter().map(|entry| entry.notification.recipient.as_str()).collect()
}

#[test]
fn a_message_is_leased_in_the_transaction_of_its_decision() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    read(&mut engine, Value::Off, noon());
    let stored: Vec<(Id, Entry)> = engine.store().outbox().unwrap();
    assert!(stored.iter().all(|(_, entry)| entry.is_leased() && entry.prepared.is_some()), "{stored:?}");
    let [nor] = &engine.take_leased(noon())[..] else { panic!("nor is told") };
    assert_eq!(nor.notification.recipient, "nor");
    assert!(engine.take_leased(noon()).is_empty(), "each lease is taken once");
}

#[test]
fn a_message_that_falls_due_while_another_is_settled_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    let (nor, _) = fail_first_attempt(&mut engine);
    // The attempt is settled at the moment at which the other rule's half minute is over.
    let [message] = &engine.take_leased(after(10))[..] else { panic!("nor is tried again") };
    assert_eq!(message.notification.id, nor);
    engine.settle(nor, Ok(Receipt { answer: "taken".to_owned() }), after(30));
    let [kim] = &engine.take_leased(after(30))[..] else { panic!("kim is told next") };
    assert_eq!(kim.notification.recipient, "kim");
}

#[test]
fn a_daemon_that_stops_leases_nothing_and_the_next_start_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = engine(folder.path());
    first.stop_sending();
    read(&mut first, Value::Off, noon());
    assert!(first.take_leased(noon()).is_empty());
    assert!(first.outbox().iter().all(|entry| !entry.is_leased() && entry.attempts == 0));
    drop(first);
    assert_eq!(engine(folder.path()).take_leased(after(1)).len(), 1);
}

#[test]
fn a_lease_whose_daemon_died_is_given_up_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    read(&mut engine(folder.path()), Value::Off, noon());
    let mut next = engine(folder.path());
    let [nor] = &next.take_leased(after(1))[..] else { panic!("nor is told") };
    assert_eq!(next.outbox().get(nor.notification.id).unwrap().attempts, 2);
}

#[test]
fn an_attempt_that_outlasts_its_lease_is_not_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    read(&mut engine, Value::Off, noon());
    let [nor] = &engine.take_leased(noon())[..] else { panic!("nor is told") };
    // The machine slept for an hour; the attempt goes on.
    let taken = engine.take_leased(after(3_600));
    assert!(taken.iter().all(|message| message.notification.id != nor.notification.id), "{taken:?}");
    engine.settle(nor.notification.id, Ok(Receipt { answer: "taken".to_owned() }), after(3_601));
    assert!(engine.outbox().get(nor.notification.id).is_none());
}

/// A clock that was set to the last year of the calendar: there, sums of times stop, and each pause is over at once.
#[test]
fn at_the_calendars_end_one_attempt_is_under_way_and_the_next_waits_by_the_monotonic_clock() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    read(&mut engine, Value::Off, Time::MAX);
    let taken: Vec<Id> = engine.take_leased(Time::MAX).iter().map(|message| message.notification.id).collect();
    let [nor, kim] = taken[..] else { panic!("both are told: {taken:?}") };
    let refused = || Err(Failure::Retry { error: "no network".to_owned(), after: None });
    for _ in 0..3 {
        read(&mut engine, Value::Off, Time::MAX);
        assert!(engine.take_leased(Time::MAX).is_empty(), "they are under way");
        assert_eq!(engine.next_due(), None, "the loop sleeps");
    }
    engine.settle(nor, refused(), Time::MAX);
    assert!(engine.take_leased(Time::MAX).is_empty());
    assert_eq!(engine.next_due(), None, "the loop sleeps");
    let end = engine.pause_ends().unwrap();
    engine.end_pauses(end - std::time::Duration::from_millis(1), Time::MAX);
    assert!(engine.take_leased(Time::MAX).is_empty(), "the pause lasts");
    engine.end_pauses(end, Time::MAX);
    let [again] = &engine.take_leased(Time::MAX)[..] else { panic!("nor is tried again") };
    assert_eq!((again.notification.id, engine.pause_ends()), (nor, None));

    // Set right, the clock knows again when the next attempt is due.
    engine.settle(nor, refused(), Time::MAX);
    let end = engine.pause_ends().unwrap();
    let shift_ms = noon().as_millis() - Time::MAX.as_millis();
    engine.set_clock(&own(ClockShift { began: Time::MAX.moved(-1), shift_ms }), noon());
    assert!(engine.take_leased(after(1)).iter().any(|message| message.notification.id == nor));
    engine.end_pauses(end, after(2));
    assert!(engine.take_leased(after(2)).is_empty(), "neither of both has a second attempt under way: {kim}");
}

/// Lets the first attempt at a message fail at noon. Returns the message and the pause until the next attempt.
fn fail_first_attempt(engine: &mut DurableEngine) -> (Id, Millis) {
    read(engine, Value::Off, noon());
    let [message] = &engine.take_leased(noon())[..] else { panic!("one message is due") };
    let id = message.notification.id;
    engine.settle(id, Err(Failure::Retry { error: "no network".to_owned(), after: None }), noon());
    let due = engine.outbox().iter().next().unwrap().due().unwrap();
    (id, due.since(noon()))
}

#[test]
fn a_message_waits_as_long_as_it_would_have_when_the_clock_is_set() {
    const DAY: i64 = 86_400_000;
    for shift_ms in [-3 * 3_600_000, 3 * 3_600_000, -DAY * 365, DAY * 365 * 20] {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = engine(folder.path());
        let (id, wait) = fail_first_attempt(&mut engine);
        let now = Time::from_millis(noon().as_millis() + shift_ms);
        engine.set_clock(&own(ClockShift { began: noon(), shift_ms }), now);
        let entry = engine.outbox().get(id).unwrap();
        assert_eq!((entry.due(), entry.queued_at), (Some(now + wait), now), "{shift_ms}");
        // Its age is the same, so it is not given up.
        assert!(engine.take_leased(now + wait).iter().any(|message| message.notification.id == id), "{shift_ms}");
        engine.settle(id, Err(Failure::Retry { error: "no network".to_owned(), after: None }), now + wait);
        assert!(recipients(&engine).contains(&"nor"), "{shift_ms}");
    }
}

#[test]
fn what_an_earlier_boot_noted_stays_when_the_clock_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let (id, wait) = fail_first_attempt(&mut engine(folder.path()));
    let mut engine = engine(folder.path());
    engine.set_clock(&own(ClockShift { began: after(60), shift_ms: -58_000 }), after(2));
    let entry = engine.outbox().get(id).unwrap();
    assert_eq!((entry.due(), entry.queued_at), (Some(noon() + wait), noon()));
}

#[test]
fn a_lease_that_was_given_before_the_clock_was_set_ends_in_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    read(&mut engine, Value::Off, noon());
    assert_eq!(engine.take_leased(noon()).len(), 1);
    let until = |engine: &DurableEngine| engine.outbox().iter().next().unwrap().due().unwrap();
    let lease = until(&engine).since(noon());
    let now = Time::from_millis(noon().as_millis() - 7_200_000);
    engine.set_clock(&own(ClockShift { began: noon(), shift_ms: -7_200_000 }), now);
    assert_eq!(until(&engine), now + lease);
}

#[test]
fn a_boot_goes_on_where_the_one_that_read_last_had_ended() {
    let folder = tempfile::tempdir().unwrap();
    read(&mut engine(folder.path()), Value::On, noon());
    drop(engine(folder.path()));
    let mut engine = engine(folder.path());
    read(&mut engine, Value::Off, after(60));
    let decisions = engine.store().decisions(Window::newest(100)).unwrap();
    assert!(!decisions.iter().any(|decision| matches!(decision.outcome, Outcome::Gap { .. } | Outcome::Waits { .. })));
    assert_eq!(engine.state().last_applied("bench", 3), Some(1));
}

/// Returns the queue for the cloud. Each reading has its number, whether it is a change, and its seconds after noon.
fn queue(engine: &DurableEngine) -> Vec<(u64, bool, i64)> {
    let queued = engine.store().queued_readings(usize::MAX).unwrap();
    let row = |(_, queued): (u64, QueuedReading)| {
        (queued.reading.number, queued.is_change, queued.reading.reading.at.since(noon()).get() / 1_000)
    };
    queued.into_iter().map(row).collect()
}

#[test]
fn readings_are_queued_in_the_mode_cloud_and_move_with_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path());
    let source = Name::new("test");
    let seen = |fact: &str, value, at| Observation { fact: fact.into(), value, at };
    engine.observe(&source, vec![seen("power", Some(Value::On), noon())], false, noon());
    assert_eq!(queue(&engine), []);
    engine.report_to_the_cloud(Some(1 << 20));
    let readings = vec![
        seen("power", Some(Value::On), after(1)),
        seen("power", Some(Value::Off), after(2)),
        seen("power", None, after(3)),
        seen("battery", Some(Value::Number(90)), after(4)),
        seen("battery", Some(Value::Number(80)), after(5)),
        seen("battery", None, after(6)),
    ];
    engine.observe(&source, readings, false, after(6));
    let expected = [(2, false, 1), (3, true, 2), (4, true, 3), (5, true, 4), (6, false, 5), (7, true, 6)];
    assert_eq!(queue(&engine), expected);
    engine.set_clock(&own(ClockShift { began: after(3), shift_ms: 60_000 }), after(70));
    let times: Vec<i64> = queue(&engine).into_iter().map(|(.., at)| at).collect();
    assert_eq!(times, [1, 2, 63, 64, 65, 66]);
}

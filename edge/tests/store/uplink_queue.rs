//! The queue of readings for the cloud: it is durable and bounded, and drops the least important readings first.

use dag::store::{Commit, QueuedReading, Store, StoredReading};
use dag_engine::{ClockShift, Reading, Value};
use dag_uplink::DroppedReadings;

use crate::{open, queued_reading, scratch, time};

/// Returns a step of the battery, which is no change of a switch.
fn battery(number: u64) -> QueuedReading {
    let reading = Reading { fact: "battery".into(), value: Some(Value::Number(50)), at: time(number as i64) };
    let reading = StoredReading { source: "nut".into(), boot: 1, number, reading };
    QueuedReading { reading, before: None, is_change: false }
}

fn enqueue(store: &Store, readings: impl IntoIterator<Item = QueuedReading>, keep: u64) {
    store.commit(&Commit::at(time(1)).enqueue(readings, keep)).unwrap();
}

/// Returns the queue, as sources and numbers.
fn waiting(store: &Store) -> Vec<(String, u64)> {
    let queued = store.queued_readings(usize::MAX).unwrap();
    queued.into_iter().map(|(_, queued)| (queued.reading.source.to_string(), queued.reading.number)).collect()
}

fn expected(source: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<(String, u64)> {
    numbers.into_iter().map(|number| (source.to_owned(), number)).collect()
}

#[test]
fn queued_readings_outlast_a_restart_until_they_are_confirmed() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    enqueue(&store, (1..=4).map(queued_reading), 1 << 20);
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(waiting(&store), expected("gpio", 1..=4));
    let second = store.queued_readings(2).unwrap()[1].0;
    assert!(store.queued_behind(second, ["gpio".into(), "nut".into()].into()).unwrap().iter().eq(["gpio"]));
    store.confirm(Some(second), None).unwrap();
    assert_eq!(waiting(&store), expected("gpio", 3..=4));
    let last = store.queued_readings(2).unwrap()[1].0;
    store.confirm(Some(last), None).unwrap();
    assert_eq!((store.backlog().unwrap().bytes, waiting(&store)), (0, Vec::new()));
}

#[test]
fn a_full_queue_drops_battery_steps_first_and_keeps_the_newest() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    let keep = 64 << 10;
    enqueue(&store, (1..=20).map(queued_reading), keep);
    for hundred in 0..20 {
        enqueue(&store, (1..=100).map(|number| battery(hundred * 100 + number)), keep);
        assert!(store.backlog().unwrap().bytes <= keep);
    }
    let left = waiting(&store);
    assert_eq!(left[..20], expected("gpio", 1..=20), "no change was dropped");
    let first = left[20].1;
    assert_eq!(left[20..], expected("nut", first..=2_000), "the oldest steps were dropped");
    let dropped = store.backlog().unwrap().dropped.unwrap();
    assert_eq!(dropped, DroppedReadings { readings: first - 1, from: time(1), until: time(first as i64 - 1) });

    // Changes alone fill the queue. The newest reading of the battery is left, and the oldest changes are dropped.
    for twenty in 1..100 {
        enqueue(&store, (1..=20).map(|number| queued_reading(twenty * 20 + number)), keep);
    }
    let left = waiting(&store);
    assert_eq!(left[0], ("nut".to_owned(), 2_000));
    let first = left[1].1;
    assert_eq!(left[1..], expected("gpio", first..=2_000));
    assert!(first > 21 && store.backlog().unwrap().bytes <= keep);
}

#[test]
fn dropped_readings_count_until_a_report_of_them_is_confirmed() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    let dropped = |store: &Store| store.backlog().unwrap().dropped;
    enqueue(&store, (1..=200).map(queued_reading), 8 << 10);
    let reported = dropped(&store).unwrap();
    assert!(reported.readings > 0);
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(dropped(&store), Some(reported));
    // More readings are dropped while the report is under way.
    enqueue(&store, (201..=400).map(queued_reading), 8 << 10);
    let all = dropped(&store).unwrap();
    store.confirm(None, Some(reported)).unwrap();
    assert_eq!(dropped(&store).map(|left| left.readings), Some(all.readings - reported.readings));
    store.confirm(None, Some(all)).unwrap();
    assert_eq!(dropped(&store), None);
}

#[test]
fn a_clock_that_is_set_moves_times_recorded_since_the_start() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    enqueue(&store, [queued_reading(10), queued_reading(20)], 1 << 20);
    store
        .commit(
            &Commit::at(time(5_020))
                .enqueue([queued_reading(30)], 1 << 20)
                .shift_queue([ClockShift { began: time(20), shift_ms: 5_000 }]),
        )
        .unwrap();
    let times: Vec<i64> =
        store.queued_readings(9).unwrap().iter().map(|(_, queued)| queued.reading.reading.at.as_millis()).collect();
    // The reading of the same step is by the new clock already.
    assert_eq!(times, [10, 5_020, 30]);
}

#[test]
fn the_time_at_which_the_last_rules_were_signed_is_kept() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    assert_eq!(store.rules_signed_at().unwrap(), None);
    store.keep_rules_signed_at(time(7)).unwrap();
    drop(store);
    assert_eq!(open(&path).0.rules_signed_at().unwrap(), Some(time(7)));
}

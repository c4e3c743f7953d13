//! Messages from backlogs of every kind.

use std::collections::{BTreeMap, BTreeSet};

use dag_engine::{ClockShift, Name, Reading, Time, Value};
use dag_uplink::{ClockState, DeviceReport, LONGEST_REPORT, MOST_READINGS, SourceReport, VERSION};
use proptest::prelude::*;

use super::{ConfirmedReadings, compose_parts, count_fitting};
use crate::{
    clock::ClockCorrection,
    store::{QueuedReading, StoredReading},
};

const BOOT: u64 = 3;

fn now() -> Time {
    Time::from_millis(1_800_000_000_000)
}

fn queued_reading(source: &str, boot: u64, number: u64, fact: &str, at: i64) -> QueuedReading {
    let reading = Reading { fact: fact.into(), value: Some(Value::Number(at)), at: Time::from_millis(at) };
    let reading = StoredReading { source: source.into(), boot, number, reading };
    QueuedReading { reading, before: Some(7), is_change: true }
}

/// Queues of sources that take turns, over some boots, with some numbers missing, and with short and long names.
fn queues() -> impl Strategy<Value = Vec<QueuedReading>> {
    let reading = (0..3_usize, 0..40_u32, 0..4_usize, any::<u32>());
    (proptest::collection::vec(reading, 0..900), 1..=BOOT).prop_map(|(readings, first_boot)| {
        let facts = ["power".to_owned(), "battery".to_owned(), "\"".repeat(90), "x".repeat(180)];
        let (mut boot, mut numbers) = (first_boot, BTreeMap::new());
        let made = readings.into_iter().map(|(source, chance, fact, at)| {
            if chance == 0 && boot < BOOT {
                boot += 1;
                numbers.clear();
            }
            let number = numbers.entry(source).or_insert(0);
            *number += if chance == 1 { 5 } else { 1 };
            queued_reading(
                ["gpio", "nut:ups@127.0.0.1:3493", "config.toml"][source],
                boot,
                *number,
                &facts[fact],
                at.into(),
            )
        });
        made.collect()
    })
}

/// Returns the messages of a queue as the daemon composes them: each is confirmed before the next.
fn messages(mut queue: &[QueuedReading]) -> Vec<Vec<SourceReport>> {
    let (mut confirmed, mut sent) = (ConfirmedReadings::default(), Vec::new());
    loop {
        let window = &queue[..queue.len().min(MOST_READINGS + 1)];
        let (taken, behind) = queue.split_at(count_fitting(window, &confirmed));
        let going_on: BTreeSet<Name> = behind.iter().map(|queued| queued.reading.source.clone()).collect();
        sent.push(compose_parts(taken, &confirmed, BOOT, now(), &going_on, behind.is_empty()));
        confirmed.add(taken, BOOT);
        if behind.is_empty() {
            return sent;
        }
        queue = behind;
    }
}

fn message(sources: Vec<SourceReport>) -> DeviceReport {
    let (sent_at, clock) = (now(), ClockState::Set);
    let (device, incidents) = ("cottage".into(), Vec::new());
    DeviceReport {
        v: VERSION,
        device,
        incarnation: None,
        boot: BOOT,
        number: 1,
        sent_at,
        clock,
        rules: None,
        refused: None,
        incidents,
        dropped: None,
        sources,
    }
}

proptest! {
    #[test]
    fn every_reading_is_new_in_exactly_one_message_and_in_order(queue in queues()) {
        let mut new = Vec::new();
        for part in messages(&queue).iter().flatten() {
            let numbered = (part.first..).zip(&part.readings).skip(part.resent as usize);
            new.extend(numbered.map(|(number, reading)| {
                (part.source.clone(), part.boot, number, reading.fact.clone(), reading.value)
            }));
        }
        let all = queue.iter().map(|QueuedReading { reading, .. }| {
            (reading.source.clone(), reading.boot, reading.number, reading.reading.fact.clone(), reading.reading.value)
        });
        prop_assert_eq!(new, all.collect::<Vec<_>>());
    }

    #[test]
    fn the_cloud_accepts_every_message(queue in queues()) {
        for sources in messages(&queue) {
            let bytes = serde_json::to_vec(&message(sources)).unwrap();
            prop_assert!(bytes.len() < LONGEST_REPORT * 3 / 4, "{}", bytes.len());
            DeviceReport::parse(&bytes).unwrap();
        }
    }

    #[test]
    fn a_source_goes_on_exactly_until_its_last_part(queue in queues()) {
        let sent = messages(&queue);
        let all: Vec<&SourceReport> = sent.iter().flatten().collect();
        for (at, part) in all.iter().enumerate() {
            let is_new = |part: &SourceReport| part.readings.len() as u64 > part.resent;
            let follows = all[at + 1..].iter().any(|later| later.source == part.source && is_new(later));
            prop_assert_eq!(part.more, follows);
        }
    }

    #[test]
    fn only_what_was_sent_before_is_resent(queue in queues()) {
        let mut sent: BTreeSet<(Name, u64)> = BTreeSet::new();
        for sources in messages(&queue) {
            for part in &sources {
                prop_assert!(part.resent <= 16);
                for number in part.first..part.first + part.resent {
                    prop_assert!(part.boot == BOOT && sent.contains(&(part.source.clone(), number)));
                }
            }
            let of_boot = sources.iter().filter(|part| part.boot == BOOT);
            sent.extend(of_boot.flat_map(|part| {
                (part.first..).zip(&part.readings).map(|(number, _)| (part.source.clone(), number))
            }));
        }
    }
}

#[test]
fn with_nothing_new_the_last_sixteen_are_resent() {
    let queue: Vec<QueuedReading> =
        (1..=20).map(|number| queued_reading("gpio", BOOT, number, "power", 1_000)).collect();
    let mut confirmed = ConfirmedReadings::default();
    confirmed.add(&queue, BOOT);
    let again = compose_parts(&[], &confirmed, BOOT, now(), &BTreeSet::new(), true);
    assert_eq!((again[0].first, again[0].resent, again[0].readings.len()), (5, 16, 16));
    assert_eq!((again.len(), again[0].before, again[0].more), (1, Some(7), false));
}

#[test]
fn a_reading_by_a_clock_that_was_not_set_is_at_most_a_year_old() {
    let ages = |at: i64| {
        compose_parts(
            &[queued_reading("gpio", 1, 1, "power", at)],
            &ConfirmedReadings::default(),
            BOOT,
            now(),
            &BTreeSet::new(),
            true,
        )
    };
    assert_eq!(ages(0)[0].readings[0].age_ms, 365 * 86_400_000);
    assert_eq!(ages(now().as_millis() + 5)[0].readings[0].age_ms, 0);
    DeviceReport::parse(&serde_json::to_vec(&message(ages(0))).unwrap()).unwrap();
}

#[test]
fn a_clock_that_is_set_moves_what_is_resent() {
    let mut confirmed = ConfirmedReadings::default();
    confirmed
        .add(&[queued_reading("gpio", BOOT, 1, "power", 1_000), queued_reading("gpio", BOOT, 2, "power", 2_000)], BOOT);
    let own = ClockShift { began: Time::from_millis(1_500), shift_ms: now().as_millis() - 3_000 };
    confirmed.clock_set(&ClockCorrection { earlier: Vec::new(), own, boots: Vec::new() });
    let again = compose_parts(&[], &confirmed, BOOT, now(), &BTreeSet::new(), true);
    assert_eq!(again[0].readings[1].age_ms, 1_000);
}

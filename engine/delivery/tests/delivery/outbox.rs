//! The life of a message in the outbox.

use dag_delivery::{Entry, EntryState, Failure, LEASE, Receipt, Settled, next_due, next_to_send};
use dag_engine::{Address, Kind, Millis, Time, Withdrawal};
use proptest::prelude::*;

use crate::sample::{id, incident, notification, sensor, t, trouble};

const DAY: Millis = Millis::new(86_400_000);

fn start() -> Time {
    t("2026-01-10T14:02:30Z")
}

fn entry(sequence: u64) -> Entry {
    Entry::new(notification(Kind::Opened), sequence, start())
}

fn taken() -> Result<Receipt, Failure> {
    Ok(Receipt { answer: "200 OK".into() })
}

fn later(after: Option<Millis>) -> Result<Receipt, Failure> {
    Err(Failure::Retry { error: "busy".into(), after })
}

fn never() -> Result<Receipt, Failure> {
    Err(Failure::Permanent { error: "gone".into() })
}

/// One attempt at `now`.
fn attempt(entry: &mut Entry, result: &Result<Receipt, Failure>, now: Time) -> Settled {
    assert!(entry.lease(now), "{entry:?}");
    entry.settle(result.as_ref(), now)
}

#[test]
fn a_message_is_leased_sent_and_over() {
    let mut entry = entry(1);
    assert_eq!(entry.due(), Some(start()));
    assert!(entry.lease(start()));
    assert_eq!((entry.state, entry.attempts), (EntryState::Leased { until: start() + LEASE }, 1));
    assert!(!entry.lease(start()), "nobody else may send it meanwhile");
    assert_eq!(entry.settle(taken().as_ref(), start()), Settled::Delivered);
    assert_eq!(entry.state, EntryState::Delivered { at: start() });
    assert!(entry.is_over() && entry.due().is_none() && !entry.lease(start() + DAY));
}

#[test]
fn a_message_is_not_sent_before_it_is_due() {
    assert!(!entry(1).lease(start() - Millis::new(1)));
}

#[test]
fn a_failure_is_noted_and_tried_again_after_a_growing_pause() {
    let mut entry = entry(1);
    let (mut now, mut pauses) = (start(), Vec::new());
    for _ in 0..12 {
        let Settled::Retry { due } = attempt(&mut entry, &later(None), now) else { panic!("{entry:?}") };
        assert_eq!((entry.state, entry.last_error.as_deref()), (EntryState::Queued { due }, Some("busy")));
        pauses.push(due.since(now));
        now = due;
    }
    assert!(pauses[0] <= Millis::new(5_000) && pauses[0] > Millis::new(3_750), "{pauses:?}");
    assert!(pauses[..9].is_sorted(), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Millis::new(900_000)), "{pauses:?}");
    assert_eq!(entry.attempts, 12);
}

#[test]
fn what_the_receiver_asks_for_is_honoured_to_the_end_of_the_day() {
    let long = Millis::new(3_600_000);
    assert_eq!(attempt(&mut entry(1), &later(Some(long)), start()), Settled::Retry { due: start() + long });
    let short = attempt(&mut entry(1), &later(Some(Millis::new(1))), start());
    assert!(matches!(short, Settled::Retry { due } if due > start() + Millis::new(3_000)), "{short:?}");
    for endless in [DAY.times(2), Millis::new(i64::MAX)] {
        let mut entry = entry(1);
        assert_eq!(attempt(&mut entry, &later(Some(endless)), start()), Settled::Retry { due: start() + DAY });
        assert_eq!(attempt(&mut entry, &later(Some(endless)), start() + DAY), Settled::Undelivered);
    }
}

#[test]
fn a_message_is_given_up_after_a_day_with_its_last_error() {
    let mut entry = entry(1);
    let mut now = start();
    while let Settled::Retry { due } = attempt(&mut entry, &later(None), now) {
        now = due;
    }
    assert_eq!(now, start() + DAY);
    assert_eq!((entry.state, entry.last_error.as_deref()), (EntryState::Undelivered { at: now }, Some("busy")));
    assert!(entry.attempts > 90, "{}", entry.attempts);
}

#[test]
fn a_message_that_waited_for_its_host_longer_than_a_day_is_still_tried_once() {
    let late = start() + DAY.times(3);
    assert_eq!(attempt(&mut entry(1), &taken(), late), Settled::Delivered);
    assert_eq!(attempt(&mut entry(1), &later(None), late), Settled::Undelivered);
}

#[test]
fn a_permanent_refusal_ends_it_at_once() {
    let mut entry = entry(1);
    assert_eq!(attempt(&mut entry, &never(), start()), Settled::Undelivered);
    assert_eq!(entry.last_error.as_deref(), Some("gone"));
}

#[test]
fn a_lease_whose_host_died_runs_out_and_counts_as_an_attempt() {
    let mut entry = entry(1);
    assert!(entry.lease(start()));
    assert!(!entry.lease(start() + LEASE - Millis::new(1)));
    assert!(entry.lease(start() + LEASE));
    assert_eq!(entry.attempts, 2);

    let again = start() + Millis::new(1);
    entry.release(again);
    assert_eq!(entry.state, EntryState::Queued { due: again });
    assert_eq!(attempt(&mut entry, &taken(), again), Settled::Delivered);
    entry.release(again);
    assert!(entry.is_over());
}

#[test]
fn only_what_waits_is_withdrawn() {
    let withdrawn = EntryState::Withdrawn { at: start(), reason: Withdrawal::Superseded };
    let mut waits = entry(1);
    assert!(waits.withdraw(Withdrawal::Superseded, start()));
    assert_eq!(waits.state, withdrawn);
    assert!(!waits.lease(start()));

    let mut leased = entry(2);
    assert!(leased.lease(start()));
    assert!(!leased.withdraw(Withdrawal::Superseded, start()));
    leased.settle(taken().as_ref(), start());
    assert!(!leased.withdraw(Withdrawal::Superseded, start()));
}

#[test]
fn what_is_over_stays_as_it_is() {
    for result in [taken(), never()] {
        let mut entry = entry(1);
        attempt(&mut entry, &result, start());
        let before = entry.clone();
        assert_eq!(entry.settle(later(None).as_ref(), start() + DAY), Settled::Over);
        assert_eq!(entry, before);
    }
}

#[test]
fn an_entry_survives_storage() {
    let mut entry = entry(3);
    attempt(&mut entry, &later(None), start());
    entry.prepared = Some(dag_delivery::Templates::built_in().prepare(&entry.notification).0);
    let stored = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&stored).unwrap(), entry);
}

/// A message of incident `story` to recipient `recipient`, by mail or webhook.
fn addressed(sequence: u64, story: u32, recipient: u8, mail: bool) -> Entry {
    let mut entry = entry(sequence);
    entry.notification.id = id(u32::try_from(sequence).unwrap());
    incident(&mut entry.notification).id = id(story);
    entry.notification.recipient = format!("r{recipient}").into();
    if !mail {
        entry.notification.address =
            Address::Webhook { url: "https://example.com".into(), secrets: vec![], template: None };
    }
    entry
}

fn sequences(entries: &[Entry], now: Time) -> Vec<u64> {
    next_to_send(entries, now).iter().map(|entry| entry.sequence).collect()
}

#[test]
fn messages_of_one_incident_to_one_channel_go_in_order() {
    let mut entries = vec![addressed(1, 7, 1, true), addressed(2, 7, 1, true), addressed(3, 7, 1, false)];
    entries.extend([addressed(4, 8, 1, true), addressed(5, 7, 2, true)]);
    assert_eq!(sequences(&entries, start()), [1, 3, 4, 5]);

    // A message that failed holds its followers until it is over; the others do not wait.
    let Settled::Retry { due } = attempt(&mut entries[0], &later(None), start()) else { panic!() };
    assert_eq!(sequences(&entries, start()), [3, 4, 5]);
    assert_eq!(next_due(&entries[..2]), Some(due));
    assert!(entries[0].lease(due));
    assert_eq!(sequences(&entries[..2], due), [0_u64; 0]);
    assert_eq!(next_due(&entries[..2]), Some(due + LEASE));
    entries[0].settle(never().as_ref(), due);
    assert_eq!(sequences(&entries[..2], due), [2]);
}

#[test]
fn messages_about_the_monitor_wait_for_none() {
    let system = |sequence: u64, fact: &str| {
        let mut entry = Entry::new(trouble(sensor(fact, &[])), sequence, start());
        entry.notification.id = id(u32::try_from(sequence).unwrap());
        entry
    };
    let mut entries = vec![system(1, "power"), addressed(2, 7, 1, true), system(3, "battery"), system(4, "power")];
    for entry in &mut entries {
        entry.notification.recipient = "nor".into();
    }
    assert_eq!(sequences(&entries, start()), [1, 2, 3, 4]);
    let Settled::Retry { .. } = attempt(&mut entries[0], &later(None), start()) else { panic!() };
    assert_eq!(sequences(&entries, start()), [2, 3, 4]);
}

#[test]
fn where_all_is_over_nothing_is_due() {
    let mut entries = [entry(1)];
    attempt(&mut entries[0], &taken(), start());
    assert_eq!((next_due(&entries), sequences(&entries, start() + DAY).len()), (None, 0));
}

proptest! {
    /// Whatever receivers answer and hosts survive: a message ends, within a day and one attempt, and never twice.
    #[test]
    fn every_message_comes_to_one_end(answers in prop::collection::vec((0_u8..5, 0_i64..200_000_000), 1..400)) {
        let mut entry = entry(1);
        let mut answers = answers.into_iter().cycle();
        let mut now = start();
        let mut ends = 0;
        while let Some(due) = entry.due() {
            now = now.max(due);
            prop_assert!(now <= start() + DAY + LEASE, "{entry:?}");
            prop_assert!(entry.lease(now));
            let (kind, after) = answers.next().unwrap();
            let result = match kind {
                0 if entry.attempts > 20 => taken(),
                1 if entry.attempts > 20 => never(),
                // The host died; the lease runs out. Not for ever: hosts come back.
                2 if now < start() + DAY => continue,
                3 => later(Some(Millis::new(after))),
                _ => later(None),
            };
            ends += u32::from(!matches!(entry.settle(result.as_ref(), now), Settled::Retry { .. }));
        }
        prop_assert_eq!(ends, 1);
        prop_assert!(entry.is_over());
    }

    /// In any order of storage and any state: at most one message of an incident and channel goes, and it is the
    /// earliest that is not over.
    #[test]
    fn nobody_reads_of_an_end_before_the_beginning(
        entries in prop::collection::vec((0_u32..3, 0_u8..2, any::<bool>(), 0_u8..4), 0..30)
            .prop_flat_map(|plan| {
                let entries = plan.into_iter().enumerate().map(|(sequence, (incident, recipient, mail, state))| {
                    let mut entry = addressed(sequence as u64, incident, recipient, mail);
                    match state {
                        0 => {}
                        1 => { attempt(&mut entry, &taken(), start()); }
                        2 => { attempt(&mut entry, &later(None), start()); }
                        _ => { let _ = entry.lease(start()); }
                    }
                    entry
                });
                Just(entries.collect::<Vec<_>>()).prop_shuffle()
            }),
        wait in 0_i64..10_000,
    ) {
        let now = start() + Millis::new(wait);
        let channel = |entry: &Entry| {
            let told = &entry.notification;
            (told.incident().unwrap().id, told.recipient.clone(), told.channel())
        };
        let going = next_to_send(&entries, now);
        for entry in &entries {
            let first = entries.iter().filter(|other| channel(other) == channel(entry) && !other.is_over())
                .min_by_key(|other| other.sequence);
            let goes = first.is_some_and(|first| first.sequence == entry.sequence)
                && entry.due().is_some_and(|due| due <= now);
            prop_assert_eq!(going.contains(&entry), goes, "{:?}", entry);
        }
        if let Some(due) = next_due(&entries) {
            prop_assert_eq!(due <= now, !going.is_empty());
        }
    }
}

//! The outbox: the life of messages from the decision to their end.

use std::collections::BTreeMap;

use dag_delivery::{AttemptOutcome, Entry, EntryState, Failure, LEASE, Outbox, Receipt};
use dag_engine::{Address, ClockShift, Decision, Id, Input, Kind, Millis, Outcome, Time, Withdrawal};
use proptest::prelude::*;

use crate::sample::{id, incident, notification, sensor, t, trouble};

const DAY: i64 = 86_400;
const MOST: usize = 32;

/// Returns a time, in seconds after the first decision.
fn s(seconds: i64) -> Time {
    t("2026-01-10T14:02:30Z") + Millis::new(seconds * 1_000)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    NorEmail,
    NorWebhook,
    KimEmail,
}
use Channel::{KimEmail, NorEmail, NorWebhook};

/// Returns the decision to send a message about an incident. Incident 0 is the monitor itself.
fn notify(message: u32, story: u32, channel: Channel) -> Decision {
    let mut told = match story {
        0 => trouble(sensor("power", &[])),
        _ => notification(Kind::Opened),
    };
    told.id = id(message);
    if story > 0 {
        incident(&mut told).id = id(1_000 + story);
    }
    told.recipient = if channel == KimEmail { "kim" } else { "nor" }.into();
    told.address = match channel {
        NorWebhook => Address::Webhook { url: "https://example.com".into(), secrets: vec![], template: None },
        NorEmail | KimEmail => Address::Email(format!("{}@example.com", told.recipient)),
    };
    decision(Outcome::Notify(Box::new(told)))
}

fn withdraw(message: u32) -> Decision {
    decision(Outcome::Withdrawn { notification: id(message), reason: Withdrawal::Superseded })
}

fn decision(outcome: Outcome) -> Decision {
    Decision { at: s(0), rule: None, incident: None, outcome }
}

fn taken() -> Result<Receipt, Failure> {
    Ok(Receipt { answer: "200 OK".into() })
}

fn busy() -> Result<Receipt, Failure> {
    busy_for(None)
}

fn busy_for(seconds: Option<i64>) -> Result<Receipt, Failure> {
    Err(Failure::Retry {
        error: "busy".into(),
        after: seconds.map(|seconds| Millis::new(seconds.saturating_mul(1_000))),
    })
}

fn gone() -> Result<Receipt, Failure> {
    Err(Failure::Permanent { error: "gone".into() })
}

/// Returns an outbox to which messages 1, 2, … were added at 0 s.
fn outbox(messages: &[(u32, Channel)]) -> Outbox {
    let mut outbox = Outbox::default();
    let decisions: Vec<Decision> =
        (1..).zip(messages).map(|(message, (story, channel))| notify(message, *story, *channel)).collect();
    outbox.apply(&decisions, s(0));
    outbox
}

fn numbers(entries: &[Entry]) -> Vec<u32> {
    entries.iter().map(|entry| u32::from_str_radix(&entry.notification.id.to_string(), 16).unwrap()).collect()
}

fn lease(outbox: &mut Outbox, at: i64) -> Vec<u32> {
    numbers(&outbox.lease(MOST, s(at)))
}

/// Leases the only message that is due and settles it at once.
fn attempt(outbox: &mut Outbox, result: &Result<Receipt, Failure>, now: Time) -> (AttemptOutcome, Entry) {
    let leased = outbox.lease(MOST, now);
    let [entry] = &leased[..] else { panic!("{leased:?} at {now}") };
    let settlement = outbox.settle(entry.notification.id, result.as_ref(), now).unwrap();
    (settlement.outcome, settlement.entry)
}

fn due_again(outcome: AttemptOutcome) -> Time {
    let AttemptOutcome::Retry { due } = outcome else { panic!("{outcome:?}") };
    due
}

#[test]
fn a_decision_queues_what_it_tells_and_withdraws_what_nobody_sent() {
    let mut outbox = Outbox::default();
    let queued = outbox.apply(&[notify(1, 7, NorEmail), notify(2, 7, KimEmail), withdraw(2), withdraw(9)], s(0));
    assert_eq!(numbers(&queued), [1, 2, 2]);
    assert_eq!(queued[0].state, EntryState::Queued { due: s(0) });
    assert_eq!(queued[2].state, EntryState::Withdrawn { at: s(0), reason: Withdrawal::Superseded });
    assert_eq!((queued[0].sequence, queued[1].sequence, outbox.len()), (1, 2, 1));

    assert_eq!(lease(&mut outbox, 0), [1]);
    assert_eq!(outbox.apply(&[withdraw(1)], s(1)), [], "an attempt is under way");
}

#[test]
fn each_attempt_and_each_end_is_told_to_the_engine() {
    for (result, outcome, left) in [
        (taken(), AttemptOutcome::Delivered, 0),
        (gone(), AttemptOutcome::Undelivered, 0),
        (busy_for(Some(60)), AttemptOutcome::Retry { due: s(61) }, 1),
    ] {
        let mut outbox = outbox(&[(7, NorEmail)]);
        let leased = outbox.lease(MOST, s(0)).remove(0);
        assert_eq!((leased.state, leased.attempts), (EntryState::Leased { until: s(0) + LEASE }, 1));
        let message = leased.notification.reference();
        assert_eq!(leased.attempted(), Input::Attempted(message.clone()));
        let settlement = outbox.settle(id(1), result.as_ref(), s(1)).unwrap();
        assert_eq!((settlement.outcome, outbox.len()), (outcome, left));
        assert_eq!(settlement.entry.is_over(), left == 0);
        assert_eq!(settlement.entry.is_undelivered(), outcome == AttemptOutcome::Undelivered);
        let expected = match outcome {
            AttemptOutcome::Delivered => Input::Delivered(message),
            AttemptOutcome::Undelivered => Input::Failed { message, last: true },
            AttemptOutcome::Retry { .. } => Input::Failed { message, last: false },
        };
        assert_eq!(settlement.input, expected);
        if left == 0 {
            assert_eq!(outbox.settle(id(1), taken().as_ref(), s(2)), None, "it came to its end before");
        }
    }
}

#[test]
fn a_failure_is_tried_again_after_a_growing_pause() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    let (mut now, mut pauses) = (s(0), Vec::new());
    for attempts in 1..=12 {
        let (outcome, entry) = attempt(&mut outbox, &busy(), now);
        let due = due_again(outcome);
        assert_eq!((entry.state, entry.last_error.as_deref()), (EntryState::Queued { due }, Some("busy")));
        assert_eq!((entry.attempts, outbox.next_due(MOST)), (attempts, Some(due)));
        pauses.push(due.since(now));
        now = due;
    }
    assert!(pauses[0] <= Millis::new(5_000) && pauses[0] > Millis::new(3_750), "{pauses:?}");
    assert!(pauses[..9].is_sorted(), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Millis::new(900_000)), "{pauses:?}");
}

#[test]
fn what_the_receiver_asks_for_is_honoured_to_the_end_of_the_day() {
    let first = |after| attempt(&mut outbox(&[(7, NorEmail)]), &busy_for(Some(after)), s(0)).0;
    assert_eq!(first(3_600), AttemptOutcome::Retry { due: s(3_600) });
    assert!(due_again(first(0)) > s(3));
    for endless in [2 * DAY, i64::MAX / 1_000] {
        let mut outbox = outbox(&[(7, NorEmail)]);
        assert_eq!(attempt(&mut outbox, &busy_for(Some(endless)), s(0)).0, AttemptOutcome::Retry { due: s(DAY) });
        assert_eq!(attempt(&mut outbox, &busy_for(Some(endless)), s(DAY)).0, AttemptOutcome::Undelivered);
    }
}

#[test]
fn a_message_is_given_up_after_a_day_with_its_last_error() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    let mut now = s(0);
    let last = loop {
        match attempt(&mut outbox, &busy(), now) {
            (AttemptOutcome::Retry { due }, _) => now = due,
            (_, entry) => break entry,
        }
    };
    assert_eq!((last.state, last.last_error.as_deref()), (EntryState::Undelivered { at: s(DAY) }, Some("busy")));
    assert!(last.attempts > 90, "{}", last.attempts);
}

#[test]
fn a_message_that_waited_longer_than_a_day_is_still_tried_once() {
    for (result, outcome) in [(taken(), AttemptOutcome::Delivered), (busy(), AttemptOutcome::Undelivered)] {
        assert_eq!(attempt(&mut outbox(&[(7, NorEmail)]), &result, s(3 * DAY)).0, outcome);
    }
}

#[test]
fn a_lease_runs_out_where_its_holder_died_and_counts_as_an_attempt() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    assert_eq!(lease(&mut outbox, 0), [1]);
    assert_eq!(lease(&mut outbox, 119), [0_u32; 0]);
    assert_eq!(outbox.next_due(MOST), Some(s(0) + LEASE));
    let again = outbox.lease(MOST, s(0) + LEASE).remove(0);
    assert_eq!(again.attempts, 2);
}

#[test]
fn a_lease_that_is_given_up_is_due_at_once() {
    for all in [false, true] {
        let mut outbox = outbox(&[(7, NorEmail), (7, KimEmail)]);
        assert_eq!(lease(&mut outbox, 0), [1, 2]);
        if all {
            outbox.release_all(s(1))
        } else {
            outbox.release(id(1), s(1))
        }
        assert_eq!(lease(&mut outbox, 1), if all { vec![1, 2] } else { vec![1] });
    }
}

/// Each case has the messages that are leased at 0 s, those of them that fail, and those that are leased at 10 s.
#[test]
fn messages_go_in_order_and_channels_do_not_wait_for_each_other() {
    type Case = (&'static str, &'static [(u32, Channel)], &'static [u32], &'static [u32], &'static [u32]);
    let cases: [Case; 6] = [
        ("one", &[(7, NorEmail)], &[1], &[], &[]),
        ("two channels of one person", &[(7, NorEmail), (7, NorWebhook)], &[1, 2], &[], &[]),
        ("an incident tells a channel in order", &[(7, NorEmail), (7, NorEmail)], &[1], &[], &[2]),
        ("a failure holds its followers", &[(7, NorEmail), (7, NorEmail)], &[1], &[1], &[1]),
        ("a channel gets one message at a time", &[(7, NorEmail), (8, NorEmail), (7, KimEmail)], &[1, 3], &[], &[2]),
        ("the monitor itself waits for none", &[(0, NorEmail), (0, NorEmail)], &[1], &[1], &[2]),
    ];
    for (name, messages, first, failing, then) in cases {
        let mut outbox = outbox(messages);
        assert_eq!(lease(&mut outbox, 0), first, "{name}");
        for message in first {
            let result = if failing.contains(message) { busy() } else { taken() };
            outbox.settle(id(*message), result.as_ref(), s(0)).unwrap();
        }
        assert_eq!(lease(&mut outbox, 10), then, "{name}");
    }
}

#[test]
fn a_message_about_the_monitor_that_failed_does_not_hold_up_another() {
    let mut outbox = outbox(&[(0, NorEmail), (0, NorEmail)]);
    assert_eq!(lease(&mut outbox, 0), [1]);
    outbox.settle(id(1), busy().as_ref(), s(0)).unwrap();
    assert_eq!(lease(&mut outbox, 0), [2]);
}

#[test]
fn a_host_may_lease_only_what_is_new() {
    let mut outbox = outbox(&[(7, NorEmail), (7, KimEmail)]);
    assert_eq!(numbers(&outbox.lease_new(1, s(0))), [1]);
    outbox.settle(id(1), busy().as_ref(), s(0)).unwrap();
    assert_eq!(numbers(&outbox.lease_new(MOST, s(60))), [2], "the first failed before");
    assert_eq!(outbox.first_due(MOST, s(60)).map(|entry| entry.notification.id), Some(id(1)));
    assert_eq!(lease(&mut outbox, 60), [1]);
}

#[test]
fn a_lease_that_ran_out_is_renewed_while_its_attempt_goes_on() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    assert_eq!(lease(&mut outbox, 0), [1]);
    outbox.renew(id(1), s(60));
    assert_eq!(outbox.next_due(MOST), Some(s(0) + LEASE), "it lasts");
    outbox.renew(id(1), s(3_600));
    assert_eq!(outbox.next_due(MOST), Some(s(3_600) + LEASE));
    outbox.settle(id(1), busy().as_ref(), s(3_600)).unwrap();
    let due = outbox.next_due(MOST);
    outbox.renew(id(1), s(7_200));
    assert_eq!(outbox.next_due(MOST), due, "only leases are renewed");
}

/// A clock that was set to the last year of the calendar: there, sums of times stop.
#[test]
fn at_the_calendars_end_one_attempt_is_under_way_and_the_next_waits_for_the_host() {
    for queued in [Time::MAX, Time::MAX.moved(-1), Time::MAX.moved(-60_000)] {
        let mut outbox = Outbox::default();
        outbox.apply(&[notify(1, 7, NorEmail)], queued);
        let mut now = queued;
        for attempts in 1..=120 {
            assert_eq!(numbers(&outbox.lease(MOST, now)), [1], "attempt {attempts}");
            outbox.renew(id(1), Time::MAX);
            for late in [now, Time::MAX] {
                assert_eq!(numbers(&outbox.lease(MOST, late)), [0_u32; 0], "attempt {attempts} is under way");
            }
            assert_eq!((outbox.next_due(MOST), outbox.next_due_after(now, true)), (None, None));
            now = Time::MAX;
            let settlement = outbox.settle(id(1), busy().as_ref(), now).unwrap();
            if attempts == 120 {
                assert_eq!(settlement.outcome, AttemptOutcome::Undelivered, "a day comes to as many");
                break;
            }
            assert_eq!(settlement.outcome, AttemptOutcome::Retry { due: Time::MAX });
            assert!(settlement.entry.waits_for_host());
            assert!(outbox.lease(MOST, now).is_empty() && outbox.next_due(MOST).is_none(), "it pauses");
            let pause = settlement.entry.pause_after(&busy().unwrap_err());
            assert!(pause > Millis::new(3_750) && pause <= Millis::new(900_000), "{pause}");
            outbox.release(id(1), now);
        }
    }
}

#[test]
fn no_more_are_leased_than_the_host_can_make_attempts() {
    let mut outbox = outbox(&[(1, NorEmail), (1, NorWebhook), (1, KimEmail)]);
    assert_eq!(numbers(&outbox.lease(2, s(0))), [1, 2]);
    assert_eq!(numbers(&outbox.lease(2, s(1))), [0_u32; 0]);
    assert_eq!((outbox.next_due(2), outbox.next_due(3)), (Some(s(0) + LEASE), Some(s(0))));
    outbox.settle(id(2), taken().as_ref(), s(1)).unwrap();
    assert_eq!(outbox.next_due(2), Some(s(0)));
    assert_eq!(numbers(&outbox.lease(2, s(1))), [3]);
}

#[test]
fn a_busy_channel_is_due_when_its_lease_ends() {
    let mut outbox = outbox(&[(7, NorEmail), (8, NorEmail), (9, KimEmail)]);
    assert_eq!(lease(&mut outbox, 0), [1, 3]);
    outbox.settle(id(3), busy_for(Some(60)).as_ref(), s(0)).unwrap();
    assert_eq!(outbox.next_due(MOST), Some(s(60)));
    assert_eq!(outbox.next_due_after(s(60), false), None, "whoever holds the lease settles it");
    assert_eq!(outbox.next_due_after(s(60), true), Some(s(0) + LEASE));
}

#[test]
fn sequence_numbers_go_on_after_the_highest_that_was_given() {
    let mut outbox = Outbox::new(outbox(&[(7, NorEmail), (7, KimEmail)]).iter().cloned());
    assert_eq!(outbox.last_sequence(), 2);
    outbox.continue_after(40);
    outbox.continue_after(3);
    assert_eq!(outbox.apply(&[notify(5, 7, NorEmail)], s(9))[0].sequence, 41);
}

#[test]
fn a_clock_that_is_set_moves_what_it_recorded() {
    let shift = ClockShift { began: s(-5), shift_ms: 3_600_000 };
    let mut waiting = outbox(&[(7, NorEmail)]);
    let due = due_again(attempt(&mut waiting, &busy(), s(0)).0);
    let moved = waiting.shift(shift).remove(0);
    assert_eq!((moved.queued_at, moved.due()), (s(3_600), Some(due + Millis::new(3_600_000))));

    let mut leased = outbox(&[(7, NorEmail)]);
    assert_eq!(lease(&mut leased, 0), [1]);
    assert_eq!(leased.shift(shift)[0].due(), Some(s(3_600) + LEASE));

    let earlier_boot = ClockShift { began: s(1), ..shift };
    assert_eq!(outbox(&[(7, NorEmail)]).shift(earlier_boot)[0].queued_at, s(0));
}

#[test]
fn what_a_message_says_is_kept_with_it_and_survives_storage() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    let entry = outbox.lease(MOST, s(0)).remove(0);
    let prepared = dag_delivery::Templates::built_in().prepare(&entry.notification).0;
    assert_eq!(outbox.prepare(id(1), prepared.clone()).unwrap().prepared.as_ref(), Some(&prepared));
    outbox.settle(id(1), busy().as_ref(), s(1)).unwrap();
    let stored = serde_json::to_string(&outbox).unwrap();
    assert_eq!(serde_json::from_str::<Outbox>(&stored).unwrap(), outbox);
    let entries: BTreeMap<Id, Entry> = serde_json::from_str(&stored).unwrap();
    assert_eq!(entries[&id(1)].prepared, Some(prepared));
}

#[test]
fn an_empty_outbox_is_never_due() {
    let mut outbox = outbox(&[(7, NorEmail)]);
    attempt(&mut outbox, &taken(), s(0));
    assert!(outbox.is_empty() && outbox.get(id(1)).is_none() && outbox.first_due(MOST, s(DAY)).is_none());
    assert_eq!((outbox.next_due(MOST), outbox.next_due_after(s(0), true)), (None, None));
}

/// A random event of an outbox.
#[derive(Clone, Copy, Debug)]
enum Act {
    Queue(u32, Channel),
    Pass(i64),
    Lease(usize),
    /// Settles the n-th message that is leased, with the m-th of the results.
    Settle(usize, usize),
    Withdraw(u32),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let channel = prop::sample::select(vec![NorEmail, NorWebhook, KimEmail]);
    prop_oneof![
        3 => (0_u32..3, channel).prop_map(|(story, channel)| Act::Queue(story, channel)),
        2 => (0_i64..3_600).prop_map(Act::Pass),
        4 => (1_usize..4).prop_map(Act::Lease),
        3 => (0_usize..4, 0_usize..4).prop_map(|(which, result)| Act::Settle(which, result)),
        1 => (1_u32..30).prop_map(Act::Withdraw),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    /// For all results and restarts, order and limits hold, and every message has one end.
    #[test]
    fn every_message_comes_to_one_end_and_in_order(acts in prop::collection::vec(act(), 1..120)) {
        let mut outbox = Outbox::default();
        let (mut now, mut queued, mut ends) = (s(0), 0_u32, BTreeMap::<Id, u32>::new());
        let channel = |entry: &Entry| (entry.notification.recipient.clone(), entry.notification.channel());
        let story = |entry: &Entry| entry.notification.incident().map(|incident| incident.id);
        for act in acts {
            match act {
                Act::Queue(story, to) => {
                    queued += 1;
                    prop_assert_eq!(outbox.apply(&[notify(queued, story, to)], now).len(), 1);
                }
                Act::Pass(seconds) => now = now + Millis::new(seconds * 1_000),
                Act::Lease(most) => {
                    let due = outbox.next_due(most).is_some_and(|due| due <= now);
                    let first = outbox.first_due(most, now).map(|entry| entry.notification.id);
                    let leased = outbox.lease(most, now);
                    prop_assert_eq!(due, !leased.is_empty(), "next_due agrees with lease");
                    prop_assert_eq!(first, leased.first().map(|entry| entry.notification.id));
                    let held: Vec<&Entry> =
                        outbox.iter().filter(|entry| entry.is_leased() && entry.due() > Some(now)).collect();
                    prop_assert!(leased.is_empty() || held.len() <= most);
                    for entry in &leased {
                        let others = held.iter().filter(|other| channel(other) == channel(entry));
                        prop_assert_eq!(others.count(), 1, "one at a time for a channel");
                        let earlier = outbox.iter().any(|other| story(entry).is_some() && story(other) == story(entry)
                            && channel(other) == channel(entry) && other.sequence < entry.sequence);
                        prop_assert!(!earlier, "the end is told before the beginning");
                    }
                }
                Act::Settle(which, result) => {
                    let leased: Vec<Id> =
                        outbox.iter().filter(|entry| entry.is_leased()).map(|entry| entry.notification.id).collect();
                    let Some(message) = leased.get(which) else { continue };
                    let result = vec![taken(), busy(), busy_for(Some(DAY)), gone()].swap_remove(result);
                    let settlement = outbox.settle(*message, result.as_ref(), now).unwrap();
                    if settlement.entry.is_over() {
                        *ends.entry(*message).or_default() += 1;
                    }
                }
                Act::Withdraw(message) => {
                    let withdrawn = outbox.apply(&[withdraw(message)], now);
                    withdrawn.iter().for_each(|entry| *ends.entry(entry.notification.id).or_default() += 1);
                }
                Act::Restart => {
                    outbox = Outbox::new(outbox.iter().cloned());
                    outbox.release_all(now);
                }
            }
        }
        // From here on every attempt fails: within a day and a lease all messages are over.
        let end = now + Millis::new(DAY * 1_000) + LEASE;
        while let Some(due) = outbox.next_due(MOST) {
            now = now.max(due);
            prop_assert!(now <= end, "{outbox:?}");
            for entry in outbox.lease(MOST, now) {
                let settlement = outbox.settle(entry.notification.id, busy().as_ref(), now).unwrap();
                if settlement.entry.is_over() {
                    *ends.entry(entry.notification.id).or_default() += 1;
                }
            }
        }
        prop_assert_eq!(ends.len(), usize::try_from(queued).unwrap());
        prop_assert!(ends.values().all(|ends| *ends == 1), "{:?}", ends);
    }
}

//! The results of steps can be read, after a restart too.

use std::fs;

use dag::store::{Commit, GoodRules, Window};
use dag_engine::{Decision, Value};

use crate::{decision, finish, id, open, queue, report, scratch, step, steps, time};

#[test]
fn a_store_has_an_identity_of_its_own_that_stays() {
    let (_folder, path) = scratch();
    let first = open(&path).1.incarnation.unwrap();
    assert_eq!(open(&path).1.incarnation, Some(first));
    // With a new memory card, a store is made.
    fs::remove_file(&path).unwrap();
    let (_, opened) = open(&path);
    assert_eq!(opened.boot, 1);
    assert_ne!(opened.incarnation.unwrap(), first);
}

#[test]
fn results_of_steps_are_there_after_a_restart() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    assert_eq!(store.state::<u64>("cottage").unwrap(), None);
    for number in 1..=30 {
        store.commit(&step(number)).unwrap();
    }
    assert_eq!(steps(&store), 30);
    drop(store);
    let (store, _) = open(&path);
    assert_eq!(steps(&store), 30);
    let last = store.readings(Window::newest(1)).unwrap();
    assert_eq!((last[0].source.as_str(), last[0].boot, last[0].reading.value), ("gpio", 1, Some(Value::On)));
    assert_eq!(store.state::<u64>("another device").unwrap(), None);
}

#[test]
fn every_start_is_counted_and_learns_when_the_last_one_was_alive() {
    let (_folder, path) = scratch();
    let (store, first) = open(&path);
    assert!((first.boot, first.last_alive) == (1, None));
    store.commit(&step(7)).unwrap();
    drop(store);
    let (store, second) = open(&path);
    assert!((second.boot, second.last_alive) == (2, Some(time(7))));
    let is_written = |millis| {
        let before = fs::read(&path).unwrap();
        store.record_alive(time(millis)).unwrap();
        fs::read(&path).unwrap() != before
    };
    assert!(!is_written(60_006), "a commit counts as a sign of life for a minute");
    assert!(is_written(60_007));
    assert!(!is_written(60_008));
    assert!(is_written(50_000), "the clock was set back");
    drop(store);
    assert_eq!(open(&path).1.last_alive, Some(time(50_000)));
}

#[test]
fn the_outbox_keeps_the_order_in_which_entries_were_queued_first() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    store.commit(&queue(queue(Commit::at(time(1)), 9, &"nine"), 1, &"one")).unwrap();
    store.commit(&queue(queue(Commit::at(time(2)), 5, &"five"), 9, &"nine, leased")).unwrap();
    store.commit(&finish(Commit::at(time(3)), 1, &"one, delivered")).unwrap();
    drop(store);
    let (store, _) = open(&path);
    let left: Vec<(_, String)> = store.outbox().unwrap();
    assert_eq!(left, [(id(9), "nine, leased".to_owned()), (id(5), "five".to_owned())]);
    assert_eq!(store.finished_entries::<String>(Window::newest(10)).unwrap(), ["one, delivered"]);
}

#[test]
fn decisions_are_found_by_time_by_number_and_by_incident() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    for number in 1..=40 {
        store.commit(&step(number)).unwrap();
    }
    let check = |found: Vec<Decision>, numbers: &[u64]| {
        assert_eq!(found, numbers.iter().map(|number| decision(*number)).collect::<Vec<_>>());
    };
    check(store.decisions(Window::newest(3)).unwrap(), &[38, 39, 40]);
    check(store.decisions(Window::newest(9).from(time(5)).until(time(8))).unwrap(), &[5, 6, 7]);
    check(store.decisions(Window::newest(2).from(time(5)).until(time(8))).unwrap(), &[6, 7]);
    check(store.decisions(Window::newest(0)).unwrap(), &[]);
    check(store.decisions_of(id(7)).unwrap(), &[7, 17, 27, 37]);
    check(store.decisions_of(id(77)).unwrap(), &[]);
    assert_eq!(store.readings(Window::newest(9).until(time(3))).unwrap().len(), 2);
}

#[test]
fn a_report_of_several_readings_is_recorded_reading_by_reading() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    let mut several = report(41);
    several.readings.extend(report(42).readings);
    store.commit(&Commit::at(time(50)).report(&several)).unwrap();
    let numbers: Vec<_> = store.readings(Window::newest(9)).unwrap().into_iter().map(|found| found.number).collect();
    assert_eq!(numbers, [41, 42]);
}

#[test]
fn the_last_good_rules_replace_those_before() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    assert_eq!(store.rules().unwrap(), None);
    let file = |path: &str, content: &[u8]| (path.to_owned(), content.to_vec());
    let first = GoodRules { hash: id(1), files: vec![file("a.toml", b"a"), file("tests/a.toml", b"\xff")] };
    let second = GoodRules { hash: id(2), files: vec![file("b.rhai", b"b")] };
    store.keep_rules(&first).unwrap();
    assert_eq!(store.rules().unwrap(), Some(first));
    store.keep_rules(&second).unwrap();
    drop(store);
    assert_eq!(open(&path).0.rules().unwrap(), Some(second));
}

//! The logs are kept to a size, and so is the file.

use std::{fs, path::Path};

use dag::store::{Commit, Retention, Store, Window};
use dag_engine::Decision;

use crate::{decision, finish, id, queue, report, scratch, time};

const KEEP: u64 = 128 * 1024;
/// The space in bytes that a step works in, and that other tables than the logs take.
const AT_WORK: u64 = 256 * 1024;
/// The number of decisions in one step.
const DECISIONS: usize = 9;

fn open(path: &Path, bytes: u64) -> Store {
    Store::open(path, Retention { bytes }).unwrap().0
}

/// Returns a step with 11 rows in all logs, and the size of its decisions in bytes.
fn bundle(number: u64) -> (Commit, u64) {
    let decisions: Vec<Decision> = (0..DECISIONS).map(|_| decision(number)).collect();
    let size = serde_json::to_vec(&decisions).unwrap().len();
    let step = Commit::at(time(number as i64)).state("cottage", &number).unwrap().report(&report(number));
    (finish(step.decisions(decisions), number, &"x".repeat(200)), size as u64)
}

#[test]
fn the_file_stays_small_however_much_is_logged() {
    let (_folder, path) = scratch();
    let store = open(&path, KEEP);
    store.commit(&queue(Commit::at(time(0)), 0, &"still to be sent")).unwrap();
    let (mut written, mut number, mut largest) = (0, 0, 0);
    while written < 20 * KEEP {
        number += 1;
        let (step, size) = bundle(number);
        store.commit(&step).unwrap();
        written += size;
        largest = largest.max(fs::metadata(&path).unwrap().len());
    }
    assert!(largest <= 2 * KEEP + AT_WORK, "the file grew to {largest} bytes");

    // The newest rows are there without a gap. The oldest are gone from all logs and from the index.
    let all = Window::newest(usize::MAX);
    let kept = store.decisions(all).unwrap();
    let first = kept[0].at.as_millis() as u64;
    assert!(first > number * 9 / 10, "kept from {first} of {number}");
    let lost = kept.iter().take_while(|decision| decision.at == kept[0].at).count();
    let whole = (first..=number).flat_map(|number| vec![decision(number); DECISIONS]);
    assert_eq!(kept, whole.skip(DECISIONS - lost).collect::<Vec<_>>());
    for incident in (0..10).map(id) {
        let of_it = kept.iter().filter(|decision| decision.incident == Some(incident)).cloned().collect::<Vec<_>>();
        assert_eq!(store.decisions_of(incident).unwrap(), of_it);
    }
    assert!(store.readings(all).unwrap()[0].number >= first);

    // Other tables are not touched.
    assert_eq!(store.state::<u64>("cottage").unwrap(), Some(number));
    assert_eq!(store.outbox::<String>().unwrap(), [(id(0), "still to be sent".to_owned())]);
}

#[test]
fn a_store_that_may_keep_less_than_before_gives_the_space_back() {
    let (_folder, path) = scratch();
    let store = open(&path, 64 * KEEP);
    for number in 1..=1_000 {
        store.commit(&bundle(number).0).unwrap();
    }
    drop(store);
    let large = fs::metadata(&path).unwrap().len();
    let store = open(&path, KEEP / 4);
    assert_eq!(store.decisions(Window::newest(1)).unwrap(), [decision(1_000)]);
    drop(store);
    let small = fs::metadata(&path).unwrap().len();
    assert!(small <= KEEP + AT_WORK && small < large / 4, "{small} of {large} bytes are left");
}

//! A file that was cut short or changed is refused as it is, or has its content still. No damage makes the store panic,
//! which would end the released daemon.

use std::{fs, path::PathBuf};

use dag::store::{Commit, GoodRules, Store, StoreError, Window};
use tempfile::TempDir;

use crate::{RETENTION, Random, id, open, queue, scratch, step, steps, time};

const STEPS: u64 = 60;
const ROUNDS: usize = 400;

/// The file of a store after 60 steps, as a clean end leaves it, or a killed daemon.
struct Original {
    _folder: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    killed: bool,
}

fn original(killed: bool) -> Original {
    let (folder, path) = scratch();
    let (store, _) = open(&path);
    store.keep_rules(&GoodRules { hash: id(1), files: vec![("a.toml".into(), vec![b'#'; 9_000])] }).unwrap();
    for number in 1..=STEPS {
        store.commit(&step(number)).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    drop(store);
    let bytes = if killed { bytes } else { fs::read(&path).unwrap() };
    Original { _folder: folder, path, bytes, killed }
}

impl Original {
    /// Opens a store with the content `bytes`, and uses it where it opens. Returns the error that refused it.
    fn try_with(&self, bytes: &[u8], damage: &str) -> Option<StoreError> {
        fs::write(&self.path, bytes).unwrap();
        let store = match Store::open(&self.path, RETENTION) {
            Ok((store, _)) => store,
            Err(error) => {
                assert!(fs::read(&self.path).unwrap() == bytes, "{damage}: the file was changed ({error})");
                let refusals = matches!(
                    error,
                    StoreError::Damaged { .. }
                        | StoreError::NotAStore(_)
                        | StoreError::Empty(_)
                        | StoreError::Newer { .. }
                        | StoreError::NewerDatabase { .. }
                );
                assert!(refusals, "{damage}: {error:?}");
                return Some(error);
            }
        };
        // After a crash redb goes back by one commit where the last one is not whole.
        let found = steps(&store);
        assert!(found == STEPS || self.killed && found == STEPS - 1, "{damage}: {found} steps are left");
        assert_eq!(store.rules().unwrap().unwrap().files[0].1.len(), 9_000, "{damage}");
        store.commit(&step(found + 1)).unwrap();
        assert_eq!(steps(&store), found + 1, "{damage}");
        None
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused_or_whole() {
    for killed in [false, true] {
        let original = original(killed);
        let refused = (0..original.bytes.len()).step_by(512).filter(|length| {
            original.try_with(&original.bytes[..*length], &format!("cut to {length}, killed {killed}")).is_some()
        });
        assert!(refused.count() > 0);
    }
}

#[test]
fn flipped_bits_are_refused_or_harmless() {
    for (killed, seed) in [(false, 1), (true, 2)] {
        let original = original(killed);
        let mut random = Random(seed);
        let mut refused = 0;
        for round in 0..ROUNDS {
            let mut bytes = original.bytes.clone();
            // A quarter of them hits the header, where every bit matters.
            let end = if round % 4 == 0 { 320 } else { bytes.len() as u64 };
            let places: Vec<_> = (0..=random.below(3)).map(|_| (random.below(end) as usize, random.below(8))).collect();
            places.iter().for_each(|(at, bit)| bytes[*at] ^= 1 << bit);
            let damage = format!("seed {seed}, round {round}, killed {killed}: bits {places:?}");
            refused += usize::from(original.try_with(&bytes, &damage).is_some());
        }
        assert!(refused > 0 && refused < ROUNDS, "{refused} of {ROUNDS} are refused");
    }
}

#[test]
fn pages_with_other_content_are_refused_or_harmless() {
    for killed in [false, true] {
        let original = original(killed);
        for page in 0..original.bytes.len() / 4_096 {
            for other in [vec![0; 4_096], vec![0xff; 4_096], original.bytes[4_096..8_192].to_vec()] {
                let mut bytes = original.bytes.clone();
                bytes[page * 4_096..(page + 1) * 4_096].copy_from_slice(&other);
                original.try_with(&bytes, &format!("page {page} with {}, killed {killed}", other[0]));
            }
        }
    }
}

#[test]
fn a_longer_file_is_refused_or_whole() {
    for killed in [false, true] {
        let original = original(killed);
        for more in [1, 511, 4_096, 12_288, 1 << 20] {
            let bytes = [original.bytes.clone(), vec![0xa5; more]].concat();
            original.try_with(&bytes, &format!("longer by {more}, killed {killed}"));
        }
    }
}

#[test]
fn a_record_that_this_version_cannot_read_is_named() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    store.commit(&queue(Commit::at(time(1)).state("cottage", &"seven").unwrap(), 3, &"x")).unwrap();
    let check = |error: StoreError, start: &str| {
        assert!(crate::text(&error, &path).starts_with(start), "{error}");
    };
    let start = "the state of `cottage` in `dag.redb` cannot be read by this version of detectordag (invalid type: \
                 string \"seven\", expected u64 at line 1 column 7): install the version that wrote it, or move the \
                 file away";
    check(store.state::<u64>("cottage").unwrap_err(), start);
    check(store.outbox::<u64>().unwrap_err(), "the outbox's entry 00000000000000000000000000000003 in `dag.redb`");
    // Other records can still be read.
    assert_eq!(store.decisions(Window::newest(1)).unwrap(), []);
    assert_eq!(store.state::<String>("cottage").unwrap().as_deref(), Some("seven"));
}

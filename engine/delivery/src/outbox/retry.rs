//! The times of retries: five seconds after the first failure, then twice as long each time, up to 15 minutes, for a
//! day.

use dag_engine::{Id, Millis};
use sha2::{Digest, Sha256};

/// The pause after the first failure, in milliseconds.
const FIRST: i64 = 5_000;

/// The longest pause, unless the receiver asks for more, in milliseconds: 15 minutes.
const LONGEST: i64 = 15 * 60_000;

/// The age at which a message is given up: one day after it was queued.
pub(super) const GIVE_UP_AFTER: Millis = Millis::new(86_400_000);

/// The most attempts where no day passes, at the calendar's end. A day comes to about as many.
pub(super) const MOST_ATTEMPTS: u32 = 120;

/// Returns the pause after the failure of attempt `attempt`, from 1. A jitter makes it up to a quarter shorter, so that
/// messages that failed together are not retried together. The same message and attempt always give the same pause.
pub(super) fn pause(id: Id, attempt: u32) -> Millis {
    let doublings = attempt.saturating_sub(1).min(16);
    let full = (FIRST << doublings).min(LONGEST);
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(attempt.to_be_bytes());
    // Two bytes: 65,536 steps are fine enough.
    let chance = hash.finalize().iter().take(2).fold(0, |sum, byte| sum * 256 + i64::from(*byte));
    Millis::new(full - full / 4 * chance / 65_536)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> Id {
        Id::parse(&format!("{number:032x}")).unwrap()
    }

    #[test]
    fn pauses_double_from_five_seconds_to_a_quarter_of_an_hour() {
        for (attempt, full) in
            [(1, 5_000), (2, 10_000), (3, 20_000), (7, 320_000), (8, 640_000), (9, 900_000), (40, 900_000)]
        {
            for message in 0..200 {
                let pause = pause(id(message), attempt).get();
                assert!(pause > full * 3 / 4 && pause <= full, "attempt {attempt}: {pause} of {full}");
            }
        }
        assert!(pause(id(1), u32::MAX).get() <= LONGEST);
    }

    #[test]
    fn the_jitter_spreads_messages_and_repeats_itself() {
        let pauses: std::collections::BTreeSet<_> = (0..100).map(|message| pause(id(message), 9)).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
        assert_eq!(pause(id(7), 3), pause(id(7), 3));
        assert_ne!(pause(id(7), 9), pause(id(7), 10));
    }
}

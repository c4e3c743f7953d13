//! Waits between attempts.

use std::time::Duration;

/// Waits that double from `first` to `longest`. Each is up to a quarter shorter, so that many devices do not connect
/// to one server at the same moment. By how much depends on a name, not on chance, so that tests can repeat it.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    seed: u32,
}

impl Backoff {
    pub fn new(name: &str, first: Duration, longest: Duration) -> Self {
        // FNV-1a.
        let seed = name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Backoff { first, longest, next: first, seed }
    }

    /// Returns the next wait.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        // One step of a linear congruential generator (Numerical Recipes).
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        wait.saturating_sub(wait / 1024 * (self.seed >> 24))
    }

    /// Makes the next wait the first again, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_a_success() {
        let mut backoff = Backoff::new("nut:ups@host:3493", Duration::from_secs(1), Duration::from_secs(60));
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let (wait, full) = (backoff.wait(), Duration::from_secs(seconds));
            assert!(wait <= full && wait >= full * 3 / 4, "{wait:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }

    #[test]
    fn waits_differ_by_name_and_are_the_same_for_the_same_name() {
        let waits = |name| {
            let mut backoff = Backoff::new(name, Duration::from_secs(60), Duration::from_secs(60));
            [backoff.wait(), backoff.wait(), backoff.wait()]
        };
        assert_eq!(waits("nut:a@host"), waits("nut:a@host"));
        assert_ne!(waits("nut:a@host"), waits("nut:b@host"));
        assert_ne!(waits("nut:a@host")[0], waits("nut:a@host")[1]);
    }
}

//! Whether the monitor is well: its store, its clock, its sources, and whether it can tell anybody.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The shortest loss of a source or failure of the store that counts: a shorter one is noise.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time that whatever needs the network may take: after a power cut the router starts too, and only then the clock
/// is set and a receiver can be reached.
pub(super) const NETWORK_PATIENCE: Duration = Duration::from_secs(300);

/// A problem that has lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The part and the reason, in one line.
    pub text: String,
    /// It is a problem of the monitor itself. Others may be one of the network, which also heartbeats need.
    pub is_own: bool,
}

/// The parts that are not well, each since when.
#[derive(Debug, Default)]
pub(super) struct Health {
    since: BTreeMap<String, Instant>,
}

impl Health {
    /// Takes the problems at `now`, as a part and a reason, and returns those that have lasted.
    pub fn observe(&mut self, problems: Vec<(String, String)>, now: Instant) -> Vec<Problem> {
        self.since.retain(|part, _| problems.iter().any(|(other, _)| other == part));
        let mut lasting = Vec::new();
        for (part, reason) in problems {
            let needs_network = [CLOCK, RECEIVERS].contains(&part.as_str());
            let patience = if needs_network { NETWORK_PATIENCE } else { PATIENCE };
            let since = *self.since.entry(part.clone()).or_insert(now);
            if now.duration_since(since) >= patience {
                lasting.push(Problem { is_own: part != RECEIVERS, text: format!("{part}: {reason}") });
            }
        }
        lasting
    }
}

/// The name of the clock among the parts.
pub(super) const CLOCK: &str = "the clock";

/// The name of the store among the parts.
pub(super) const STORE: &str = "the store";

/// The name of the receivers among the parts.
pub(super) const RECEIVERS: &str = "the receivers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_soon_is_no_reason() {
        let began = Instant::now();
        let mut health = Health::default();
        let mut seen = |parts: &[&str], seconds| {
            let problems = parts.iter().map(|part| ((*part).to_owned(), "gone".to_owned())).collect();
            let lasting = health.observe(problems, began + Duration::from_secs(seconds));
            lasting.into_iter().map(|problem| (problem.text, problem.is_own)).collect::<Vec<_>>()
        };
        let own = |text: &str| vec![(text.to_owned(), true)];
        assert_eq!(seen(&["gpio:4"], 0), []);
        assert_eq!(seen(&["gpio:4", STORE], 59), []);
        assert_eq!(seen(&["gpio:4", STORE], 60), own("gpio:4: gone"));
        assert_eq!(seen(&[STORE], 119), own("the store: gone"));
        assert_eq!(seen(&["gpio:4", CLOCK], 120), [], "it begins anew");
        assert_eq!(seen(&["gpio:4", CLOCK], 180), own("gpio:4: gone"));
        assert_eq!(seen(&[CLOCK], 419), []);
        assert_eq!(seen(&[CLOCK], 420), own("the clock: gone"));
        assert_eq!(seen(&[RECEIVERS], 500), []);
        assert_eq!(seen(&[RECEIVERS], 800), [("the receivers: gone".to_owned(), false)]);
    }
}

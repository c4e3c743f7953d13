//! The incarnations of a device: one for each store that counted its boots.
//!
//! A device with a new memory card counts its boots from 1 again. The boots that the engine and the item see must rise
//! all the same. So each store, known by its identity, has its own span of boots:
//!
//! ```text
//! store a, boot 5                 counts as boot 5
//! store b, boot 1 (a new card)    counts as boot MOST_COUNTED + 1
//! store a, boot 6 (a late report) counts as boot 6, and is overtaken
//! ```
//!
//! A span is as wide as the largest count of a store, and does not end at the last boot that was reported. A late
//! report of the old card may be of a boot that nothing reported before, and must not count as one of the new card.

use dag_engine::Id;
use dag_uplink::MOST_COUNTED;
use serde::{Deserialize, Serialize};

/// The most incarnations that are kept. One that was dropped and comes again counts as new.
const MOST: usize = 8;

/// The incarnations of a device, oldest first. The last one is the current one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnations(Vec<Incarnation>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Incarnation {
    /// The identity of the store; `None` for a store that has none yet.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    id: Option<Id>,
    /// The number of boots before its first.
    offset: u64,
}

/// The incarnation that a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownIncarnation {
    pub status: IncarnationStatus,
    offset: u64,
}

/// The place of an incarnation among those of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncarnationStatus {
    /// The device works with it.
    Current,
    /// The device works with it from this report on, instead of another one.
    New,
    /// The device worked with it before a newer one.
    Former,
}

impl KnownIncarnation {
    /// Returns a boot as it is counted over all incarnations of the device.
    pub fn boot(self, boot: u64) -> u64 {
        self.offset.saturating_add(boot)
    }
}

impl Incarnations {
    /// Identifies the store `id` of a report, and adds it if it is new. `heard` says whether the device reported
    /// before; such reports may be older than the identities of stores.
    pub(crate) fn identify(&mut self, id: Option<Id>, heard: bool) -> KnownIncarnation {
        if self.0.is_empty() {
            self.0.push(Incarnation { id: id.filter(|_| !heard), offset: 0 });
        }
        let known = self.0.iter().rposition(|known| known.id == id);
        let last = self.0.last().map_or(0, |last| last.offset);
        match known.and_then(|at| self.0.get(at)) {
            Some(known) if known.offset < last => {
                KnownIncarnation { status: IncarnationStatus::Former, offset: known.offset }
            }
            Some(known) => KnownIncarnation { status: IncarnationStatus::Current, offset: known.offset },
            // An older daemon does not report the identity of its store.
            None if id.is_none() => KnownIncarnation { status: IncarnationStatus::Current, offset: last },
            None => {
                if self.0.len() >= MOST {
                    self.0.remove(0);
                }
                let offset = last.saturating_add(MOST_COUNTED);
                self.0.push(Incarnation { id, offset });
                KnownIncarnation { status: IncarnationStatus::New, offset }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Option<Id> {
        Some(Id::of(&[name.as_bytes()]))
    }

    /// Returns the status of each report's store, and the span in which its boot 5 counts.
    fn identified(incarnations: &mut Incarnations, stores: &[Option<Id>]) -> String {
        let identified = stores.iter().map(|id| {
            let incarnation = incarnations.identify(*id, false);
            assert_eq!(incarnation.boot(5) % MOST_COUNTED, 5);
            format!("{:?} {}", incarnation.status, incarnation.boot(5) / MOST_COUNTED)
        });
        identified.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_later_store_counts_beyond_the_first_one() {
        let mut incarnations = Incarnations::default();
        let stores = [id("a"), id("a"), id("b"), id("a"), id("b"), id("c"), id("b"), id("a"), id("c")];
        assert_eq!(
            identified(&mut incarnations, &stores),
            "Current 0, Current 0, New 1, Former 0, Current 1, New 2, Former 1, Former 0, Current 2"
        );
    }

    #[test]
    fn a_first_store_without_an_identity_is_an_incarnation_of_its_own() {
        assert_eq!(
            identified(&mut Incarnations::default(), &[None, None, id("a"), None, id("a")]),
            "Current 0, Current 0, New 1, Former 0, Current 1"
        );
        // Reports from before the identities had none.
        assert_eq!(Incarnations::default().identify(id("a"), true).status, IncarnationStatus::New);
    }

    #[test]
    fn a_later_report_without_an_identity_is_of_the_current_store() {
        let mut incarnations = Incarnations::default();
        assert_eq!(
            identified(&mut incarnations, &[id("a"), id("b"), None, id("b")]),
            "Current 0, New 1, Current 1, Current 1"
        );
    }

    #[test]
    fn the_last_few_are_kept_and_the_count_goes_on_rising() {
        let mut incarnations = Incarnations::default();
        for store in 0..100_u64 {
            let incarnation = incarnations.identify(id(&store.to_string()), store > 0);
            assert_eq!(incarnation.boot(1), store * MOST_COUNTED + 1);
        }
        assert_eq!(incarnations.0.len(), MOST);
        assert_eq!(identified(&mut incarnations, &[id("92"), id("99"), id("91")]), "Former 92, Current 99, New 100");
    }
}

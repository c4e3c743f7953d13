//! Which of a device's stores count its boots. A device with a new memory card counts from 1 again, and what the engine and
//! the item are told must rise all the same: so each store, by its identity, has a span of boots of its own.
//!
//! The spans are as wide as any store counts, not as far as the last one was heard: a report of the old card that is still
//! under way may be of a boot that was never heard of, and must not be taken for one of the new card.

use dag_engine::Id;
use dag_uplink::MOST_COUNTED;
use serde::{Deserialize, Serialize};

/// So many are remembered. One that was forgotten and comes again counts as new.
const MOST: usize = 8;

/// The stores of a device, oldest first: the last one is at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnations(Vec<Incarnation>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Incarnation {
    /// `None` for a store that has no identity yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    /// How many boots are counted before its first.
    offset: u64,
}

/// What is known of the store that a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownIncarnation {
    pub status: IncarnationStatus,
    offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncarnationStatus {
    /// It is at work.
    Current,
    /// It is at work from now on, in the place of another.
    New,
    /// Another came after it.
    Former,
}

impl KnownIncarnation {
    /// A boot as it is counted over all stores of the device.
    pub fn boot(self, boot: u64) -> u64 {
        self.offset.saturating_add(boot)
    }
}

impl Incarnations {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A report comes from the store `id`. `heard` says whether any came before: those may be from before this was noted.
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
            // An older daemon works on a store that has an identity, and does not tell it.
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

    /// What each report led to: how it stands with its store, and as which boot its boot 5 counts, in spans.
    fn told(incarnations: &mut Incarnations, stores: &[Option<Id>]) -> String {
        let told = stores.iter().map(|id| {
            let incarnation = incarnations.identify(*id, false);
            assert_eq!(incarnation.boot(5) % MOST_COUNTED, 5);
            format!("{:?} {}", incarnation.status, incarnation.boot(5) / MOST_COUNTED)
        });
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_first_store_counts_as_the_device_does_and_a_later_one_beyond_it() {
        let mut incarnations = Incarnations::default();
        let stores = [id("a"), id("a"), id("b"), id("a"), id("b"), id("c"), id("b"), id("a"), id("c")];
        assert_eq!(
            told(&mut incarnations, &stores),
            "Current 0, Current 0, New 1, Former 0, Current 1, New 2, Former 1, Former 0, Current 2"
        );
    }

    #[test]
    fn a_store_without_an_identity_is_one_of_its_own_if_it_was_there_first() {
        assert_eq!(
            told(&mut Incarnations::default(), &[None, None, id("a"), None, id("a")]),
            "Current 0, Current 0, New 1, Former 0, Current 1"
        );
        // What was heard before this was noted had none.
        assert_eq!(Incarnations::default().identify(id("a"), true).status, IncarnationStatus::New);
    }

    #[test]
    fn an_older_daemon_on_a_store_with_an_identity_is_taken_for_the_store_at_work() {
        let mut incarnations = Incarnations::default();
        assert_eq!(
            told(&mut incarnations, &[id("a"), id("b"), None, id("b")]),
            "Current 0, New 1, Current 1, Current 1"
        );
    }

    #[test]
    fn the_last_few_are_remembered_and_the_count_goes_on_rising() {
        let mut incarnations = Incarnations::default();
        for store in 0..100_u64 {
            let incarnation = incarnations.identify(id(&store.to_string()), store > 0);
            assert_eq!(incarnation.boot(1), store * MOST_COUNTED + 1);
        }
        assert_eq!(incarnations.0.len(), MOST);
        assert_eq!(told(&mut incarnations, &[id("92"), id("99"), id("91")]), "Former 92, Current 99, New 100");
    }
}

//! Which messages may go: those of one incident to one channel in order, all others independently of each other.

use std::collections::BTreeMap;

use dag_engine::{Channel, Id, Time};

use super::Entry;

/// The messages that are due at `now`, the longest due first. A message waits while an earlier one of the same incident
/// to the same channel has not come to its end, so that nobody reads of an end before the beginning. A message about the
/// monitor itself waits for none: it tells of no end, and one that fails must not hold up what another one tells.
///
/// `entries` may stand in any order, and those that have come to their end may be left out.
pub fn next_to_send<'a>(entries: impl IntoIterator<Item = &'a Entry>, now: Time) -> Vec<&'a Entry> {
    let mut due: Vec<&Entry> = heads(entries).filter(|entry| entry.due().is_some_and(|due| due <= now)).collect();
    due.sort_by_key(|entry| (entry.due(), entry.sequence));
    due
}

/// When the next message will be due: the host sleeps until then. `None` where all have come to their end.
pub fn next_due<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Option<Time> {
    heads(entries).filter_map(Entry::due).min()
}

/// The first message of each incident and channel that has not come to its end; each about the monitor itself is one.
fn heads<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> impl Iterator<Item = &'a Entry> {
    let mut heads = BTreeMap::<(Id, &str, Channel), &Entry>::new();
    for entry in entries.into_iter().filter(|entry| !entry.is_over()) {
        let told = &entry.notification;
        let story = told.incident().map_or(told.id, |incident| incident.id);
        let head = heads.entry((story, told.recipient.as_str(), told.channel())).or_insert(entry);
        if entry.sequence < head.sequence {
            *head = entry;
        }
    }
    heads.into_values()
}

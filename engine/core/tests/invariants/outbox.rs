//! A simulated outbox.

use std::collections::BTreeSet;

use dag_engine::{Decision, Id, Kind, Notification, Outcome};

use crate::plan::ChannelKey;

/// The state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Queued,
    /// An attempt was begun; nobody knows yet what became of it.
    Leased,
    Delivered,
    /// Given up.
    Undelivered,
    Withdrawn,
}

#[derive(Debug)]
pub struct Entry {
    pub message: Notification,
    /// The number of the moment in which it was decided; likewise for the first attempt and the withdrawal.
    pub decided: usize,
    pub attempted: Option<usize>,
    pub withdrawn: Option<usize>,
    pub fate: Fate,
}

/// Returns whether messages of this kind say that an incident lasts.
pub fn is_alert(kind: Kind) -> bool {
    matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder)
}

impl Entry {
    pub fn incident(&self) -> Option<Id> {
        self.message.incident().map(|incident| incident.id)
    }

    pub fn key(&self) -> ChannelKey {
        (self.message.recipient.clone(), self.message.channel())
    }
}

#[derive(Debug, Default)]
pub struct Outbox {
    pub entries: Vec<Entry>,
}

impl Outbox {
    /// Applies the decisions of a moment.
    pub fn apply(&mut self, moment: usize, decisions: &[Decision]) {
        for decision in decisions {
            match &decision.outcome {
                Outcome::Notify(message) => {
                    let message = (**message).clone();
                    let entry =
                        Entry { message, decided: moment, attempted: None, withdrawn: None, fate: Fate::Queued };
                    self.entries.push(entry);
                }
                Outcome::Withdrawn { notification, .. } => {
                    let entry = self.entries.iter_mut().find(|entry| entry.message.id == *notification);
                    let entry = entry.expect("what is withdrawn was queued");
                    assert_eq!(entry.fate, Fate::Queued, "withdrawn though it was attempted: {entry:?}");
                    (entry.fate, entry.withdrawn) = (Fate::Withdrawn, Some(moment));
                }
                _ => {}
            }
        }
    }

    /// The entries that may be worked on: of one incident to one channel the first that is not done.
    pub fn next(&self) -> Vec<usize> {
        let mut busy = BTreeSet::new();
        let open = self.entries.iter().enumerate();
        let open = open.filter(|(_, entry)| matches!(entry.fate, Fate::Queued | Fate::Leased));
        let first =
            open.filter(|(_, entry)| entry.incident().is_none() || busy.insert((entry.incident(), entry.key())));
        first.map(|(at, _)| at).collect()
    }
}

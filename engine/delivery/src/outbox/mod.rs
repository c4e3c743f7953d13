//! The outbox: the life of a message from the decision to its end, as pure state. Hosts store it and own the clock.

mod entry;
mod order;
mod retry;

pub use entry::{Entry, EntryState, LEASE, Settled};
pub use order::{next_due, next_to_send};

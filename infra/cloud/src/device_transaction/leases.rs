//! The choice of messages that a transaction leases.

/// The messages that a transaction leases. Whoever makes the transaction sends them. Other messages that are due go
/// into the queue `deliveries`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leases {
    /// Messages of which no attempt was made. A receiver that failed before may be slow, and no event waits for it.
    New,
    /// All that are due.
    All,
    /// None.
    None,
}

//! A line whose level can be read and whose edges are reported.

use dag_config::Level;
use dag_engine::Time;
use tokio::time::Instant;

/// The time of the latest edge, by the wall clock and by the monotonic clock; `None` before the first.
pub(super) type Edge = Option<(Time, Instant)>;

/// A line whose level can be read, while a channel reports its edges.
pub(super) trait Line: Send {
    fn level(&self) -> Level;
    /// Returns why edges are no longer reported.
    fn why_ended(&mut self) -> String;
}

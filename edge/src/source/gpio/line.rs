//! A line whose level can be read and whose edges are reported.

use dag_config::Level;
use dag_engine::Time;
use tokio::time::Instant;

/// When the latest edge was, by the wall clock and by the clock that never jumps; `None` before the first.
pub(super) type Edge = Option<(Time, Instant)>;

/// A line that can be looked at while its edges are told by a channel.
pub(super) trait Line: Send {
    fn level(&self) -> Level;
    /// Why edges are told no more.
    fn why_ended(&mut self) -> String;
}

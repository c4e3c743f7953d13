//! A disk that takes nothing.

use std::time::{Duration, Instant};

/// Why the disk takes nothing, and when it is tried again.
#[derive(Debug)]
pub(super) struct WriteFailure {
    pub reason: String,
    /// Trying means opening the store anew, which reads all of it: the pauses grow.
    pub pause: Duration,
    pub again_at: Instant,
}

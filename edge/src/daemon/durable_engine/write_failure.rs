//! A disk that cannot be written.

use std::time::{Duration, Instant};

/// The reason why the disk cannot be written, and the time of the next try.
#[derive(Debug)]
pub(super) struct WriteFailure {
    pub reason: String,
    /// The current pause. It grows, because a try opens the store anew, which reads all of it.
    pub pause: Duration,
    pub again_at: Instant,
}

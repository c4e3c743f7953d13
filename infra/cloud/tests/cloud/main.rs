//! The consumer in a world where everything goes wrong that can: what must always hold (the design's section 12) holds all
//! the same. No network and no clock: a fleet lives through days within a second, the same ones every time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]
#![allow(clippy::disallowed_methods, reason = "samples and histories are files")]

mod broken;
mod device;
mod fleet;
mod laws;
mod plan;
mod queue;
mod story;

mod bad;
mod cards;
mod connections;
mod faults;
mod histories;
mod kills;
mod parity;
mod random;
mod requests;
mod samples;

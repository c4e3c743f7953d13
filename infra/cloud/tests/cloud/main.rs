//! The consumer in a world where any call may fail. The laws in `laws.rs` hold all the same. There is no network and no
//! clock: a fleet runs through days within a second, and every run is the same.

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
#[path = "../../../tests/memory.rs"]
mod memory;
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
#[path = "../../../../engine/rulebook/tests/shared/stories.rs"]
mod stories;

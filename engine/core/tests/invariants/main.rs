//! What must always hold (the design's section 12), for random rules and random histories.
//!
//! The tests know nothing of how the engine decides: they look at the rules, at what went in, at the decisions that came
//! out, and at an outbox. A failure prints its seed (`PROPTEST_RNG_SEED` plays it again) and its smallest story.
//! `PROPTEST_CASES` says how many stories each test plays.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

mod host;
mod outbox;
mod plan;
mod stories;

mod bounds;
mod clock;
mod deadlines;
mod episodes;
mod holding;
mod messages;
mod reports;

//! Invariants for random rules and random histories.
//!
//! The tests do not depend on how the engine decides: they read the rules, the inputs, the decisions and an outbox. A
//! failure prints its seed (`PROPTEST_RNG_SEED` plays it again) and its smallest story. `PROPTEST_CASES` sets how many
//! stories each test plays.

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
mod plan_edit;
mod plan_generator;
mod player;
mod stories;

mod bounds;
mod clock;
mod deadlines;
mod episodes;
mod holding;
mod messages;
mod outlook;
mod reports;

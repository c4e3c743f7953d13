//! The engine against a second implementation, which was written from `SEMANTICS.md` independently.
//!
//! Rules and histories are random. After every step both must have decided the same. A failure prints the smallest case
//! with its rules, its history, and the first difference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

mod attempts;
mod channel;
mod clock;
mod compare;
mod condition;
mod deadlines;
mod decision_line;
mod edit;
mod episodes;
mod events;
mod fact;
mod fallback;
mod final_messages;
mod generate;
mod history;
mod ids;
mod message;
mod messages;
mod model;
mod people;
mod players;
mod reload;
mod reports;
mod rules;
mod script;
mod sources;
mod steps;
mod tidy;
mod toml;
mod trouble;
mod wall_clock;

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError},
};

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 8_000, ..Config::default() })]

    #[test]
    fn engine_and_model_decide_the_same(case in generate::case()) {
        compare::play(&case).map_err(TestCaseError::fail)?;
    }
}

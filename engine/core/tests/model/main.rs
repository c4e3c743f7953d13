//! The engine against a second one that was written from the same page, `SEMANTICS.md`: slower, plainer, and by itself.
//!
//! Random rules, random histories; after every step both must have decided the same. A failure prints the smallest case
//! with its rules, what happened, and where the two part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

mod attempts;
mod clock;
mod compare;
mod condition;
mod deadlines;
mod edit;
mod endings;
mod episodes;
mod fact;
mod generate;
mod history;
mod ids;
mod messages;
mod model;
mod people;
mod players;
mod reload;
mod reports;
mod rules;
mod said;
mod sources;
mod toml;
mod trouble;
mod wall;

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

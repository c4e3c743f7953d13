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
mod reasons;
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

use std::cell::RefCell;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::reasons::Tally;

/// In a run of this many histories every reason must be reached.
const LONG: u32 = 20_000;

#[test]
fn engine_and_model_decide_the_same() {
    let config = Config { failure_persistence: None, max_shrink_iters: 8_000, ..Config::default() };
    let histories = config.cases;
    let tally = RefCell::new(Tally::default());
    let mut runner = TestRunner::new(config);
    let run = runner.run(&generate::case(), |case| {
        let reached = compare::play(&case).map_err(TestCaseError::fail)?;
        tally.borrow_mut().add(reached);
        Ok(())
    });
    if let Err(difference) = run {
        panic!("{difference}\n{runner}");
    }
    let tally = tally.into_inner();
    println!("{tally}");
    let missing = tally.missing();
    assert!(histories < LONG || missing.is_empty(), "no history reached: {}", missing.join(", "));
}

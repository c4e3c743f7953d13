//! One law: no text states what the facts deny.
//!
//! Random histories go through the engine. Every message is rendered as each channel renders it: subject, text, page,
//! the bodies of webhooks, the plain document. The tests keep the raw facts beside the engine (`record.rs`), and decide
//! each sentence and each value by them. `claims.rs` lists every sentence of the shipped templates and when it may be
//! said.
//!
//! A failure prints its seed (`PROPTEST_RNG_SEED` plays it again) and its smallest story. `PROPTEST_CASES` sets how
//! many stories are played. From some thousands on every claim must have been reached.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod claims;
mod coverage;
mod decisions;
mod length;
mod messages;
mod pattern;
mod plan;
mod reached;
mod record;
mod scene;
mod story;
mod world;

use proptest::prelude::*;

#[test]
fn no_text_states_what_the_facts_deny() {
    let stories = story::all(300, story::story(), |story| {
        let world = world::play(&story)?;
        prop_assert!(world.state.open_incidents().next().is_none(), "all is well, and an incident is open");
        Ok(())
    });
    reached::print(stories);
}

//! Tests of the public API, with real mail servers and webhook receivers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod endings;
mod folder;
mod heartbeat;
mod outbox;
mod pages;
mod peer;
mod receivers;
mod sample;
mod smtp;
mod spam;
mod template_problems;
mod templates;
mod test_message;
mod webhook;
mod words;

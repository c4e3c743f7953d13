//! The world on AWS, against moto on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod cost;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/moto.rs"]
mod moto;
mod post;
mod queues;
mod registry;
mod stack;
mod table;

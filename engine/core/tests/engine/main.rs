//! The engine from outside: rules and a story in, lines of decisions out. One binary, so that it links once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

mod decision_line;
mod host;

mod clock;
mod compile;
mod conditions;
mod daylight;
mod holding;
mod hooks;
mod incidents;
mod inputs;
mod late;
mod laws;
mod messages;
mod receivers;
mod reload;
mod reports;
mod scenario;
mod trouble;

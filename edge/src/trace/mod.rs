//! Traces: recorded or invented readings on which rules are tried.
//!
//! A trace is CSV with the header `at,device,fact,value` and optionally `received_at`, with times as in RFC 3339.
//! Neighbouring rows of one device with the same `received_at` are one report, which arrives at that time. Every
//! other row is a report of its own, which arrives at its `at`. Reports arrive in order of time. The value `unknown`
//! makes a fact unknown.
//!
//! [`Trace`] reads the file, and [`Replay`] runs the rules on it. Both need the same memory for a trace of any length.

mod error;
mod format;
mod replay;
mod reports;
mod rows;

pub use error::TraceError;
pub use replay::{DeviceDecision, Replay};
pub use reports::{Trace, TraceReport};
pub use rows::TraceSchema;

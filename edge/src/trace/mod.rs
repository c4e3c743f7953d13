//! Traces: readings of the past, or made up, to try rules on.
//!
//! A trace is CSV with the header `at,device,fact,value` and optionally `received_at`, times as RFC 3339.
//! Neighbouring rows of one device with the same `received_at` are one report, which arrives then; every other row is
//! a report of its own, which arrives at its `at`. Reports arrive in order of time. The value `unknown` makes a fact
//! unknown.
//!
//! [`Trace`] reads the file, [`Replay`] runs the rules on it. Neither keeps more than what is at hand, so a trace may
//! be of any length.

mod error;
mod format;
mod replay;
mod reports;
mod rows;

pub use error::{TraceError, TraceErrorKind};
pub use replay::{DecisionHandler, DeviceDecision, Replay};
pub use reports::{Trace, TraceReport};
pub use rows::TraceSchema;

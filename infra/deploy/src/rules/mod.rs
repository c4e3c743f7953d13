//! The push of rules to the fleet. Rules are checked, signed and stored in the table, and become the desired rules of
//! devices. The consumer sends them, and each device checks them again before it runs them.
//!
//! `key.rs` has the owner's key, `signing.rs` the checks before it signs, and `push.rs` the push itself.

pub(crate) mod key;
mod push;
pub(crate) mod signing;

pub(crate) use push::{PushReport, PushRequest, Target, check_registered, prove, push, sign};

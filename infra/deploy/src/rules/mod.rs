//! Rules on their way to the fleet: checked, signed, kept in the table, and wanted of devices. The consumer sends them,
//! and each device checks them once more before it runs them. `key.rs` has the owner's key, `signing.rs` whether it may
//! sign now, `push.rs` what devices are to run.

pub(crate) mod key;
mod push;
pub(crate) mod signing;

pub(crate) use push::{PushReport, PushRequest, Target, check_registered, prove, push, sign};

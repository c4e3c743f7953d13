//! Being written: the daemon.
pub mod source;
pub mod store;

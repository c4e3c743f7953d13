//! Accounts: people who may look at devices, and whose addresses stand for `@account` in rules.

mod change;
mod ownership;
pub(crate) mod password;
mod verify;

pub(crate) use change::{add, assign, claim, devices_of, remove, set_emails, set_password, unassign};
pub(crate) use ownership::Ownership;
pub(crate) use verify::verify;

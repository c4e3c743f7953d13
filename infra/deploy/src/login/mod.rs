//! The log-in to AWS: any that the AWS command line has. The SDK's default chain finds the credentials. This module
//! says in advance where it will find them, and turns its errors into what to run.
//!
//! ```text
//! environment, ~/.aws ──▶ Login::find ──────▶ "profile `work`, which logs in by `aws sso login`"
//!                   └───▶ the SDK's chain ──▶ credentials
//!                                        └──▶ an error ──▶ NotLoggedIn: "run `aws sso login --profile work`"
//! ```
//!
//! The files of the AWS command line are read by the SDK's own parser. [`Login`] follows the order of the SDK's chain,
//! and decides nothing, with two exceptions: a profile that does not exist, and a file that cannot be read. The SDK
//! goes on to the role of the machine then, which may be that of another account.

mod failure;
mod method;
mod profiles;
mod provider;

pub(crate) use self::{failure::NotLoggedIn, method::Login};

//! AWS IoT Core: things, their certificates and policies, topic rules. Every call can be repeated.
//!
//! `client.rs` has the client with the names of the stack, `things.rs` and `certificates.rs` the calls by subject, and
//! `topic_rules.rs` looks for topic rules of others. No other module calls AWS IoT.

mod certificate;
mod certificates;
mod client;
mod things;
mod topic_rules;

pub(crate) use aws_sdk_iot::types::CertificateStatus;

pub(crate) use self::{certificate::Certificate, client::Iot, things::Thing, topic_rules::listeners};

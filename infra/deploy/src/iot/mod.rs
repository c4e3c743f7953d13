//! AWS IoT Core: things, their certificates and policies, topic rules. Each call may be made again.
//!
//! `client.rs` has the connection with the names of the stack, `things.rs` and `certificates.rs` its calls by subject,
//! `topic_rules.rs` who else listens. Nothing else speaks to AWS IoT.

mod certificate;
mod certificates;
mod client;
mod things;
mod topic_rules;

pub(crate) use aws_sdk_iot::types::CertificateStatus;

pub(crate) use self::{certificate::Certificate, client::Iot, things::Thing, topic_rules::listeners};

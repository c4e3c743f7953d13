//! The delivery of [`Notification`](dag_engine::Notification)s to people: their words, signatures and retries.
//!
//! The daemon and the cloud use it unchanged. The host keeps an [`Outbox`], sleeps until [`Outbox::next_due`], and
//! makes the attempts at the same time, so that a slow receiver does not delay another:
//!
//! ```
//! # use std::path::Path;
//! # use dag_config::{Email, Secrets, Transport, Webhook};
//! # use dag_delivery::{Delivery, Limits, Outbox, Templates};
//! # use dag_engine::{Decision, Time};
//! # async fn host(decisions: Vec<Decision>, email: Email, now: Time) -> Result<(), Box<dyn std::error::Error>> {
//! let templates = Templates::built_in();
//! let delivery = Delivery::new(&email, &Webhook::default(), Secrets::of_machine(Path::new(".")), Limits::default())?;
//! let mut outbox = Outbox::default();
//!
//! // One transaction: the decisions, what they queued, the leases, and what is sent.
//! let queued = outbox.apply(&decisions, now);
//! let leased = outbox.lease(32, now);
//! // … the engine gets the input `Attempted` of each entry, the entries are stored …
//! for entry in leased {
//!     let prepared = templates.prepare(&entry.notification).0;
//!     let result = delivery.send(&entry.notification, &prepared, now).await;
//!     let settlement = outbox.settle(entry.notification.id, result.as_ref(), now);
//!     // … the engine gets the settlement's input, its entry is stored …
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It does not decide who is told and when. It stores nothing, reads no clock and makes no random numbers.

mod content;
mod delivery;
mod document;
mod email;
mod ending;
mod failure;
mod file_transport;
mod heartbeat;
mod http;
mod late_report;
mod outbox;
mod receivers;
mod template;
mod then_and_now;
mod tone;
mod webhook;
mod words;

pub use content::{LeasedMessage, MailContent, MessageContent};
pub use delivery::{Delivery, Limits};
pub use email::{Mail, Mailer, SendFuture, email_in_ascii};
pub use failure::{Failure, Receipt, SetupError};
pub use heartbeat::Signal;
pub use http::forbidden_address;
pub use outbox::{AttemptOutcome, Entry, EntryState, LEASE, Outbox, Settlement};
pub use receivers::{ReceiverCheck, ReceiverProblem};
pub use template::{TemplateProblem, Templates};
pub use words::TimeFormatter;

//! Everything that decides how a [`Notification`](dag_engine::Notification) reaches people: words, signatures, retries.
//!
//! Both hosts use it unchanged. It stores nothing and waits for nothing. The host keeps an [`Outbox`], sleeps until
//! [`Outbox::next_due`], and makes the attempts at the same time, so that one slow receiver never delays another:
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
//! // … the engine is told of each attempt, the entries are stored …
//! for entry in leased {
//!     let prepared = templates.prepare(&entry.notification).0;
//!     let result = delivery.send(&entry.notification, &prepared, now).await;
//!     let settlement = outbox.settle(entry.notification.id, result.as_ref(), now);
//!     // … the engine is told, the entry is stored …
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: decide who is told and when, keep anything, read a clock, or make random numbers.

mod content;
mod delivery;
mod document;
mod email;
mod failure;
mod file_transport;
mod outbox;
mod template;
mod webhook;
mod words;

pub use content::{LeasedMessage, MailContent, MessageContent};
pub use delivery::{Delivery, Limits};
pub use email::{Mail, Mailer, SendFuture};
pub use failure::{Failure, Receipt, SetupError};
pub use outbox::{Entry, EntryState, LEASE, Outbox, AttemptOutcome, Settlement};
pub use template::{TemplateProblem, Templates};

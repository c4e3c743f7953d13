//! Everything that decides how a [`Notification`](dag_engine::Notification) reaches people: words, signatures, retries.
//!
//! Both hosts use it unchanged. It stores nothing and waits for nothing: the host keeps [`Entry`]s, sleeps until
//! [`next_due`], and makes the attempts at the same time, so that one slow receiver never delays another:
//!
//! ```
//! # use std::path::Path;
//! # use dag_config::{Email, Secrets, Transport, Webhook};
//! # use dag_delivery::{Delivery, Entry, Limits, Templates, next_to_send};
//! # use dag_engine::{Notification, Time};
//! # async fn host(notification: Notification, email: Email, now: Time) -> Result<(), Box<dyn std::error::Error>> {
//! let templates = Templates::built_in();
//! let delivery = Delivery::new(&email, &Webhook::default(), Secrets::of_machine(Path::new(".")), Limits::default())?;
//! let entries = vec![Entry::new(notification, 1, now)];
//!
//! for mut entry in next_to_send(&entries, now).into_iter().cloned() {
//!     // Durable before the attempt: the lease, and what is sent.
//!     if !entry.lease(now) {
//!         continue;
//!     }
//!     let prepared = entry.prepared.get_or_insert_with(|| templates.prepare(&entry.notification).0).clone();
//!     // … store the entry …
//!     let result = delivery.send(&entry.notification, &prepared, now).await;
//!     entry.settle(result.as_ref(), now);
//!     // … store it again, and tell the engine …
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: decide who is told and when, keep anything, read a clock, or make random numbers.

mod delivery;
mod document;
mod email;
mod failure;
mod folder;
mod outbox;
mod prepared;
mod template;
mod webhook;
mod words;

pub use delivery::{Delivery, Limits};
pub use email::{Mail, Mailer, Sending};
pub use failure::{Failure, Receipt, SetupError};
pub use outbox::{Entry, EntryState, LEASE, Settled, next_due, next_to_send};
pub use prepared::{Prepared, Rendered};
pub use template::{TemplateProblem, Templates};

//! A service that takes mails as bytes, given by the host: Amazon SES in the cloud. Devices have none, and carry none of
//! the code that one needs.

use std::{future::Future, pin::Pin};

use dag_engine::Notification;

use crate::{Failure, Receipt};

/// A mail on its way out.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// The sender's address, without a name.
    pub from: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The whole mail, with its headers: the same at every attempt.
    pub raw: Vec<u8>,
    /// What it tells, for a service that wants to say later what became of which message.
    pub notification: &'a Notification,
}

/// An attempt that is being made.
pub type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send + 'a>>;

/// What takes mails where the transport is `ses`.
pub trait Mailer: Send + Sync {
    /// Makes one attempt. It ends within the time that a mail server has: see [`Limits::smtp`](crate::Limits).
    ///
    /// # Errors
    /// Why the mail was not taken, and whether another attempt makes sense.
    fn send<'a>(&'a self, mail: Mail<'a>) -> SendFuture<'a>;
}

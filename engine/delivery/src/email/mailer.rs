//! A service of the host that accepts mails as bytes: Amazon SES in the cloud. Devices have none, and do not carry its
//! code.

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
    /// The notification in it. A service can use it to report the fate of the message later.
    pub notification: &'a Notification,
}

/// The future of an attempt.
pub type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send + 'a>>;

/// A service that sends mail for the transport `ses`.
pub trait Mailer: Send + Sync {
    /// Makes one attempt. It must end within the limit of a mail server, [`Limits::smtp`](crate::Limits).
    ///
    /// # Errors
    /// The mail was not accepted. The failure says whether another attempt makes sense.
    fn send<'a>(&'a self, mail: Mail<'a>) -> SendFuture<'a>;
}

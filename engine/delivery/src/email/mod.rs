//! Email: a message as bytes, and the mail server or the service of the host that accepts it.

mod bounded_stream;
mod mailer;
mod message;
mod smtp;

pub use mailer::{Mail, Mailer, SendFuture};
pub(crate) use message::Sender;
pub use message::email_in_ascii;
pub(crate) use smtp::SmtpServer;

//! Email: a message as bytes, and what takes it: a mail server, or a service that the host brings.

mod mailer;
mod message;
mod smtp;

pub use mailer::{Mail, Mailer, SendFuture};
pub(crate) use message::Sender;
pub(crate) use smtp::SmtpServer;

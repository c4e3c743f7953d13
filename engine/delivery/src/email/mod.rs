//! Email: a message as bytes, and the mail server that takes it.

mod message;
mod smtp;

pub(crate) use message::Sender;
pub(crate) use smtp::Server;

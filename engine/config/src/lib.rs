//! Being written: `config.toml`.
mod email;
mod secret;
mod source;
mod webhook;

pub use email::{Email, Security, Smtp, Transport};
pub use secret::{SecretError, resolve};
pub use source::{Level, Source};
pub use webhook::{Network, Webhook};

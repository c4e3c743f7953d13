//! Channels and addresses: where messages go.

use serde::{Deserialize, Serialize};

use crate::{Name, is_default};

/// The means by which a recipient is reached. A recipient has at most one channel of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// An email address.
    Email,
    /// A URL that is called with a signed JSON document.
    Webhook,
}

impl Channel {
    /// The word that scenarios, templates and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Webhook => "webhook",
        }
    }
}

/// The place where a secret is kept. Files name secrets; they never hold them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// An environment variable of the host (`env:NAME`).
    Env(String),
    /// A file whose trimmed content is the secret (`file:PATH`).
    File(String),
}

impl std::str::FromStr for SecretRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.to_owned())),
            _ => Err("a secret is only named here, never written: use `env:NAME` or `file:PATH`".to_owned()),
        }
    }
}

/// The address that a channel leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// An email address, as `user@host`.
    Email(String),
    /// A webhook.
    Webhook {
        /// The `http` or `https` URL that is called.
        url: String,
        /// The secrets that sign the calls: none (unsigned), one, or two during a rotation, the newer first.
        #[serde(default, skip_serializing_if = "is_default")]
        secrets: Vec<SecretRef>,
        /// The body's template: `slack`, `discord`, `telegram`, `ntfy`, or a file in `rules/templates/`; none is the
        /// plain document.
        #[serde(default, skip_serializing_if = "is_default")]
        template: Option<Name>,
    },
}

impl Address {
    /// Returns whether mail can be sent there: `user@host`, without a name, 254 bytes at most. Dots stand between other
    /// characters (RFC 5321, section 4.1.2). A quoted user and an IP address in brackets are refused: no mail can be
    /// made for them.
    pub fn is_email(text: &str) -> bool {
        let plain = |part: &str| {
            part.split('.').all(|word| !word.is_empty())
                && part.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"@<>,;:\"()[]\\".contains(c))
        };
        text.len() <= 254 && text.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host))
    }

    /// The kind of channel that this is the address of.
    pub const fn channel(&self) -> Channel {
        match self {
            Address::Email(_) => Channel::Email,
            Address::Webhook { .. } => Channel::Webhook,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_is_one_that_a_mail_can_be_made_for() {
        for good in ["nor@example.com", "n.o.r+dag@mail.example.com", "nor@localhost", "nör@müller.ch", "a@b"] {
            assert!(Address::is_email(good), "{good}");
        }
        for bad in [
            "nor",
            "@x.net",
            "nor@",
            "nor@x@y",
            "nor@x..net",
            "nor.@x.net",
            ".nor@x.net",
            "n..r@x.net",
            "nor@.x.net",
            "nor@x.net.",
            "nor@.",
            "a@[192.168.1.1]",
            "\"n r\"@x.net",
            "nor(home)@x.net",
            "mailto:nor@x.net",
        ] {
            assert!(!Address::is_email(bad), "{bad}");
        }
        assert!(!Address::is_email(&format!("nor@{}.net", "x".repeat(250))));
    }
}

//! `[email]`: how mail leaves.

use std::path::PathBuf;

use dag_engine::{Address, SecretRef};

use crate::{
    Mode,
    diagnostic::Diagnostic,
    host::{is_host, is_loopback},
    section::Section,
};

/// The section `[email]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The means of transport.
    pub transport: Transport,
    /// The sender, as `Name <user@host>` or `user@host`.
    pub from: String,
    /// The folder that the transport `outbox` writes to.
    pub outbox: PathBuf,
    /// The mail server, for the transport `smtp`.
    pub smtp: Option<Smtp>,
    /// The settings of the transport `ses`.
    pub ses: Ses,
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A folder, with a file for each message: for trials and tests.
    Outbox,
    /// A mail server.
    Smtp,
    /// Amazon SES. Only the cloud can send by it.
    Ses,
}

/// The section `[email.smtp]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// The mail server's name or address.
    pub server: String,
    /// Its port. The default is 587 for STARTTLS, 465 for TLS, 25 for plain.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: Security,
    /// A file of PEM certificates that are trusted in addition, for a server with its own authority.
    pub ca: Option<PathBuf>,
    /// The user to log in as.
    pub username: Option<String>,
    /// The name of that user's password.
    pub password: Option<SecretRef>,
}

/// The section `[email.ses]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ses {
    /// The AWS region that mail leaves from, if it is not the stack's.
    pub region: Option<String>,
    /// The configuration set, if it is not the one that the stack makes.
    pub configuration_set: Option<String>,
    /// Whether the account is in SES's sandbox, where mail reaches verified addresses only.
    pub sandbox: bool,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Plain text, then TLS. Without TLS nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// No protection. Allowed on loopback only.
    Plain,
}

impl Email {
    /// Reads the section. `mode` is `None` where it is wrong, which is reported elsewhere.
    pub(crate) fn read(mut section: Section<'_>, mode: Option<Mode>) -> Option<Email> {
        let words = [("outbox", Transport::Outbox), ("smtp", Transport::Smtp), ("ses", Transport::Ses)];
        let transport = section.need("transport", "transport = \"outbox\"").word("transport", &words, &[]);
        if transport == Some(Transport::Ses) && mode == Some(Mode::Standalone) {
            let help = "use `smtp` or `outbox`, or `mode = \"cloud\"`";
            section
                .reject_key("transport", Diagnostic::new("a device that decides by itself cannot send by SES", help));
        }
        let from = section.need("from", "from = \"detectordag <dag@example.com>\"").get("from");
        let from = from.and_then(|text: String| section.check("from", mailbox(text)));
        let outbox = section.file("outbox").unwrap_or_else(|| section.root().join("var/outbox"));
        let smtp = section.table("smtp");
        if transport == Some(Transport::Smtp) && smtp.is_none() {
            let help = "add a section `[email.smtp]` with `server`";
            section.reject_key(
                "transport",
                Diagnostic::new("mail is to leave through a mail server, and none is named", help),
            );
        }
        let smtp = smtp.and_then(Smtp::read);
        let ses = section.table("ses").map(Ses::read).unwrap_or_default();
        section.finish();
        Some(Email { transport: transport?, from: from?, outbox, smtp, ses })
    }
}

impl Smtp {
    fn read(mut section: Section<'_>) -> Option<Smtp> {
        let server = section.need("server", "server = \"mail.example.com\"").get("server");
        let server = server.and_then(|server: String| {
            let wrong = format!("`{server}` is not the name of a server; its port is a key of its own");
            section.check("server", if is_host(&server) { Ok(server) } else { Err(wrong) })
        });
        let port = section.number("port", 1..=65_535);
        let words = [("starttls", Security::Starttls), ("tls", Security::Tls), ("plain", Security::Plain)];
        let security = section.word("security", &words, &[]).unwrap_or_default();
        if security == Security::Plain && server.as_deref().is_some_and(|server| !is_loopback(server)) {
            let help = "use `starttls` or `tls`; `plain` is for a server at `localhost`";
            section
                .reject_key("security", Diagnostic::new("mail and password would cross the network unprotected", help));
        }
        let ca = section.file("ca");
        let (username, password) = section.login();
        section.finish();
        Some(Smtp { server: server?, port, security, ca, username, password })
    }
}

impl Ses {
    fn read(mut section: Section<'_>) -> Ses {
        let region = section.get("region");
        let configuration_set = section.get("configuration_set").and_then(|name: String| {
            let wrong = format!("`{name}` cannot be a configuration set: letters, digits, `-` and `_`, at most 64");
            section.check("configuration_set", if is_word(&name) { Ok(name) } else { Err(wrong) })
        });
        let sandbox = section.get("sandbox").unwrap_or_default();
        section.finish();
        Ses { region, configuration_set, sandbox }
    }
}

/// Letters, digits, `-` and `_`, as AWS names things.
fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Checks a sender, `Name <user@host>` or `user@host`, for a header.
pub(crate) fn mailbox(text: String) -> Result<String, Diagnostic> {
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or(""),
        None => text.as_str(),
    };
    if Address::is_email(address) && !text.contains(char::is_control) {
        return Ok(text);
    }
    let help = "write it like `dag@example.com` or `detectordag <dag@example.com>`";
    Err(Diagnostic::new(format!("`{}` is not a mail address", text.escape_debug()), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for good in ["dag@example.com", "detectordag <dag@example.com>", "Nör <nor@localhost>", "<a@b>"] {
            assert!(mailbox(good.to_owned()).is_ok(), "{good}");
        }
        let bad = [
            "",
            "dag",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "Name a@b",
            "Name <a@b",
            "Name <a@b> x",
            "a@b, c@d",
            "a@x..net",
            "a.@x.net",
        ];
        for bad in bad.into_iter().chain(["a\r\nBcc: c@d <a@b>"]) {
            assert!(mailbox(bad.to_owned()).is_err(), "{bad}");
        }
    }
}

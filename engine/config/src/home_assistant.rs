//! `[home_assistant]`: the Home Assistant of the house, reached through its MQTT broker.

use std::path::PathBuf;

use dag_engine::SecretRef;
use url::Url;

use crate::{diagnostic::Diagnostic, host::is_host, section::Section};

/// The section `[home_assistant]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeAssistant {
    /// The broker that Home Assistant talks to.
    pub broker: Broker,
    /// The user to log in as.
    pub username: Option<String>,
    /// The name of that user's password.
    pub password: Option<SecretRef>,
    /// A file of PEM certificates that are trusted in addition, for a broker with its own authority.
    pub ca: Option<PathBuf>,
    /// The topic under which Home Assistant looks for devices.
    pub prefix: String,
}

/// An MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port. The default is 1883, or 8883 for TLS.
    pub port: u16,
    /// Whether the connection is protected by TLS.
    pub tls: bool,
}

/// Home Assistant's default discovery prefix.
const PREFIX: &str = "homeassistant";

/// The longest prefix, in bytes: it leaves room for the rest of a topic.
const LONGEST_PREFIX: usize = 100;

impl HomeAssistant {
    pub(crate) fn read(mut section: Section<'_>) -> Option<HomeAssistant> {
        let broker = section.need("broker", "broker = \"mqtt://192.168.1.10\"").get("broker");
        let broker = broker.and_then(|text: String| section.check("broker", broker_at(&text)));
        let ca = section.file("ca");
        if ca.is_some() && broker.as_ref().is_some_and(|broker| !broker.tls) {
            let help = "write `mqtts://…` as the broker, or remove this line";
            section.reject_key("ca", Diagnostic::new("certificates are for a broker with TLS", help));
        }
        let (username, password) = section.login();
        let prefix = section.get("prefix").and_then(|prefix: String| section.check("prefix", topic(prefix)));
        section.finish();
        let prefix = prefix.unwrap_or_else(|| PREFIX.to_owned());
        Some(HomeAssistant { broker: broker?, username, password, ca, prefix })
    }
}

fn broker_at(text: &str) -> Result<Broker, Diagnostic> {
    let help = "write it like `mqtt://192.168.1.10:1883`, or `mqtts://192.168.1.10:8883` for TLS";
    let wrong = || Diagnostic::new(format!("`{}` is not the address of an MQTT broker", text.escape_debug()), help);
    let url = Url::parse(text).map_err(|_| wrong())?;
    let (tls, usual) = match url.scheme() {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        _ => return Err(wrong()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        let help = "`username` and `password` are keys of their own";
        return Err(Diagnostic::new("the address of a broker names neither user nor password", help));
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let port = url.port().unwrap_or(usual);
    if bare && is_host(host) && port > 0 { Ok(Broker { host: host.to_owned(), port, tls }) } else { Err(wrong()) }
}

/// Checks that a topic has no wildcards.
fn topic(text: String) -> Result<String, Diagnostic> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let whole = text.split('/').all(|level| !level.is_empty());
    if whole && text.len() <= LONGEST_PREFIX && text.bytes().all(plain) {
        return Ok(text);
    }
    let help = "use letters, digits, `-`, `_` and `.`, with `/` between them";
    Err(Diagnostic::new(format!("`{}` cannot be the beginning of a topic", text.escape_debug()), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_host_a_port_and_perhaps_tls() {
        let read = |text: &str| broker_at(text).map(|broker| (broker.host, broker.port, broker.tls)).ok();
        for (text, host, port, tls) in [
            ("mqtt://homeassistant.local", "homeassistant.local", 1883, false),
            ("mqtt://homeassistant.local:1884/", "homeassistant.local", 1884, false),
            ("mqtts://10.0.0.7", "10.0.0.7", 8883, true),
            ("mqtts://[fd00::7]:1234", "fd00::7", 1234, true),
        ] {
            assert_eq!(read(text), Some((host.to_owned(), port, tls)), "{text}");
        }
        for text in [
            "",
            "home",
            "home:1883",
            "http://home",
            "mqtt://",
            "mqtt:home",
            "mqtt://home:0",
            "mqtt://home:65536",
            "mqtt://home/topic",
            "mqtt://home?a=b",
            "mqtt://a b",
            "mqtt://dag:hunter2@home",
            "mqtt://dag@home",
            "ws://home",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_names_one_place() {
        for good in ["homeassistant", "home/assistant-2", "a.b_c"] {
            assert!(topic(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", "a/#", "+", "$SYS", "a b", "ä", "a\0", &"a".repeat(101)] {
            assert!(topic(bad.to_owned()).is_err(), "{bad}");
        }
    }
}

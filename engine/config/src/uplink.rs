//! `[uplink]`: the connection of a device to the cloud.

use std::path::PathBuf;

use dag_engine::{Millis, Name};

use crate::{diagnostic::Diagnostic, host::is_host, section::Section, storage::size};

/// The section `[uplink]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The broker's name or address, without a port.
    pub endpoint: String,
    /// Its port: 8883, or 443 where a network lets nothing else through.
    pub port: u16,
    /// A file of PEM certificates of the broker's authorities. Without one the usual authorities are trusted.
    pub ca: Option<PathBuf>,
    /// The file with the device's own certificate, in PEM.
    pub certificate: PathBuf,
    /// The file with the key of that certificate, in PEM.
    pub key: PathBuf,
    /// The silence after which a sign of life is sent, from 30 s to 20 min.
    pub keep_alive: Millis,
    /// The first level of every topic.
    pub topics: Name,
    /// The room for readings that the broker has not confirmed yet, in bytes.
    pub keep: u64,
    /// The public Ed25519 key, 32 bytes in base64, that rules from the cloud are checked by. Without it none are taken.
    pub rules_key: Option<String>,
}

const PORT: u16 = 8_883;
const KEEP_ALIVE: Millis = Millis::new(60_000);
const SHORTEST_KEEP_ALIVE: Millis = Millis::new(30_000);
const LONGEST_KEEP_ALIVE: Millis = Millis::new(1_200_000);
pub(crate) const TOPICS: Name = Name::new_static("dag");
const KEEP: u64 = 1 << 20;
const LEAST: u64 = 64 << 10;
/// The longest first level, in bytes: AWS IoT allows 256 for a topic, which holds a device's id too.
const LONGEST_TOPICS: usize = 64;

/// The keys that each device has of its own, with examples.
const OWN: [(&str, &str); 3] = [
    ("endpoint", "endpoint = \"….iot.eu-west-1.amazonaws.com\""),
    ("certificate", "certificate = \"device.pem\""),
    ("key", "key = \"device.key\""),
];

impl Uplink {
    /// Reads the section, and returns the first level of the topics with it.
    ///
    /// The configuration of a fleet, `of_a_fleet`, has a section `[aws]`. There the section may hold only what all
    /// devices have in common, without the keys that each has of its own; no device can connect by it then.
    pub(crate) fn read(mut section: Section<'_>, of_a_fleet: bool) -> Option<(Option<Uplink>, Name)> {
        let own = !of_a_fleet || OWN.iter().any(|(key, _)| section.has(key));
        if own {
            for (key, example) in OWN {
                section.need(key, example);
            }
        }
        let endpoint = section.get("endpoint");
        let endpoint = endpoint.and_then(|host: String| {
            let help = "write its name alone: no `mqtts://`, and the port is a key of its own";
            let wrong = || Diagnostic::new(format!("`{host}` is not the name of a broker"), help);
            section.check("endpoint", if is_host(&host) { Ok(host) } else { Err(wrong()) })
        });
        let port = section.number("port", 1..=65_535);
        let ca = section.file("ca");
        let certificate = section.file("certificate");
        let key = section.file("key");
        let keep_alive = section.length("keep_alive", SHORTEST_KEEP_ALIVE..=LONGEST_KEEP_ALIVE);
        let topics = section.get("topics").and_then(|topics: String| section.check("topics", level(&topics)));
        let keep = section.get("keep").and_then(|text: String| section.check("keep", size(&text, LEAST)));
        let rules_key = section.get("rules_key").and_then(|key: String| section.check("rules_key", public_key(key)));
        section.finish();
        let topics = topics.unwrap_or(TOPICS);
        if !own {
            return Some((None, topics));
        }
        let uplink = Uplink {
            endpoint: endpoint?,
            port: port.unwrap_or(PORT),
            ca,
            certificate: certificate?,
            key: key?,
            keep_alive: keep_alive.unwrap_or(KEEP_ALIVE),
            topics: topics.clone(),
            keep: keep.unwrap_or(KEEP),
            rules_key,
        };
        Some((Some(uplink), topics))
    }
}

/// Checks one level of a topic. Characters with a meaning in topics, topic filters or the SQL of topic rules are
/// refused.
fn level(text: &str) -> Result<Name, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=LONGEST_TOPICS).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(Name::new(text));
    }
    Err(format!(
        "`{text}` cannot begin topics: it is one word of letters, digits, `-` and `_`, at most {LONGEST_TOPICS} of them"
    ))
}

/// Checks the form only: 32 bytes in base64. Whether it is a point on the curve shows when a signature is verified.
fn public_key(text: String) -> Result<String, Diagnostic> {
    // 43 digits of 6 bits, the last of which carries 4, and one `=`.
    let digits = text.strip_suffix('=').unwrap_or_default();
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let whole = |last: u8| b"AEIMQUYcgkosw048".contains(&last);
    if digits.len() == 43 && digits.bytes().all(digit) && digits.bytes().last().is_some_and(whole) {
        return Ok(text);
    }
    let help = "it is the line that `dag-infra provision` writes: 32 bytes in base64";
    Err(Diagnostic::new("this is no public key", help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_32_bytes_in_base64() {
        let (zeros, ones) = (format!("{}=", "A".repeat(43)), format!("{}8=", "/".repeat(42)));
        for good in [&zeros, &ones] {
            assert!(public_key(good.clone()).is_ok_and(|read| read == *good), "{good}");
        }
        let loose = format!("{}B=", "A".repeat(42));
        for bad in
            ["", "=", "AAAA", &"A".repeat(43), &"A".repeat(44), &loose, &zeros.replace("A=", "-="), "MCowBQYDK2Vw"]
        {
            assert!(public_key(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn topics_begin_with_one_level() {
        assert_eq!(level("dag-test_2"), Ok(Name::new("dag-test_2")));
        for bad in ["", "a/b", "+", "#", "$aws", "a b", "it's", "ü", &"a".repeat(65)] {
            assert!(level(bad).is_err(), "{bad}");
        }
    }
}

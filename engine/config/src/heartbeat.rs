//! `[heartbeat.NAME]`: a service that is called regularly, and that tells somebody when the calls stop.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Millis, Name, SecretRef};
use url::Url;

use crate::{device::is_device_id, diagnostic::Diagnostic, section::Section};

/// The section `[heartbeat.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The address that is called.
    pub url: HeartbeatUrl,
    /// The interval of the calls, from 10 s to a day.
    pub every: Millis,
}

/// The address of a heartbeat. Whoever knows it can call it, so that it is kept like a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum HeartbeatUrl {
    /// The URL itself.
    Plain(String),
    /// The place where the URL is kept.
    Secret(SecretRef),
}

/// Shows the place of a URL, and never the URL itself.
impl fmt::Debug for HeartbeatUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeartbeatUrl::Plain(_) => f.write_str("Plain(…)"),
            HeartbeatUrl::Secret(secret) => f.debug_tuple("Secret").field(secret).finish(),
        }
    }
}

/// The interval that services suggest: five minutes.
const EVERY: Millis = Millis::new(300_000);
const SHORTEST: Millis = Millis::new(10_000);
const LONGEST: Millis = Millis::new(86_400_000);

impl Heartbeat {
    /// Reads the sections under `[heartbeat]`.
    pub(crate) fn read_all(mut section: Section<'_>) -> BTreeMap<Name, Heartbeat> {
        // Somebody who wrote the keys without a name meant one heartbeat.
        if ["url", "every"].iter().any(|key| section.has(key) && !section.holds(key, "url")) {
            section.reject(Diagnostic::new("a heartbeat has a name", "write `[heartbeat.NAME]`"));
            return BTreeMap::new();
        }
        let names = section.left();
        let read = |name: &String| Some((Name::new(name), section.table(name).and_then(Heartbeat::read)?));
        names.iter().filter_map(read).collect()
    }

    fn read(mut section: Section<'_>) -> Option<Heartbeat> {
        let name = section.name().to_owned();
        if !is_device_id(&name) {
            let help = "use letters, digits, `-` and `_`, at most 64";
            section.reject(Diagnostic::new(format!("`{name}` cannot be the name of a heartbeat"), help));
        }
        let url = section.need("url", "url = \"https://hc-ping.com/…\"").get("url");
        let url = url.and_then(|text: String| section.check("url", address(text)));
        let every = section.length("every", SHORTEST..=LONGEST);
        section.finish();
        Some(Heartbeat { url: url?, every: every.unwrap_or(EVERY) })
    }
}

/// Reads an address or the place of one. The problem does not repeat the text, which may be secret.
fn address(text: String) -> Result<HeartbeatUrl, Diagnostic> {
    if let Ok(secret) = text.parse() {
        return Ok(HeartbeatUrl::Secret(secret));
    }
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => match misplaced_part(&url) {
            None => Ok(HeartbeatUrl::Plain(text)),
            Some(part) => {
                let help = format!("leave `{part}` out: it is added where it belongs");
                Err(Diagnostic::new(format!("each call of this heartbeat would say `{part}`"), help))
            }
        },
        _ => {
            let help = "write it like `https://hc-ping.com/…`, or name its place: `env:NAME`, `file:PATH`";
            Err(Diagnostic::new("this is not the address of a heartbeat", help))
        }
    }
}

/// Returns the part of an address by which no call says that all is well: services show addresses for a failure, a
/// start and a line of a log beside the plain one, and a URL is easily copied after a trial with them. `None` if there
/// is none.
pub fn misplaced_part(url: &Url) -> Option<&'static str> {
    // A path of one part is the address itself, on a server of one's own.
    let mut path: Vec<&str> = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let end = path.pop().filter(|_| !path.is_empty());
    let ends = [("fail", "/fail"), ("start", "/start"), ("log", "/log")];
    let states = [("status", "down", "status=down"), ("state", "fail", "state=fail"), ("state", "run", "state=run")];
    let in_path = ends.iter().find(|(part, _)| end.is_some_and(|end| end.eq_ignore_ascii_case(part)));
    let in_query = states
        .iter()
        .find(|(key, value, _)| url.query_pairs().any(|(name, said)| name == *key && said.eq_ignore_ascii_case(value)));
    in_path.map(|(_, part)| *part).or(in_query.map(|(_, _, part)| *part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_the_place_of_one() {
        for url in ["https://hc-ping.com/5b7c", "http://192.168.1.20:3001/api/push/k?status=up&msg=OK&ping="] {
            assert_eq!(address(url.to_owned()).unwrap(), HeartbeatUrl::Plain(url.to_owned()));
        }
        for secret in ["env:HEARTBEAT", "file:secrets/heartbeat"] {
            assert_eq!(address(secret.to_owned()).unwrap(), HeartbeatUrl::Secret(secret.parse().unwrap()));
        }
        for bad in ["", "hc-ping.com/5b7c", "ftp://example.com/x", "https://", "env:", "mailto:nor@example.com"] {
            assert!(address(bad.to_owned()).is_err(), "{bad}");
        }
    }

    /// The quick-start commands of healthchecks.io end in `/fail` and `/start`, and a check that is called so is down
    /// for ever.
    #[test]
    fn an_address_that_never_says_that_all_is_well_is_refused() {
        for (url, part) in [
            ("https://hc-ping.com/5b7c/fail", "/fail"),
            ("https://hc-ping.com/5b7c/start/", "/start"),
            ("https://hc.example.org/ping/key/cottage/log?create=1", "/log"),
            ("https://uptime.betterstack.com/api/v1/heartbeat/KEY/Fail", "/fail"),
            ("http://kuma.lan/api/push/k?status=down&msg=OK&ping=", "status=down"),
            ("https://cronitor.link/p/key/cottage?state=fail", "state=fail"),
            ("https://cronitor.link/p/key/cottage?state=run", "state=run"),
        ] {
            let refused = address(url.to_owned()).unwrap_err();
            let expected = Diagnostic::new(
                format!("each call of this heartbeat would say `{part}`"),
                format!("leave `{part}` out: it is added where it belongs"),
            );
            assert_eq!(format!("{refused:?}"), format!("{expected:?}"), "{url}");
        }
        for url in [
            "https://hc-ping.com/key/failover",
            "https://example.org/log",
            "http://kuma.lan/api/push/k?status=up&msg=down",
            "https://cronitor.link/p/key/cottage?state=complete",
        ] {
            assert!(address(url.to_owned()).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_url_is_not_shown() {
        let shown = format!("{:?}", HeartbeatUrl::Plain("https://hc-ping.com/5b7c".to_owned()));
        assert_eq!(shown, "Plain(…)");
    }
}

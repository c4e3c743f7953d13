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
                let message = format!("by `{part}` in its address, no call of this heartbeat says that all is well");
                Err(Diagnostic::new(message, "leave that part out: it is added where it belongs"))
            }
        },
        _ => {
            let help = "write it like `https://hc-ping.com/…`, or name its place: `env:NAME`, `file:PATH`";
            Err(Diagnostic::new("this is not the address of a heartbeat", help).hiding())
        }
    }
}

/// Returns the part of an address by which no call says that all is well: services show addresses for a failure, a
/// start and a line of a log beside the plain one, and one of them is easily copied. `None` if there is none.
pub fn misplaced_part(url: &Url) -> Option<&'static str> {
    // A path of one part is the address itself, on a server of one's own.
    let mut path: Vec<&str> = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let end = path.pop().filter(|_| !path.is_empty()).unwrap_or_default();
    let ends = ["/fail", "/start", "/log"];
    if let Some(part) = ends.into_iter().find(|part| part[1..].eq_ignore_ascii_case(end)) {
        return Some(part);
    }
    // Uptime Kuma takes everything but `up` for a failure.
    let is_kuma = url.path().contains("/api/push/");
    url.query_pairs().find_map(|(key, value)| match (&*key, &*value) {
        ("status", "" | "up") => None,
        ("status", _) if is_kuma => Some("status="),
        ("status", "down" | "fail") => Some("status="),
        ("state", "fail" | "run") => Some("state="),
        _ => None,
    })
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

    /// A check that is called at `/fail` is down for ever. So is a monitor of Uptime Kuma at the address that version
    /// 1.15.1 showed (louislam/uptime-kuma, issues 1593 and 1613).
    #[test]
    fn an_address_that_never_says_that_all_is_well_is_refused() {
        for (url, part) in [
            ("https://hc-ping.com/5b7c/fail", "/fail"),
            ("https://hc-ping.com/5b7c/start/", "/start"),
            ("https://hc.example.org/ping/key/cottage/log?create=1", "/log"),
            ("https://uptime.betterstack.com/api/v1/heartbeat/KEY/Fail", "/fail"),
            ("http://kuma.lan/api/push/k?status=down&msg=OK&ping=", "status="),
            ("http://kuma.lan/api/push/k?status=true&msg=OK&ping=", "status="),
            ("https://example.org/beat?status=down", "status="),
            ("https://cronitor.link/p/key/cottage?state=fail", "state="),
            ("https://cronitor.link/p/key/cottage?state=run", "state="),
        ] {
            let refused = address(url.to_owned()).unwrap_err();
            let expected = Diagnostic::new(
                format!("by `{part}` in its address, no call of this heartbeat says that all is well"),
                "leave that part out: it is added where it belongs",
            );
            assert_eq!(format!("{refused:?}"), format!("{expected:?}"), "{url}");
        }
        for url in [
            "https://hc-ping.com/key/failover",
            "https://example.org/log",
            "http://kuma.lan/api/push/k?status=up&msg=down",
            "https://example.org/beat?status=ok",
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

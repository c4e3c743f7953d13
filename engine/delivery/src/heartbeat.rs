//! Signs of life: calls to a service that tells somebody when they stop.
//!
//! Services differ in how they take anything but the plain call:
//!
//! | service | the plain call | a start | a failure |
//! |---|---|---|---|
//! | healthchecks.io, Better Stack, most others | `GET URL` | `GET URL/start` | `POST URL/fail`, the reasons as body |
//! | Uptime Kuma (`…/api/push/KEY`, or `status=` in the query) | `GET URL` | nothing | `GET URL?status=down&msg=…` |
//! | Cronitor (`cronitor.link`, or `state=` in the query) | `GET URL` | nothing | `GET URL?state=fail&message=…` |
//!
//! Uptime Kuma before 2.0 refuses `POST`, and Cronitor makes a new monitor of an unknown path, so that both get all in
//! the query. The rest of a query stays as it is.
//!
//! - <https://healthchecks.io/docs/signaling_failures/>
//! - <https://betterstack.com/docs/uptime/cron-and-heartbeat-monitor/>
//! - <https://cronitor.io/docs/telemetry-api>
//! - <https://github.com/louislam/uptime-kuma>, `server/routers/api-router.js`

use dag_config::{HeartbeatUrl, Secrets, misplaced_part};
use reqwest::{Method, header::LOCATION};
use url::Url;

use crate::{
    Failure,
    http::{HttpClient, callable, read},
    words::{one_line, shortened},
};

/// The longest reasons in a body, in characters. Services keep some kilobytes at least.
const LONGEST_BODY: usize = 2_000;

/// The longest reasons in a query, in characters: they become one line of a status page.
const LONGEST_QUERY: usize = 250;

/// The content of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The monitor was started.
    Start,
    /// The monitor is well.
    Alive,
    /// Something is wrong with the monitor. The text has a reason a line.
    Failing(String),
}

/// How a service takes a start and a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// By the end of the path.
    Path,
    /// By two keys of the query: the state with its value for a failure, and the reasons.
    Query { state: (&'static str, &'static str), reasons: &'static str },
}

const UPTIME_KUMA: Service = Service::Query { state: ("status", "down"), reasons: "msg" };
const CRONITOR: Service = Service::Query { state: ("state", "fail"), reasons: "message" };

impl Service {
    fn of(url: &Url) -> Service {
        let has = |key: &str| url.query_pairs().any(|(name, _)| name == key);
        if has("status") || url.path().contains("/api/push/") {
            UPTIME_KUMA
        } else if has("state") || url.host_str() == Some("cronitor.link") {
            CRONITOR
        } else {
            Service::Path
        }
    }
}

/// The client of heartbeats.
#[derive(Clone, Debug)]
pub(crate) struct HeartbeatClient {
    http: HttpClient,
    secrets: Secrets,
}

impl HeartbeatClient {
    pub fn new(http: HttpClient, secrets: Secrets) -> Self {
        HeartbeatClient { http, secrets }
    }

    /// Calls the service once. A service that takes no start is not called for one.
    ///
    /// # Errors
    /// The address cannot be read or may not be called, or the service did not take the call. No error shows more of
    /// the address than its host, and none quotes the response: some repeat the address.
    pub async fn beat(&self, url: &HeartbeatUrl, signal: &Signal) -> Result<(), Failure> {
        let text = match url {
            HeartbeatUrl::Plain(text) => text.clone(),
            HeartbeatUrl::Secret(secret) => {
                self.secrets.resolve(secret).map_err(|error| Failure::later(error.to_string()))?
            }
        };
        let wrong = || Failure::later("the address of the heartbeat is not an `https://` URL");
        let url = callable(&text).ok_or_else(wrong)?;
        if let Some(part) = misplaced_part(&url) {
            let told = format!("by `{part}` in its address, no call of this heartbeat says that all is well");
            return Err(Failure::later(format!("{told}: leave that part out")));
        }
        let Some((method, url, body)) = call(url, signal) else { return Ok(()) };
        let mut request = self.http.request(method, &url);
        if let Some(body) = body {
            request = request.header("content-type", "text/plain; charset=utf-8").body(body);
        }
        let response = self.http.send(&url, request).await?;
        let host = url.host_str().unwrap_or_default();
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let target = location.and_then(|location| url.join(location).ok());
            let target = target.map_or_else(|| "elsewhere".to_owned(), |url| url.origin().ascii_serialization());
            return Err(Failure::later(format!("{host} answered {status} and points to {target}: set that address")));
        }
        if !status.is_success() {
            let advice = if status.is_client_error() { ": is the address right?" } else { "" };
            return Err(Failure::later(format!("{host} answered {status}{advice}")));
        }
        match refusal(&read(response).await) {
            Some(refusal) => Err(Failure::later(format!("{host} {refusal}"))),
            None => Ok(()),
        }
    }
}

/// Returns the request for a signal: method, URL and body. `None` if the service takes no such signal.
fn call(mut url: Url, signal: &Signal) -> Option<(Method, Url, Option<String>)> {
    match (Service::of(&url), signal) {
        (_, Signal::Alive) => Some((Method::GET, url, None)),
        (Service::Path, Signal::Start) => Some((Method::GET, with_end(url, "start"), None)),
        (Service::Path, Signal::Failing(reasons)) => {
            Some((Method::POST, with_end(url, "fail"), Some(shortened(reasons, LONGEST_BODY))))
        }
        (Service::Query { .. }, Signal::Start) => None,
        (Service::Query { state, reasons: key }, Signal::Failing(reasons)) => {
            let kept = url.query_pairs().filter(|(name, _)| *name != state.0 && *name != key);
            let kept: Vec<(String, String)> = kept.map(|(name, value)| (name.into(), value.into())).collect();
            let reasons = one_line(&reasons.replace('\n', "; "), LONGEST_QUERY);
            url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs([state, (key, reasons.as_str())]);
            Some((Method::GET, url, None))
        }
    }
}

/// Returns the URL with a further part of its path, before the query.
fn with_end(mut url: Url, end: &str) -> Url {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(end);
    }
    url
}

/// Returns the refusal in the body of a response with a good status. healthchecks.io answers `OK (not found)` or
/// `OK (rate limited)`, and Uptime Kuma `{"ok": false, …}`. A web page comes from something else: Uptime Kuma's own
/// interface for a path that it does not know, or the log-in page of a network.
fn refusal(body: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(body);
    let refused = |answer: serde_json::Value| answer.get("ok") == Some(&serde_json::Value::Bool(false));
    let unknown = "does not know this heartbeat: copy its address again";
    match text.trim() {
        text if is_page(text) => Some("answered with a web page: copy the address again"),
        "OK (not found)" => Some(unknown),
        "OK (rate limited)" => Some("takes no more calls for now: give each monitor a heartbeat of its own"),
        text if serde_json::from_str(text).is_ok_and(refused) => Some(unknown),
        _ => None,
    }
}

/// Returns whether a text is a web page. No service takes a call with one.
fn is_page(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let begins = |with: &str| text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    begins("<!doctype html") || begins("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(url: &str, signal: &Signal) -> String {
        match call(url.parse().unwrap(), signal) {
            Some((method, url, None)) => format!("{method} {url}"),
            Some((method, url, Some(body))) => format!("{method} {url} {body}"),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn each_service_is_called_in_its_way() {
        let failing = Signal::Failing("store: full & worn\nclock: not set".to_owned());
        for (url, start, alive, fails) in [
            (
                "https://hc-ping.com/5b7c",
                "GET https://hc-ping.com/5b7c/start",
                "GET https://hc-ping.com/5b7c",
                "POST https://hc-ping.com/5b7c/fail store: full & worn\nclock: not set",
            ),
            (
                "https://hc.example.org/ping/key/cottage/?create=1",
                "GET https://hc.example.org/ping/key/cottage/start?create=1",
                "GET https://hc.example.org/ping/key/cottage/?create=1",
                "POST https://hc.example.org/ping/key/cottage/fail?create=1 store: full & worn\nclock: not set",
            ),
            (
                "http://192.168.1.20:3001/api/push/k?status=up&msg=OK&ping=",
                "nothing",
                "GET http://192.168.1.20:3001/api/push/k?status=up&msg=OK&ping=",
                "GET http://192.168.1.20:3001/api/push/k?ping=&status=down&\
                 msg=store%3A+full+%26+worn%3B+clock%3A+not+set",
            ),
            (
                "http://kuma.lan/api/push/k",
                "nothing",
                "GET http://kuma.lan/api/push/k",
                "GET http://kuma.lan/api/push/k?status=down&msg=store%3A+full+%26+worn%3B+clock%3A+not+set",
            ),
            (
                "https://cronitor.link/p/key/cottage?host=pi",
                "nothing",
                "GET https://cronitor.link/p/key/cottage?host=pi",
                "GET https://cronitor.link/p/key/cottage?host=pi&state=fail&\
                 message=store%3A+full+%26+worn%3B+clock%3A+not+set",
            ),
        ] {
            assert_eq!(called(url, &Signal::Start), start);
            assert_eq!(called(url, &Signal::Alive), alive);
            assert_eq!(called(url, &failing), fails);
        }
    }

    #[test]
    fn reasons_are_bounded() {
        let long = Signal::Failing("ü".repeat(10_000));
        let Some((_, _, Some(body))) = call("https://hc-ping.com/5b7c".parse().unwrap(), &long) else { panic!() };
        assert_eq!(body.chars().count(), LONGEST_BODY);
        let Some((_, url, None)) = call("https://kuma.lan/api/push/k".parse().unwrap(), &long) else { panic!() };
        assert!(url.as_str().len() < 2_000);
    }

    /// Uptime Kuma answers a path that it does not know with its interface and 200, as does a portal that wants a log-in.
    #[test]
    fn a_web_page_is_a_refusal() {
        for page in ["<!DOCTYPE html><html></html>", " \r\n<!doctype HTML>\n", "<html lang=\"en\">", "\u{feff}<HTML>"] {
            assert_eq!(refusal(page.as_bytes()), Some("answered with a web page: copy the address again"), "{page}");
        }
        for taken in ["<ok/>", "<?xml version=\"1.0\"?><ok/>", "<!doctypö"] {
            assert_eq!(refusal(taken.as_bytes()), None, "{taken}");
        }
    }

    #[test]
    fn a_good_status_may_carry_a_refusal() {
        for taken in ["OK", "", "ok", "{\"ok\":true}", "OK (something new)"] {
            assert_eq!(refusal(taken.as_bytes()), None, "{taken}");
        }
        for refused in ["OK (not found)", "OK (rate limited)\n", r#"{"ok":false,"msg":"Monitor not found."}"#] {
            assert!(refusal(refused.as_bytes()).is_some(), "{refused}");
        }
    }
}

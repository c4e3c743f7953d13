//! The meaning of a webhook's response.

use dag_engine::{Millis, Time};
use reqwest::{
    StatusCode,
    header::{HeaderMap, LOCATION, RETRY_AFTER},
};

use crate::{Failure, Receipt, words::one_line};

/// The longest excerpt of a response in an error, in characters.
const EXCERPT: usize = 200;

/// Returns whether the body is read: that of an error may say why.
pub(super) fn needs_body(status: StatusCode) -> bool {
    !status.is_success() && !status.is_redirection()
}

/// Returns the result of an attempt by its response at `now`.
///
/// # Errors
/// [`Failure::Retry`] for 408, 425, 429 and 5xx, with the pause of `Retry-After`. [`Failure::Permanent`] for every
/// other response but success. A redirect is one of them: a message that is signed for one receiver does not go to
/// another.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Time) -> Result<Receipt, Failure> {
    if status.is_success() {
        return Ok(Receipt { answer: status.to_string() });
    }
    if let Some(location) = headers.get(LOCATION).filter(|_| status.is_redirection()) {
        let location = one_line(&String::from_utf8_lossy(location.as_bytes()), EXCERPT);
        let error = format!("the receiver answered {status} and points to {location}: set that address instead");
        return Err(Failure::Permanent { error });
    }
    let excerpt = one_line(&String::from_utf8_lossy(body), EXCERPT);
    let excerpt = if excerpt.is_empty() { excerpt } else { format!(": {excerpt}") };
    let error = format!("the receiver answered {status}{excerpt}");
    let can_retry = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    if can_retry {
        Err(Failure::Retry { error, after: retry_after(headers, now) })
    } else {
        Err(Failure::Permanent { error })
    }
}

/// Returns the pause that the receiver asks for, in seconds or until a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Time) -> Option<Millis> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large means the longest pause.
        let seconds: i64 = text.parse().unwrap_or(i64::MAX);
        return Some(Millis::new(seconds.saturating_mul(1_000)));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Time::from(date.timestamp()).since(now))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn judged(
        status: u16,
        header: Option<(reqwest::header::HeaderName, &str)>,
        body: &str,
    ) -> Result<Receipt, Failure> {
        let header = header.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
        let now = "2026-01-10T14:00:00Z".parse().unwrap();
        judge(StatusCode::from_u16(status).unwrap(), &header.into_iter().collect(), body.as_bytes(), now)
    }

    fn after(text: &str) -> Option<Millis> {
        match judged(429, Some((RETRY_AFTER, text)), "") {
            Err(Failure::Retry { after, .. }) => after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_status_says_whether_to_retry() {
        for status in [200, 201, 202, 204, 299] {
            assert!(judged(status, None, "").is_ok(), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(judged(status, None, ""), Err(Failure::Retry { after: None, .. })), "{status}");
        }
        for status in [300, 301, 304, 307, 400, 401, 403, 404, 410, 413, 422] {
            assert!(matches!(judged(status, None, ""), Err(Failure::Permanent { .. })), "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("120"), Some(Millis::new(120_000)));
        assert_eq!(after("Sat, 10 Jan 2026 14:00:30 GMT"), Some(Millis::new(30_000)));
        assert_eq!(after("Sat, 10 Jan 2026 13:00:00 GMT"), Some(Millis::ZERO));
        assert_eq!(after("99999999999999999999"), Some(Millis::new(i64::MAX)));
        for nonsense in ["", "soon", "-5", "1.5", "10 Jan"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_failure_quotes_the_receiver() {
        let error = |status, header, body| judged(status, header, body).unwrap_err().to_string();
        assert_eq!(
            error(400, None, "{\n  \"error\": \"no topic\"\n}"),
            r#"the receiver answered 400 Bad Request: { "error": "no topic" }"#
        );
        assert_eq!(error(503, None, ""), "the receiver answered 503 Service Unavailable");
        assert_eq!(
            error(308, Some((LOCATION, "https://example.com/new")), "moved"),
            "the receiver answered 308 Permanent Redirect and points to https://example.com/new: set that address \
             instead"
        );
        assert!(error(500, None, &"x".repeat(9_000)).len() < 300);
    }
}

//! Webhooks against a receiver that verifies with the Standard Webhooks package.

use std::{path::Path, time::Duration};

use dag_config::{Email, Network, Secrets, Security, Ses, Smtp, Transport, Webhook};
use dag_delivery::{Delivery, Failure, Limits, Receipt, Templates};
use dag_engine::{Kind, Millis, Notification, Time};

use crate::{
    peer::Peer,
    sample::{notification, t, to_webhook},
};

/// Returns the time by the receiver's clock. The receiver verifies that a request is recent.
fn now() -> Time {
    jiff::Timestamp::now().into()
}

/// Returns a delivery with a mail server that no test connects to, so that webhooks are called.
pub fn delivery(allowed: &[&str], timeout: u64) -> Delivery {
    let smtp = Smtp {
        server: "localhost".into(),
        port: None,
        security: Security::Plain,
        ca: None,
        username: None,
        password: None,
    };
    let email = Email {
        transport: Transport::Smtp,
        from: "dag@example.com".into(),
        outbox: "unused".into(),
        smtp: Some(smtp),
        ses: Ses::default(),
    };
    let allowed = allowed.iter().map(|network| Network::try_from((*network).to_owned()).unwrap());
    let webhook = Webhook { allow_private: allowed.collect() };
    let limits = Limits { webhook: Duration::from_millis(timeout), ..Limits::default() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secrets");
    Delivery::new(&email, &webhook, Secrets::of_machine(&root), limits).unwrap()
}

async fn send(delivery: &Delivery, message: &Notification) -> Result<Receipt, Failure> {
    let (prepared, problems) = Templates::built_in().prepare(message);
    assert_eq!(problems, []);
    delivery.send(message, &prepared, now()).await
}

/// Sends one request to the receiver's path `path`, without a signature.
async fn call(receiver: &Peer, path: &str, timeout: u64) -> Result<Receipt, Failure> {
    let message = to_webhook(&format!("http://127.0.0.1:{}/{path}", receiver.port), None, &[]);
    send(&delivery(&["127.0.0.1"], timeout), &message).await
}

/// Returns a failure without the receiver's port: its text, whether it is retried, and the pause.
fn failure(receiver: &Peer, result: Result<Receipt, Failure>) -> (String, Option<bool>, Option<Millis>) {
    let tell = |error: String| error.replace(&receiver.port.to_string(), "PORT");
    match result.unwrap_err() {
        Failure::Retry { error, after } => (tell(error), Some(true), after),
        Failure::Permanent { error } => (tell(error), None, None),
    }
}

const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "a secret in plain words";

#[tokio::test]
async fn a_call_is_verified_with_either_secret_of_a_rotation() {
    let mut receiver = Peer::start("webhook.py", &[NEW, OLD, "whsec_d3Jvbmc="]);
    let url = format!("http://127.0.0.1:{}/ok", receiver.port);
    let message = to_webhook(&url, None, &["file:new", "file:old"]);
    let receipt = send(&delivery(&["127.0.0.0/8"], 5_000), &message).await.unwrap();
    assert_eq!(receipt.answer, "200 OK");
    let call = receiver.next();
    assert_eq!(call["verified"], serde_json::json!([true, true, false]), "{call}");
    assert_eq!(call["headers"]["webhook-id"], message.id.to_string());
    assert_eq!(call["headers"]["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["id"], message.id.to_string());
}

#[tokio::test]
async fn a_retry_sends_the_same_id_and_bytes_at_its_own_time() {
    let mut receiver = Peer::start("webhook.py", &[NEW]);
    let url = format!("http://127.0.0.1:{}/flaky", receiver.port);
    let message = to_webhook(&url, None, &["file:new"]);
    let (prepared, _) = Templates::built_in().prepare(&message);
    let delivery = delivery(&["127.0.0.1"], 5_000);
    let first = delivery.send(&message, &prepared, now()).await;
    assert_eq!(
        first,
        Err(Failure::Retry { error: "the receiver answered 500 Internal Server Error: try again".into(), after: None })
    );
    delivery.send(&message, &prepared, now() + Millis::new(7_000)).await.unwrap();
    let (first, second) = (receiver.next(), receiver.next());
    assert_eq!((&first["verified"][0], &second["verified"][0]), (&true.into(), &true.into()));
    assert_eq!(first["body"], second["body"]);
    assert_eq!(first["headers"]["webhook-id"], second["headers"]["webhook-id"]);
    assert_ne!(first["headers"]["webhook-timestamp"], second["headers"]["webhook-timestamp"]);
}

#[tokio::test]
async fn ntfy_is_called_at_its_root_and_finds_its_topic_in_the_body() {
    let mut receiver = Peer::start("webhook.py", &[]);
    let url = format!("http://127.0.0.1:{}/ok/outages?auth=x", receiver.port);
    send(&delivery(&["127.0.0.1"], 5_000), &to_webhook(&url, Some("ntfy"), &[])).await.unwrap();
    let call = receiver.next();
    assert_eq!(call["path"], "/ok/?auth=x");
    assert!(call["body"].as_str().unwrap().contains(r#""topic":"outages""#), "{call}");
    assert!(call["headers"].get("webhook-signature").is_none());
}

#[tokio::test]
async fn errors_of_a_receiver_are_shown_and_bounded() {
    let receiver = Peer::start("webhook.py", &[]);
    insta::assert_debug_snapshot!(failure(&receiver, call(&receiver, "hang", 200).await));
    insta::assert_debug_snapshot!(failure(&receiver, call(&receiver, "redirect", 5_000).await));
    insta::assert_debug_snapshot!(failure(&receiver, call(&receiver, "busy", 5_000).await));
    insta::assert_debug_snapshot!(failure(&receiver, call(&receiver, "gone", 5_000).await));
    assert_eq!(call(&receiver, "endless", 5_000).await.unwrap().answer, "200 OK");
    let (error, again, _) = failure(&receiver, call(&receiver, "endless-error", 5_000).await);
    assert!(error.starts_with("the receiver answered 400 Bad Request: xxx") && error.len() < 300, "{error}");
    assert_eq!(again, None);
    // Every request arrived once: the redirect was not followed.
    assert_eq!(receiver.end().len(), 6);
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let receiver = Peer::start("webhook.py", &[]);
    let delivery = delivery(&["127.0.0.1"], 60_000);
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", receiver.port);
    let (dead, alive) = (to_webhook(&url("hang"), None, &[]), to_webhook(&url("ok"), None, &[]));
    tokio::select! {
        biased;
        _ = send(&delivery, &dead) => panic!("the dead receiver answered"),
        answer = send(&delivery, &alive) => assert!(answer.is_ok()),
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again() {
    let mut receiver = Peer::start("webhook.py", &[]);
    let port = std::mem::take(&mut receiver.port);
    receiver.end();
    let message = to_webhook(&format!("http://127.0.0.1:{port}/token-in-the-path"), None, &[]);
    let error = send(&delivery(&["127.0.0.1"], 5_000), &message).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().starts_with("127.0.0.1 cannot be called: "), "{error}");
    assert!(!error.to_string().contains("token"), "an error shows no part of a URL that may be secret: {error}");
}

#[tokio::test]
async fn nothing_goes_out_unsigned_where_a_secret_is_missing() {
    let receiver = Peer::start("webhook.py", &[]);
    let url = format!("http://127.0.0.1:{}/ok", receiver.port);
    let delivery = delivery(&["127.0.0.1"], 5_000);
    for (secret, why) in [
        ("env:DAG_TEST_NOT_SET", "the environment variable `DAG_TEST_NOT_SET` is not set"),
        ("file:half", "what follows `whsec_` must be Base64"),
    ] {
        let error = send(&delivery, &to_webhook(&url, None, &["file:new", secret])).await.unwrap_err();
        assert!(matches!(error, Failure::Retry { .. }), "{error}");
        let told = format!("the webhook cannot be signed, and nothing is sent unsigned: {why}");
        assert!(error.to_string().starts_with(&told), "{error}");
    }
    assert_eq!(receiver.end().len(), 0);
}

#[tokio::test]
async fn private_addresses_are_refused_before_they_are_called() {
    let receiver = Peer::start("webhook.py", &[]);
    let port = receiver.port;
    let delivery = delivery(&["192.168.0.0/16"], 5_000);
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "169.254.169.254", "0.0.0.0"] {
        let error = send(&delivery, &to_webhook(&format!("http://{host}:{port}/ok"), None, &[])).await.unwrap_err();
        assert!(matches!(error, Failure::Permanent { .. }), "{host}: {error}");
        assert!(error.to_string().contains("`allow_private`"), "{host}: {error}");
    }
    // A name is looked up again at the next attempt, and may point elsewhere then.
    let error = send(&delivery, &to_webhook(&format!("http://localhost:{port}/ok"), None, &[])).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().contains("is on this machine: it is called only if"), "{error}");
    assert_eq!(receiver.end().len(), 0);
}

#[tokio::test]
async fn an_address_that_is_no_url_is_given_up_without_being_told() {
    for url in ["example.com/token", "ftp://example.com/token", "https://", "file:///etc/token"] {
        let error = send(&delivery(&[], 5_000), &to_webhook(url, None, &[])).await.unwrap_err();
        let told = "the webhook's address is not an `https://` URL".to_owned();
        assert_eq!(error, Failure::Permanent { error: told }, "{url}");
    }
}

#[tokio::test]
async fn content_of_another_channel_is_refused() {
    let mail = notification(Kind::Opened);
    let (prepared, _) = Templates::built_in().prepare(&mail);
    let hook = to_webhook("https://example.com", None, &[]);
    let refused = delivery(&[], 200).send(&hook, &prepared, t("2026-01-10T14:02:30Z")).await;
    assert_eq!(refused.unwrap_err().to_string(), "this content was prepared for another channel");
}

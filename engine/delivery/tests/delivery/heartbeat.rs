//! Heartbeats against a real receiver that answers as the services do.

use dag_config::HeartbeatUrl;
use dag_delivery::Signal;

use crate::{peer::Peer, webhook::delivery};

/// Calls the path of a receiver, and returns the error without its port.
async fn beat(receiver: &Peer, path: &str, signal: Signal, timeout: u64) -> Result<(), String> {
    let url = HeartbeatUrl::Plain(format!("http://127.0.0.1:{}/{path}", receiver.port));
    let result = delivery(&["127.0.0.1"], timeout).beat(&url, &signal).await;
    result.map_err(|error| error.to_string().replace(&receiver.port.to_string(), "PORT"))
}

#[tokio::test]
async fn a_service_hears_of_a_start_of_life_and_of_failures() {
    let mut service = Peer::start("webhook.py", &[]);
    for signal in [Signal::Start, Signal::Alive, Signal::Failing("power: gpio:4 is lost\nthe store: full".into())] {
        beat(&service, "ok/5b7c?create=1", signal, 5_000).await.unwrap();
    }
    let calls = [service.next(), service.next(), service.next()];
    let told = calls.each_ref().map(|call| {
        let part = |key: &str| call[key].as_str().unwrap_or_default();
        format!("{} {} {}", part("method"), part("path"), part("body"))
    });
    assert_eq!(
        told,
        [
            "GET /ok/5b7c/start?create=1 ",
            "GET /ok/5b7c?create=1 ",
            "POST /ok/5b7c/fail?create=1 power: gpio:4 is lost\nthe store: full"
        ]
    );
}

/// Uptime Kuma before 2.0 refuses a POST, and takes a failure in the query (favonia/cloudflare-ddns, issue 599).
#[tokio::test]
async fn uptime_kuma_hears_of_failures_by_its_query() {
    let mut service = Peer::start("webhook.py", &[]);
    let url = "api/push/k?status=up&msg=OK&ping=";
    beat(&service, url, Signal::Start, 5_000).await.unwrap();
    beat(&service, url, Signal::Failing("the store: full".into()), 5_000).await.unwrap();
    let call = service.next();
    assert_eq!((call["method"].as_str(), call["body"].as_str()), (Some("GET"), Some("")));
    assert_eq!(call["path"], "/api/push/k?ping=&status=down&msg=the+store%3A+full");
    assert_eq!(service.end().len(), 0, "nothing is called for a start");
}

#[tokio::test]
async fn a_service_that_does_not_take_the_call_is_told_without_the_address() {
    let service = Peer::start("webhook.py", &[]);
    for (path, told) in [
        ("hang/secret", "127.0.0.1 did not answer within 200 ms"),
        (
            "redirect/secret",
            "127.0.0.1 answered 308 Permanent Redirect and points to http://127.0.0.1:1: set that address",
        ),
        ("gone/secret", "127.0.0.1 answered 410 Gone: is the address right?"),
        ("flaky/secret", "127.0.0.1 answered 500 Internal Server Error"),
        // healthchecks.io answers 200 to an address that it does not know (bdd/runitor, issue 66).
        ("unknown/secret", "127.0.0.1 does not know this heartbeat: copy its address again"),
        ("limited/secret", "127.0.0.1 takes no more calls for now: give each monitor a heartbeat of its own"),
        ("page/secret", "127.0.0.1 answered with a web page: copy the address again"),
        // An address for failures alone is the same from a secret as in the configuration, which refuses it.
        (
            "ok/secret/fail",
            "by `/fail` in its address, no call of this heartbeat says that all is well: leave that part out",
        ),
        (
            "api/push/secret?status=down",
            "by `status=` in its address, no call of this heartbeat says that all is well: leave that part out",
        ),
        // The page of an error may repeat the address (louislam/uptime-kuma, issue 987).
        ("echo/secret", "127.0.0.1 answered 404 Not Found: is the address right?"),
    ] {
        let timeout = if path.starts_with("hang") { 200 } else { 5_000 };
        assert_eq!(beat(&service, path, Signal::Alive, timeout).await, Err(told.to_owned()));
    }
    let secret = HeartbeatUrl::Secret("env:DAG_TEST_NOT_SET".parse().unwrap());
    let error = delivery(&[], 200).beat(&secret, &Signal::Alive).await.unwrap_err().to_string();
    assert!(error.starts_with("the environment variable `DAG_TEST_NOT_SET` is not set"), "{error}");
    let private = HeartbeatUrl::Plain(format!("http://127.0.0.1:{}/secret", service.port));
    let error = delivery(&[], 200).beat(&private, &Signal::Alive).await.unwrap_err().to_string();
    assert!(error.starts_with("127.0.0.1 is on this machine: it is called only if `allow_private`"), "{error}");
    let nothing = HeartbeatUrl::Secret("file:old".parse().unwrap());
    let error = delivery(&[], 200).beat(&nothing, &Signal::Alive).await.unwrap_err().to_string();
    assert_eq!(error, "the address of the heartbeat is not an `https://` URL");
}

//! The check of the receivers: what would fail is in the status and in the log before it is needed.

use std::fs;

use crate::{
    home::{Home, text, wait_until},
    peer::Peer,
};

const SMTP: &str = "../../../engine/delivery/tests/peers/smtp.py";

/// Waits until a check is done, and returns its problems.
fn problems(home: &Home) -> Vec<String> {
    wait_until(|| {
        let receivers = home.json(&["status"])["receivers"].clone();
        receivers["checked_at"].as_str()?;
        let problem = |problem: &serde_json::Value| {
            format!("{}: {}", problem["receiver"].as_str().unwrap(), problem["error"].as_str().unwrap())
        };
        Some(receivers["problems"].as_array().unwrap().iter().map(problem).collect())
    })
}

#[test]
fn what_would_not_arrive_is_known_from_the_start_and_an_edit_is_checked_at_once() {
    let home = Home::new();
    let server = Peer::start(SMTP, &[]);
    home.send_by_smtp(server.port, "security = \"plain\"\nusername = \"dag\"\npassword = \"file:password\"");
    let hook = "webhook = { url = \"http://127.0.0.1:9/token\", secret = \"env:DAG_TEST_NOT_SET\" }\n# The time zone";
    home.edit("rules/people.toml", "# The time zone", hook);
    let daemon = home.run();
    daemon.wait_for("messages would not arrive");
    let found = problems(&home);
    assert!(found[0].starts_with("mail: the secret's file `"), "{found:?}");
    assert!(found[0].ends_with(": check `username` and `password` in `[email.smtp]`"), "{found:?}");
    assert!(found[1].starts_with("webhook of nor: the webhook cannot be signed"), "{found:?}");
    let shown = text(&home.dag(&["status"]).stdout);
    assert!(shown.contains("MESSAGES WOULD NOT ARRIVE, as a check at "), "{shown}");
    assert!(shown.contains("THIS IS NO REAL MONITOR YET"), "{shown}");
    assert!(!shown.contains("token"), "{shown}");

    // The server of this test takes no login, and the webhook no call.
    fs::write(home.path("password"), "hunter2").unwrap();
    home.edit("config.toml", "username = \"dag\"\npassword = \"file:password\"", "");
    home.edit(
        "rules/people.toml",
        "webhook = { url = \"http://127.0.0.1:9",
        "# webhook = { url = \"http://127.0.0.1:9",
    );
    home.json(&["reload"]);
    wait_until(|| problems(&home).is_empty().then_some(()));
    assert_eq!(server.end().len(), 0, "no mail is sent by a check");
}

/// A server that never answers delays neither the start nor an outage.
#[test]
fn a_mail_server_that_hangs_delays_nothing() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.send_by_smtp(silent.local_addr().unwrap().port(), "security = \"plain\"");
    let _daemon = home.run();
    home.json(&["unplug"]);
    wait_until(|| (home.json(&["status"])["incidents"].as_array().unwrap().len() == 1).then_some(()));
    assert!(home.json(&["status"])["receivers"]["checked_at"].is_null(), "the check is still under way");
}

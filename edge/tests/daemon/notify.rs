//! `dag notify`: a test message, and what its receiver answered.

use std::fs;

use crate::{
    home::{Home, mails, text, wait_until},
    peer::Peer,
};

const SMTP: &str = "../../../engine/delivery/tests/peers/smtp.py";
const WEBHOOK: &str = "../../../engine/delivery/tests/peers/webhook.py";

/// Runs the command, and returns its exit code and what it printed.
fn notify(home: &Home, words: &[&str]) -> (Option<i32>, String) {
    let output = home.dag(&[&["notify"], words].concat());
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn a_test_message_is_sent_also_in_quiet_hours_and_leaves_nothing_behind() {
    let home = Home::new();
    home.edit("rules/people.toml", "# quiet = { from", "quiet = { from = \"00:00\", to = \"23:59\" } # quiet = { from");
    let daemon = home.run();
    let (code, said) = notify(&home, &["owners"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("nor: email to nor@example.com: accepted: "), "{said}");
    assert!(said.trim_end().ends_with(".eml"), "{said}");
    assert_eq!(mails(&home.path("var/outbox")), ["[Test] detectordag at Cottage"]);
    daemon.wait_for("test message sent");
    let status = home.json(&["status"]);
    assert_eq!((&status["incidents"], &status["waiting"]), (&serde_json::json!([]), &serde_json::json!([])));
    let results = home.json(&["notify", "neighbour", "--by", "email"]);
    assert_eq!(results[0]["recipient"], "neighbour");
    let mail = fs::read_to_string(results[0]["answer"].as_str().unwrap()).unwrap();
    assert!(mail.contains("is only a test"), "{mail}");
}

#[test]
fn a_test_message_to_nobody_says_why() {
    let home = Home::new();
    home.edit("rules/people.toml", "[group]", "[group]\nempty = [\"@account\"]");
    let _daemon = home.run();
    for (words, told) in [
        (vec!["nro"], "there is no recipient or group `nro`: did you mean `nor`?"),
        (vec!["everybody"], "there is no recipient or group `everybody`: there are neighbour, nor, empty, owners"),
        (vec!["@account"], "`@account` is nobody here: only the cloud has accounts"),
        (vec!["empty"], "`empty` is nobody at present, so that no message goes there: write a recipient into it"),
        (vec!["nor", "--by", "webhook"], "`nor` has no address by webhook: use `--by email`, or add one in rules/"),
    ] {
        assert_eq!(notify(&home, &words), (Some(1), format!("{told}\n")));
    }
    assert_eq!(mails(&home.path("var/outbox")), [""; 0]);
    let (code, said) = notify(&home, &["nor", "--by", "fax"]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn the_answers_of_the_receivers_are_shown() {
    let home = Home::new();
    let (mut server, mut hook) = (Peer::start(SMTP, &[]), Peer::start(WEBHOOK, &[]));
    home.send_by_smtp(server.port, "security = \"plain\"");
    home.edit("config.toml", "allow_private = []", "allow_private = [\"127.0.0.1\"]");
    let port = hook.port;
    let webhook = |path: &str| format!("webhook = {{ url = \"http://127.0.0.1:{port}/{path}/token\" }}");
    home.edit("rules/people.toml", "# The time zone", &format!("{}\n# The time zone", webhook("ok")));
    let daemon = home.run();
    let (code, said) = notify(&home, &["nor"]);
    assert_eq!(code, Some(0), "{said}");
    let host = format!("127.0.0.1:{}", hook.port);
    let expected =
        format!("nor: email to nor@example.com: accepted: 250 taken\nnor: webhook to {host}: accepted: 200 OK\n");
    assert_eq!(said, expected);
    assert!(server.next()["content"].as_str().unwrap().contains("Subject: [Test] detectordag at Cottage"));
    let document: serde_json::Value = serde_json::from_str(hook.next()["body"].as_str().unwrap()).unwrap();
    assert_eq!((&document["kind"], &document["incident"]), (&"test".into(), &serde_json::Value::Null));

    // One that refuses is no reason not to tell the other, and is not tried again.
    let before = home.json(&["status"])["rules"].clone();
    home.edit("rules/people.toml", &webhook("ok"), &webhook("gone"));
    wait_until(|| (home.json(&["status"])["rules"] != before).then_some(()));
    let (code, said) = notify(&home, &["nor"]);
    assert_eq!(code, Some(1), "{said}");
    let expected = format!(
        "nor: email to nor@example.com: accepted: 250 taken\nnor: webhook to {host}: FAILED: the receiver answered 410 \
         Gone: no such hook\n1 of 2 did not get through\n"
    );
    assert_eq!(said, expected);
    daemon.wait_for("test message failed");
    assert_eq!(home.json(&["status"])["waiting"], serde_json::json!([]));
}

#[test]
fn without_a_daemon_it_says_what_to_start() {
    let home = Home::new();
    let (code, said) = notify(&home, &["nor"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("no daemon answers at "), "{said}");
    let end = "If it runs, it was started with another `storage.path`: restart it, or undo that edit\n";
    assert!(said.ends_with(end), "{said}");
}

//! The mails before a spam filter: SpamAssassin, with the rules that need no network.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use dag_config::{Email, Secrets, Ses, Transport, Webhook};
use dag_delivery::{Delivery, Limits, MailContent, MessageContent};
use dag_engine::{Id, Kind, Notification};

use crate::sample::{built_in, gallery, id, notification};

/// Returns a mail as it is sent.
async fn mail(message: &Notification, content: &MessageContent) -> String {
    let folder = tempfile::tempdir().unwrap();
    let from = "detectordag <dag@example.com>".to_owned();
    let email =
        Email { transport: Transport::Outbox, from, outbox: folder.path().to_owned(), smtp: None, ses: Ses::default() };
    let secrets = Secrets::of_machine(Path::new("."));
    let delivery = Delivery::new(&email, &Webhook::default(), secrets, Limits::default()).unwrap();
    let receipt = delivery.send(message, content, message.at).await.unwrap();
    std::fs::read_to_string(receipt.answer).unwrap()
}

/// Returns the rules that each mail hits, with their scores, by the id of the message.
fn hits(mails: &[String]) -> BTreeMap<Id, Vec<(String, f64)>> {
    let mut mbox = String::new();
    for mail in mails {
        mbox.push_str("From dag@example.com Sat Jan 10 14:02:30 2026\n");
        for line in mail.replace('\r', "").lines() {
            let quote = if line.starts_with("From ") { ">" } else { "" };
            mbox.push_str(&format!("{quote}{line}\n"));
        }
        mbox.push('\n');
    }
    // Its home is new, so that it has learnt nothing and nobody's preferences count.
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("spamassassin");
    command.args(["--local", "--mbox", "--nocreate-prefs"]);
    for setting in ["add_header all Hits _TESTSSCORES(,)_", "fold_headers 0", "use_bayes 0"] {
        command.args(["--cf", setting]);
    }
    command.env("HOME", home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("`spamassassin` cannot be started: run `bash .ci/run`, which installs it");
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(mbox.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    // The mails come back in an order of its own.
    let judged = told.split("\nFrom dag@").map(|mail| {
        let header =
            |name: &str| mail.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{mail}"));
        let id = header("Message-ID: <").split('@').next().and_then(Id::parse).unwrap();
        let rules = header("X-Spam-Hits: ").trim().split(',').map(|hit| {
            let (rule, score) = hit.split_once('=').unwrap();
            (rule.to_owned(), score.parse().unwrap())
        });
        (id, rules.collect())
    });
    judged.collect()
}

#[tokio::test]
async fn a_spam_filter_finds_nothing_in_any_mail() {
    let mut messages = gallery();
    let mut mails = Vec::new();
    for (_, message) in &messages {
        mails.push(mail(message, &built_in().prepare(message).0).await);
    }
    // It finds what it should find: here is the hidden line that many mails begin with.
    let hidden = Notification { id: id(0xffff), ..notification(Kind::Opened) };
    let (MessageContent::Email(content), _) = built_in().prepare(&hidden) else { panic!() };
    let line = r#"<div style="display:none;font-size:1px;color:#ffffff;opacity:0">The power is out.</div>"#;
    let html = content.html.map(|html| html.replacen("<div", &format!("{line}<div"), 1));
    mails.push(mail(&hidden, &MessageContent::Email(MailContent { html, ..content })).await);
    messages.push(("a hidden line".to_owned(), hidden));

    let hits = hits(&mails);
    assert_eq!(hits.len(), mails.len());
    // Rules with a score of 0.001 are remarks: that a mail has a page, for instance.
    let found = messages.iter().filter_map(|(name, message)| {
        let bad: Vec<&str> =
            hits[&message.id].iter().filter(|(_, score)| *score > 0.001).map(|(rule, _)| rule.as_str()).collect();
        (!bad.is_empty()).then(|| format!("{name}: {}", bad.join(", ")))
    });
    let found: Vec<String> = found.collect();
    assert!(
        matches!(&found[..], [only] if only.starts_with("a hidden line: ") && only.contains("LOW_CONTRAST")),
        "{found:#?}"
    );
}

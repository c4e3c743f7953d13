//! The check of the receivers, with real mail servers. No mail is sent by it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use dag_config::{Email, Secrets, Security, Ses, Smtp, Transport, Webhook};
use dag_delivery::{Delivery, Limits};
use dag_engine::{Address, Reachable, SecretRef};

use crate::{
    peer::Peer,
    sample::{t, webhook},
    smtp::{Authority, delivery, delivery_from, smtp},
};

fn receiver(name: &str, address: Address) -> Reachable {
    Reachable { recipient: name.into(), address, timezone: "Europe/London".into() }
}

fn by_mail(name: &str, address: &str) -> Reachable {
    receiver(name, Address::Email(address.to_owned()))
}

async fn check(delivery: &Delivery, receivers: &[Reachable]) -> Vec<String> {
    let checked = delivery.check(receivers, t("2026-01-10T14:00:00Z")).await;
    // In these tests a receiver is reached if none of its own kind has a problem.
    let has = |kind: &str| checked.problems.iter().any(|problem| problem.receiver.starts_with(kind));
    let only_mail = receivers.iter().all(|to| matches!(to.address, Address::Email(_)));
    assert_eq!(checked.reaches_somebody, !(only_mail && (has("mail") || has("email"))), "{checked:?}");
    checked.problems.iter().map(ToString::to_string).collect()
}

/// Returns the problems of a mail server for one address of email.
async fn check_server(smtp: Smtp, timeout: u64) -> Vec<String> {
    let port = smtp.port.unwrap().to_string();
    let problems = check(&delivery(smtp, timeout).unwrap(), &[by_mail("nor", "nor@example.com")]).await;
    problems.iter().map(|problem| problem.replace(&port, "PORT")).collect()
}

#[tokio::test]
async fn a_mail_server_that_takes_the_login_is_no_problem_and_gets_no_mail() {
    let authority = Authority::new();
    std::fs::write(authority.file("password"), "hunter2\n").unwrap();
    let secret = |name: &str| Some(SecretRef::File(authority.file(name).display().to_string()));
    let login = |server: &Peer, security| Smtp {
        ca: Some(authority.file("cert.pem")),
        username: Some("dag".into()),
        password: secret("password"),
        ..smtp(server.port, security)
    };
    for (security, options) in [
        (Security::Starttls, vec!["--login", "dag:hunter2"]),
        (Security::Tls, vec!["--login", "dag:hunter2", "--implicit"]),
    ] {
        let server = authority.server(&options);
        assert_eq!(check_server(login(&server, security), 5_000).await, [""; 0]);
        assert_eq!(server.end().len(), 0);
    }

    let server = authority.server(&["--login", "dag:hunter2"]);
    let none = Smtp { username: None, password: None, ..login(&server, Security::Starttls) };
    let problems = check_server(none, 5_000).await;
    assert!(problems[0].starts_with("mail: the mail server localhost does not take mails from dag@example.com: "));
    assert!(problems[0].ends_with("check `from` in `[email]`, and the user in `[email.smtp]`"), "{problems:?}");
    std::fs::write(authority.file("password"), "hunter3").unwrap();
    let problems = check_server(login(&server, Security::Starttls), 5_000).await;
    assert!(problems[0].starts_with("mail: the mail server localhost refused the login of dag: "), "{problems:?}");
    assert!(problems[0].ends_with(": check `username` and `password` in `[email.smtp]`"), "{problems:?}");
    assert!(!problems[0].contains("hunter"), "no secret is shown: {problems:?}");
    assert!(!problems[0].contains("spaces"), "{problems:?}");
    // Google shows app passwords in four groups, and refuses them as they are shown (535 5.7.8).
    std::fs::write(authority.file("password"), "abcd efgh ijkl mnop\n").unwrap();
    let problems = check_server(login(&server, Security::Starttls), 5_000).await;
    assert!(problems[0].starts_with("mail: the mail server localhost refused the login of dag: "), "{problems:?}");
    assert!(
        problems[0].contains(". Google shows app passwords with spaces: remove them: check `username`"),
        "{problems:?}"
    );
    assert!(!problems[0].contains("efgh"), "no secret is shown: {problems:?}");
    let lost = Smtp { password: secret("none"), ..login(&server, Security::Starttls) };
    let problems = check_server(lost, 5_000).await;
    assert!(problems[0].starts_with("mail: the secret's file `"), "{problems:?}");
    let unset = Smtp { password: Some("env:DAG_TEST_NOT_SET".parse().unwrap()), ..login(&server, Security::Starttls) };
    assert_eq!(
        check_server(unset, 5_000).await,
        [
            "mail: the environment variable `DAG_TEST_NOT_SET` is not set: set it for the daemon, or name another secret: \
          check `username` and `password` in `[email.smtp]`"
        ]
    );
}

#[tokio::test]
async fn a_mail_server_that_cannot_be_used_is_told_with_the_keys_to_look_at() {
    let advice = ": check `server`, `port` and `security` in `[email.smtp]`";
    let plain = Peer::start("smtp.py", &[]);
    let problems = check_server(smtp(plain.port, Security::Starttls), 5_000).await;
    assert_eq!(
        problems,
        [format!(
            "mail: the mail server localhost offers no STARTTLS, and nothing is sent unprotected: use `security = \
             \"tls\"`, or another port{advice}"
        )]
    );
    let port = plain.port;
    drop(plain);
    let problems = check_server(smtp(port, Security::Plain), 5_000).await;
    assert!(problems[0].starts_with("mail: the mail server localhost:PORT cannot be reached: "), "{problems:?}");
    assert!(problems[0].ends_with(advice), "{problems:?}");

    // It accepts connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let began = Instant::now();
    let problems = check_server(smtp(silent.local_addr().unwrap().port(), Security::Plain), 300).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(problems[0].starts_with("mail: the mail server localhost:PORT "), "{problems:?}");
    assert!(problems[0].ends_with(advice), "{problems:?}");
}

/// A server that says these replies, each after a line of the client but the first. Returns its port.
fn scripted(replies: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for reply in replies {
            stream.write_all(reply.as_bytes()).unwrap();
            let _ = lines.next();
        }
    });
    port
}

/// A server that is there and does not want this machine was reported as out of reach, which sends people to their
/// router.
#[tokio::test]
async fn a_server_that_refuses_the_greeting_is_not_out_of_reach() {
    let advice = "it does not serve this machine at this port: use your provider's port for log-ins, mostly 587 or 465, \
                  or another server";
    for (replies, why) in [
        (&["554 5.7.1 no mail from dynamic addresses\r\n"][..], "(554): 5.7.1 no mail from dynamic addresses"),
        (&["220 hello\r\n", "501 5.5.4 invalid name\r\n"][..], "(501): 5.5.4 invalid name"),
    ] {
        let problems = check_server(smtp(scripted(replies), Security::Plain), 5_000).await;
        let told = "mail: the mail server localhost:PORT answered, and refused: permanent error";
        assert_eq!(problems, [format!("{told} {why}: {advice}")]);
    }
}

/// The reply to `EHLO` of a server that offers no login by password.
const OFFER: &str = "250-hello\r\n250 AUTH XOAUTH2 CRAM-MD5\r\n";

/// lettre's "No compatible authentication mechanism was found" is no advice.
#[tokio::test]
async fn a_server_without_a_login_by_password_is_told_with_what_it_offers() {
    let advice = "use another `port` in `[email.smtp]`, or no `username` if none is needed";
    let password = Some("env:PATH".parse().unwrap());
    let login = |port| Smtp { username: Some("dag".into()), password: password.clone(), ..smtp(port, Security::Plain) };
    let server = Peer::start("smtp.py", &[]);
    let problems = check_server(login(server.port), 5_000).await;
    assert_eq!(problems, [format!("mail: the mail server localhost:PORT offers no log-in here: {advice}")]);

    let problems = check_server(login(scripted(&["220 hello\r\n", OFFER, OFFER])), 5_000).await;
    let told = "offers only other log-ins than by password here: XOAUTH2 CRAM-MD5";
    assert_eq!(problems, [format!("mail: the mail server localhost:PORT {told}: {advice}")]);
}

/// Postfix refuses a client or a sender only at the recipient (`smtpd_delay_reject = yes`, its default), so that a check
/// which ends before it finds nothing where every mail bounces.
#[tokio::test]
async fn a_recipient_that_the_mail_server_refuses_is_named_and_gets_no_mail() {
    let server = Peer::start("smtp.py", &[]);
    let delivery = delivery(smtp(server.port, Security::Plain), 5_000).unwrap();
    let receivers = [
        by_mail("grey", "450@example.com"),
        by_mail("gone", "550@example.com"),
        by_mail("nor", "nor@example.com"),
        by_mail("bad", "nor@x..net"),
        by_mail("relay", "554@example.com"),
    ];
    let checked = delivery.check(&receivers, t("2026-01-10T14:00:00Z")).await;
    let problems: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
    let advice = "check the address, `from` in `[email]`, and the user in `[email.smtp]`";
    let refused = |name: &str, code: u16| {
        let told = format!("the mail server localhost refuses mail to {code}@example.com: permanent error ({code})");
        format!("email of {name}: {told}: not for you: {advice}")
    };
    let bad = "email of bad: `nor@x..net` is not a mail address".to_owned();
    assert_eq!(problems, [refused("gone", 550), bad, refused("relay", 554)]);
    assert!(checked.reaches_somebody);
    let checked = delivery.check(&[receivers[1].clone(), receivers[4].clone()], t("2026-01-10T14:00:00Z")).await;
    assert!(!checked.reaches_somebody);

    // A long list is asked about in part.
    let many: Vec<Reachable> = (0..40).map(|n| by_mail(&format!("p{n}"), "550@example.com")).collect();
    assert_eq!(delivery.check(&many, t("2026-01-10T14:00:00Z")).await.problems.len(), 32);
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn a_server_that_breaks_off_or_is_slow_at_the_recipients_refuses_none_of_them() {
    let receivers = [by_mail("nor", "nor@example.com"), by_mail("kim", "kim@example.com")];
    for (replies, told) in [
        (&["220 hello\r\n", "250 hello\r\n", "250 ok\r\n", "250 ok\r\n"][..], None),
        (&["220 hello\r\n", "250 hello\r\n", "250 ok\r\n", "421 too busy\r\n"][..], None),
        (&["220 hello\r\n", "250 hello\r\n", "250 ok\r\n"][..], Some("broke off before it took a recipient")),
    ] {
        let delivery = delivery(smtp(scripted(replies), Security::Plain), 5_000).unwrap();
        let problems = check(&delivery, &receivers).await;
        assert_eq!(problems.len(), usize::from(told.is_some()), "{problems:?}");
        assert!(told.is_none_or(|told| problems[0].contains(told)), "{problems:?}");
    }
}

#[tokio::test]
async fn an_address_that_needs_smtputf8_is_a_problem_where_the_server_has_none() {
    let receivers = [by_mail("nor", "nör@example.com"), by_mail("kim", "kim@müller.ch")];
    let server = Peer::start("smtp.py", &[]);
    let problems = check(&delivery(smtp(server.port, Security::Plain), 5_000).unwrap(), &receivers).await;
    assert_eq!(problems, [""; 0]);

    let server = Peer::start("smtp.py", &["--no-utf8"]);
    let smtp = smtp(server.port, Security::Plain);
    let told = |address: &str| {
        format!(
            "the mail server localhost takes no address with letters as in {address} (SMTPUTF8): use an address of the \
             letters a to z, or another server"
        )
    };
    let problems = check(&delivery(smtp.clone(), 5_000).unwrap(), &receivers[..1]).await;
    assert_eq!(problems, [format!("email of nor: {}", told("nör@example.com"))]);
    assert_eq!(check(&delivery(smtp.clone(), 5_000).unwrap(), &receivers[1..]).await, [""; 0]);
    let problems = check(&delivery_from("dåg@example.com", smtp, 5_000).unwrap(), &receivers[1..]).await;
    assert_eq!(problems, [format!("mail: {}", told("dåg@example.com"))]);
}

/// A check that only parsed these found nothing, and every mail to them was given up.
#[tokio::test]
async fn an_address_that_no_mail_can_be_made_for_is_a_problem() {
    let server = Peer::start("smtp.py", &[]);
    let delivery = delivery(smtp(server.port, Security::Plain), 5_000).unwrap();
    for address in ["a@[192.168.1.1]", "nor@x..net", "nor.@x.net", "nor", "nor@x.net,kim@x.net"] {
        let problems = check(&delivery, &[by_mail("nor", address)]).await;
        assert_eq!(problems, [format!("email of nor: `{address}` is not a mail address")]);
    }
}

#[tokio::test]
async fn every_receiver_is_checked_and_none_is_called() {
    let called = Peer::start("webhook.py", &[]);
    let url = |host: &str| format!("http://{host}:{}/token-in-the-path", called.port);
    let receivers = [
        by_mail("nor", "nor@example.com>"),
        receiver("pager", webhook(&url("127.0.0.1"), None, &["file:old"])),
        receiver("router", webhook(&url("[::1]"), None, &[])),
        receiver("desk", webhook(&url("127.0.0.1"), None, &["env:DAG_TEST_NOT_SET"])),
        receiver("half", webhook(&url("127.0.0.1"), Some("ntfy"), &["file:half"])),
        receiver("gone", webhook("https://no-such-host.invalid/token-in-the-path", None, &[])),
        receiver("typo", webhook("htps://example.com/token-in-the-path", None, &[])),
    ];
    let delivery = crate::webhook::delivery(&["127.0.0.1"], 20_000);
    let problems = check(&delivery, &receivers[1..]).await;
    let begins = [
        "webhook of router: ::1 is on this machine: it is called only if `allow_private`",
        "webhook of desk: the webhook cannot be signed, and nothing is sent unsigned: the environment variable",
        "webhook of half: the webhook cannot be signed, and nothing is sent unsigned: what follows `whsec_`",
        "webhook of gone: no-such-host.invalid c",
        "webhook of typo: the webhook's address is not an `https://` URL",
    ];
    assert_eq!(problems.len(), begins.len(), "{problems:#?}");
    for (problem, begin) in problems.iter().zip(begins) {
        assert!(problem.starts_with(begin), "{problem}");
        assert!(!problem.contains("token"), "no part of a URL that may be secret is shown: {problem}");
    }
    assert_eq!(called.end().len(), 0);

    // With the transport `outbox` nothing is looked up, but a secret is needed all the same.
    let email = Email {
        transport: Transport::Outbox,
        from: "dag@example.com".into(),
        outbox: "unused".into(),
        smtp: None,
        ses: Ses::default(),
    };
    let secrets = Secrets::of_machine(Path::new("tests/secrets"));
    let files = Delivery::new(&email, &Webhook::default(), secrets, Limits::default()).unwrap();
    let problems = check(&files, &receivers).await;
    assert_eq!(problems[0], "email of nor: `nor@example.com>` is not a mail address");
    let begins = ["email of nor", "webhook of desk", "webhook of half", "webhook of typo"];
    assert!(problems.iter().zip(begins).all(|(problem, begin)| problem.starts_with(begin)), "{problems:#?}");
    assert_eq!(problems.len(), begins.len(), "{problems:#?}");
}

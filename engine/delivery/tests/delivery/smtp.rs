//! Mail through a real mail server.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dag_config::{Email, Secrets, Security, Ses, Smtp, Transport, Webhook};
use dag_delivery::{Delivery, Failure, Limits, Mail, Mailer, MessageContent, Receipt, SendFuture, SetupError};
use dag_engine::{Address, Kind, Notification, SecretRef};

use crate::{
    peer::Peer,
    sample::{built_in, notification},
};

/// A server's own certificate authority, made for one test.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Authority { folder }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn server(&self, more: &[&str]) -> Peer {
        let (cert, key) = (self.file("cert.pem"), self.file("key.pem"));
        let own = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        Peer::start("smtp.py", &[&own, more].concat())
    }
}

pub fn smtp(port: u16, security: Security) -> Smtp {
    Smtp { server: "localhost".into(), port: Some(port), security, ca: None, username: None, password: None }
}

fn email(transport: Transport, from: &str) -> Email {
    Email { transport, from: from.into(), outbox: "unused".into(), smtp: None, ses: Ses::default() }
}

pub fn delivery(smtp: Smtp, timeout: u64) -> Result<Delivery, SetupError> {
    delivery_from("detectordag <dag@example.com>", smtp, timeout)
}

pub fn delivery_from(from: &str, smtp: Smtp, timeout: u64) -> Result<Delivery, SetupError> {
    let email = Email { smtp: Some(smtp), ..email(Transport::Smtp, from) };
    let limits = Limits { smtp: Duration::from_millis(timeout), ..Limits::default() };
    through(&email, limits)
}

fn through(email: &Email, limits: Limits) -> Result<Delivery, SetupError> {
    Delivery::new(email, &Webhook::default(), Secrets::of_machine(Path::new("")), limits)
}

/// Returns a message by mail, and its content.
fn mail_to(to: &str) -> (Notification, MessageContent) {
    let message = Notification { address: Address::Email(to.into()), ..notification(Kind::Opened) };
    let (prepared, _) = built_in().prepare(&message);
    (message, prepared)
}

async fn send(smtp: Smtp, timeout: u64) -> Result<Receipt, Failure> {
    send_to("nor@example.com", smtp, timeout).await
}

async fn send_to(to: &str, smtp: Smtp, timeout: u64) -> Result<Receipt, Failure> {
    let (message, prepared) = mail_to(to);
    delivery(smtp, timeout).unwrap().send(&message, &prepared, message.at).await
}

#[tokio::test]
async fn a_mail_arrives_over_starttls_with_a_login() {
    let authority = Authority::new();
    let mut server = authority.server(&["--login", "dag:hunter2"]);
    std::fs::write(authority.file("password"), "hunter2\n").unwrap();
    let secret = |name: &str| Some(SecretRef::File(authority.file(name).display().to_string()));
    let smtp = Smtp {
        ca: Some(authority.file("cert.pem")),
        username: Some("dag".into()),
        password: secret("password"),
        ..smtp(server.port, Security::Starttls)
    };
    let receipt = send(smtp.clone(), 5_000).await.unwrap();
    assert_eq!(receipt.answer, "250 taken");
    let mail = server.next();
    assert_eq!((&mail["protected"], &mail["login"]), (&true.into(), &true.into()));
    assert_eq!((&mail["from"], &mail["to"][0]), (&"dag@example.com".into(), &"nor@example.com".into()));
    assert!(mail["content"].as_str().unwrap().contains("Subject: [Power is out] Cottage, 10 Jan 14:02"), "{mail}");

    // The operator can correct a wrong or missing password, or a missing login: no message is given up.
    let none = Smtp { username: None, password: None, ..smtp.clone() };
    let error = send(none, 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().contains("permanent error (530)"), "{error}");
    std::fs::write(authority.file("password"), "wrong").unwrap();
    let error = send(smtp.clone(), 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().starts_with("the mail server localhost refused the login of dag: "), "{error}");
    let error = send(Smtp { password: secret("none"), ..smtp }, 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().starts_with("the secret's file `"), "{error}");
}

#[tokio::test]
async fn a_mail_arrives_over_tls_from_the_first_byte() {
    let authority = Authority::new();
    let mut server = authority.server(&["--implicit"]);
    let smtp = Smtp { ca: Some(authority.file("cert.pem")), ..smtp(server.port, Security::Tls) };
    send(smtp, 5_000).await.unwrap();
    assert_eq!(server.next()["protected"], true);
}

/// Google's relay refuses `EHLO [127.0.0.1]` by "421 4.7.0 Try again later" (repoze/repoze.sendmail, issue 50).
#[tokio::test]
async fn a_server_is_greeted_by_a_name_and_not_by_an_address_in_brackets() {
    let mut server = Peer::start("smtp.py", &[]);
    send(smtp(server.port, Security::Plain), 5_000).await.unwrap();
    let hello = server.next()["hello"].as_str().unwrap().to_owned();
    assert!(hello.contains('.') && !hello.contains('['), "{hello}");
}

/// Many servers offer no SMTPUTF8, and none needs it for a domain: it has a spelling in ASCII.
#[tokio::test]
async fn a_domain_with_an_umlaut_is_sent_as_name_servers_know_it() {
    let mut server = Peer::start("smtp.py", &["--no-utf8"]);
    let delivery = delivery_from("Nör <dag@bücher.example>", smtp(server.port, Security::Plain), 5_000).unwrap();
    let (message, prepared) = mail_to("nor@müller.ch");
    delivery.send(&message, &prepared, message.at).await.unwrap();
    let mail = server.next();
    assert_eq!(mail["from"], "dag@xn--bcher-kva.example");
    assert_eq!(mail["to"][0], "nor@xn--mller-kva.ch");
    let content = mail["content"].as_str().unwrap();
    assert!(content.contains("\nTo: nor@xn--mller-kva.ch\r\n"), "{content}");
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_gets_nothing() {
    let authority = Authority::new();
    let server = authority.server(&[]);
    let error = send(smtp(server.port, Security::Starttls), 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().contains("UnknownIssuer") || error.to_string().contains("certificate"), "{error}");
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_unprotected_where_starttls_is_asked_for() {
    let server = Peer::start("smtp.py", &[]);
    let error = send(smtp(server.port, Security::Starttls), 5_000).await.unwrap_err();
    insta::assert_snapshot!(
        error,
        @"the mail server localhost offers no STARTTLS, and nothing is sent unprotected: use `security = \"tls\"`, \
          or another port"
    );
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert_eq!(server.end().len(), 0);
}

#[tokio::test]
async fn a_server_that_fails_is_tried_again_unless_it_says_never() {
    for (fail, told, again) in [
        ("451", "the mail server localhost did not take the mail: transient error (451): not today", true),
        ("550", "the mail server localhost did not take the mail: permanent error (550): not today", false),
        ("hang", "the mail server localhost did not take the mail within 200 ms", true),
    ] {
        let server = Peer::start("smtp.py", &["--fail", fail]);
        let error = send(smtp(server.port, Security::Plain), if fail == "hang" { 200 } else { 5_000 }).await;
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), told);
        assert_eq!(matches!(error, Failure::Retry { .. }), again, "{fail}");
    }
}

#[tokio::test]
async fn a_server_that_drops_the_line_or_is_not_there_is_tried_again() {
    let server = Peer::start("smtp.py", &["--fail", "drop"]);
    let port = server.port;
    let error = send(smtp(port, Security::Plain), 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    drop(server);
    let error = send(smtp(port, Security::Plain), 5_000).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("the mail server localhost:{port} cannot be reached: ")), "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_given_up() {
    let error = send_to("nor@example.com>\r\nBcc: x@example.com", smtp(1, Security::Plain), 200).await.unwrap_err();
    assert!(matches!(error, Failure::Permanent { .. }));
    insta::assert_snapshot!(error, @r#"`nor@example.com>\r\nBcc: x@example.com` is not a mail address"#);
}

#[test]
fn an_unusable_configuration_is_refused_before_anything_is_sent() {
    let told = |smtp| delivery(smtp, 200).err().unwrap().to_string();
    let plain = Smtp { server: "mail.example.com".into(), ..smtp(25, Security::Plain) };
    insta::assert_snapshot!(
        told(plain),
        @"`security = \"plain\"` is for a mail server on this machine only, not for mail.example.com: \
          use `starttls` or `tls`"
    );
    let told = |email: Email| through(&email, Limits::default()).err().unwrap().to_string();
    insta::assert_snapshot!(
        told(email(Transport::Smtp, "dag@example.com")),
        @r#"`transport = "smtp"` needs a section `[email.smtp]` with `server`"#
    );
    insta::assert_snapshot!(
        told(email(Transport::Outbox, "dag")),
        @r#"`from = "dag"` is not a mail address: write `dag@example.com` or `detectordag <dag@example.com>`"#
    );
}

#[tokio::test]
async fn a_device_whose_mail_leaves_by_ses_says_that_it_cannot() {
    let email = email(Transport::Ses, "dag@example.com");
    let delivery = through(&email, Limits::default()).unwrap();
    let (message, prepared) = mail_to("nor@example.com");
    let refused = delivery.send(&message, &prepared, message.at).await.unwrap_err();
    assert!(matches!(&refused, Failure::Permanent { error } if error.starts_with("this device cannot send by SES: ")));
}

/// A mail service that accepts every mail. Its receipt shows what it was given.
struct Echo;

impl Mailer for Echo {
    fn send<'a>(&'a self, mail: Mail<'a>) -> SendFuture<'a> {
        let id = mail.notification.id;
        let answer = format!("{} to {}, {id}: {}", mail.from, mail.to, String::from_utf8_lossy(&mail.raw));
        Box::pin(async { Ok(Receipt { answer }) })
    }
}

#[tokio::test]
async fn a_hosts_own_mail_service_gets_the_same_bytes_at_every_attempt() {
    let email = email(Transport::Ses, "Nör <dag@example.com>");
    let secrets = Secrets::of_machine(Path::new(""));
    let delivery =
        Delivery::with_mailer(&email, &Webhook::default(), secrets, Limits::default(), Arc::new(Echo)).unwrap();
    let (message, prepared) = mail_to("nor@example.com");
    let first = delivery.send(&message, &prepared, message.at).await.unwrap();
    let begins = format!("dag@example.com to nor@example.com, {}: From: ", message.id);
    assert!(first.answer.starts_with(&begins), "{}", first.answer);
    assert!(first.answer.contains("Auto-Submitted: auto-generated"), "{}", first.answer);
    assert_eq!(delivery.send(&message, &prepared, message.at).await.unwrap(), first);
}

/// A monitor that does not start watches nothing, so that a bad file of certificates is a failure of the attempt. A file
/// that is put right counts from the next attempt on.
#[tokio::test]
async fn a_file_of_certificates_that_cannot_be_used_fails_the_attempt_and_not_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("ca.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    for (path, error) in [
        (folder.path().join("missing.pem"), "No such file or directory (os error 2)"),
        (empty, "there is no PEM certificate in it"),
    ] {
        let failure = send(Smtp { ca: Some(path.clone()), ..smtp(25, Security::Tls) }, 200).await.unwrap_err();
        assert_eq!(failure, Failure::later(format!("`ca = \"{}\"` cannot be used: {error}", path.display())));
    }
}

/// Anybody on the way can be such a server until TLS begins.
#[tokio::test]
async fn a_server_that_never_ends_its_greeting_takes_neither_memory_nor_time() {
    use tokio::io::AsyncWriteExt as _;
    for endless in ["x", "220-x\r\n"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let talking = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let part = endless.repeat(4_096);
            while client.write_all(part.as_bytes()).await.is_ok() {}
        });
        let failure = send(smtp(port, Security::Starttls), 60_000).await.unwrap_err();
        assert!(failure.to_string().contains("the server says more than any reply has"), "{failure}");
        talking.await.unwrap();
    }
}

//! The transport `outbox`: mails and webhook requests as files, and the parts of a mail.

use std::{
    fs,
    path::{Path, PathBuf},
};

use dag_config::{Email, Secrets, Ses, Transport, Webhook};
use dag_delivery::{Delivery, Failure, Limits, MailContent, MessageContent, Receipt};
use dag_engine::{Kind, Notification, Time};

use crate::sample::{KINDS, built_in, causes, id, notification, script, to_webhook, trouble};

fn delivery(outbox: &Path) -> Delivery {
    let from = "detectordag <dag@example.com>".into();
    let email =
        Email { transport: Transport::Outbox, from, outbox: outbox.to_owned(), smtp: None, ses: Ses::default() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/secrets");
    Delivery::new(&email, &Webhook::default(), Secrets::of_machine(&root), Limits::default()).unwrap()
}

async fn send(outbox: &Path, message: &Notification) -> Result<Receipt, Failure> {
    let (prepared, _) = built_in().prepare(message);
    delivery(outbox).send(message, &prepared, message.at).await
}

/// Writes a message into a new folder. Returns the file's name and text.
async fn write(message: &Notification) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("var/outbox");
    let receipt = send(&outbox, message).await.unwrap();
    let files: Vec<PathBuf> = fs::read_dir(&outbox).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(receipt.answer, file.display().to_string());
    (file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(file).unwrap())
}

#[tokio::test]
async fn a_mail_is_a_file_that_mail_programs_open() {
    let (name, mail) = write(&notification(Kind::Opened)).await;
    assert_eq!(name, "20260110T140230.000Z-opened-nor-00000000.eml");
    insta::assert_snapshot!(mail.replace('\r', ""));
}

#[tokio::test]
async fn a_call_is_a_file_with_url_headers_and_body() {
    let message = to_webhook("http://127.0.0.1/hook", Some("telegram"), &["file:new"]);
    let (name, call) = write(&message).await;
    assert_eq!(name, "20260110T140230.000Z-opened-nor-00000000.json");
    insta::assert_snapshot!(call);
}

#[tokio::test]
async fn the_same_message_makes_the_same_bytes() {
    for message in KINDS.map(notification).into_iter().chain(causes().into_iter().map(trouble)) {
        assert_eq!(write(&message).await, write(&message).await);
    }
}

#[tokio::test]
async fn messages_of_one_incident_make_one_thread() {
    for kind in KINDS {
        let (_, mail) = write(&Notification { id: id(42), ..notification(kind) }).await;
        let root = format!("<incident-{}@example.com>", id(7));
        for header in [
            format!("Message-ID: <{}@example.com>", id(42)),
            format!("In-Reply-To: {root}"),
            format!("References: {root}"),
        ] {
            assert!(mail.replace("\r\n ", " ").contains(&format!("{header}\r\n")), "{header}: {mail}");
        }
    }
}

#[tokio::test]
async fn messages_of_one_cause_of_trouble_on_one_device_make_one_thread() {
    let mut elsewhere = trouble(script("allow", "a"));
    elsewhere.device.id = "barn".into();
    let same = [trouble(script("allow", "a")), trouble(script("message", "b"))];
    let mut threads = Vec::new();
    for message in same.into_iter().chain([elsewhere]).chain(causes().into_iter().map(trouble)) {
        let (_, mail) = write(&message).await;
        let thread = mail.lines().find_map(|line| line.strip_prefix("In-Reply-To: ")).unwrap().to_owned();
        assert!(thread.starts_with("<trouble-") && mail.contains(&format!("References: {thread}")), "{mail}");
        threads.push(thread);
    }
    assert_eq!(threads[0], threads[1]);
    threads.sort();
    threads.dedup();
    // The thread of the barn, and those of the causes. One of them is the script's.
    assert_eq!(threads.len(), 1 + causes().len());
}

#[tokio::test]
async fn files_sort_by_time_and_a_strange_name_cannot_leave_the_folder() {
    let mut message = notification(Kind::Resolved);
    message.recipient = "../../etc/Nör x@example.com".into();
    let (name, _) = write(&message).await;
    assert_eq!(name, "20260110T143110.000Z-resolved-..-..-etc-N-r-x@example.com-00000000.eml");
}

#[tokio::test]
async fn a_mail_without_a_page_is_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let message = Notification { at: Time::from_millis(i64::MAX), ..notification(Kind::Opened) };
    let prepared = MessageContent::Email(MailContent { subject: "Off".into(), text: "é\n".into(), html: None });
    let receipt = delivery(folder.path()).send(&message, &prepared, message.at).await.unwrap();
    let mail = fs::read_to_string(receipt.answer).unwrap();
    assert!(mail.contains("Content-Type: text/plain; charset=utf-8") && !mail.contains("multipart"), "{mail}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox");
    fs::write(&file, "in the way").unwrap();
    let error = send(&file, &notification(Kind::Opened)).await.unwrap_err();
    assert!(matches!(error, Failure::Retry { .. }));
    let told = error.to_string().replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(
        told,
        @"FOLDER/outbox/20260110T140230.000Z-opened-nor-00000000.eml cannot be written: File exists (os error 17)"
    );
}

//! Test messages, as people and programs read them.

use dag_delivery::{MailContent, MessageContent, Templates};

use crate::sample::{test_message, webhook};

#[test]
fn a_test_says_that_nothing_happened_who_asked_and_what_it_shows() {
    let (content, problems) = Templates::built_in().prepare(&test_message());
    assert_eq!(problems, []);
    let MessageContent::Email(MailContent { subject, text, html }) = content else { panic!() };
    insta::assert_snapshot!(format!("{subject}\n{text}"), @r"
    [Test] detectordag at Cottage
    This message from detectordag at Cottage is only a test: it is about no incident, and there is nothing to do.

    It was sent at 14:02, because marc asked for it (`dag notify`). That you read it shows that messages to nor by email arrive.

    Battery: 83 %
    Mains power: on, since 08:15 on Fri 9 Jan
    ");
    let html = html.unwrap();
    assert!(html.contains("Only a test") && !html.contains("Power is"), "{html}");
}

#[test]
fn every_receiver_gets_a_test_in_the_document_that_it_expects() {
    let document = |template: Option<&str>| {
        let mut message = test_message();
        message.address = webhook("https://ntfy.example.com/outages", template, &[]);
        let (content, problems) = Templates::built_in().prepare(&message);
        assert_eq!(problems, [], "{template:?}");
        let MessageContent::Webhook { body, .. } = content else { panic!() };
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    let plain = document(None);
    let none = serde_json::Value::Null;
    assert_eq!((&plain["kind"], &plain["severity"]), (&"test".into(), &"info".into()));
    assert_eq!((&plain["rule"], &plain["incident"], &plain["trouble"]), (&none, &none, &none));
    assert_eq!(plain["subject"], "[Test] detectordag at Cottage");
    assert_eq!(document(Some("slack"))["text"], "[Test] detectordag at Cottage");
    assert_eq!(document(Some("discord"))["embeds"][0]["color"], 0x59_6063);
    let ntfy = document(Some("ntfy"));
    assert_eq!((&ntfy["priority"], &ntfy["tags"][0]), (&3.into(), &"test_tube".into()));
    assert!(document(Some("telegram"))["text"].as_str().unwrap().starts_with("[Test] detectordag at Cottage\n\n"));
}

#[test]
fn a_user_s_layout_that_fails_on_a_test_costs_no_test() {
    let files = [("pager.json".to_owned(), "[{{ incident.number }}]".to_owned())];
    let mut message = test_message();
    message.address = webhook("https://example.com", Some("pager"), &[]);
    let (content, problems) = Templates::load(files).unwrap().prepare(&message);
    assert_eq!(problems.iter().map(|problem| problem.file.as_str()).collect::<Vec<_>>(), ["pager.json"]);
    assert!(matches!(content, MessageContent::Webhook { body, .. } if body.contains("\"kind\":\"test\"")));
}

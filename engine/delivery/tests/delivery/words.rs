//! The words of the built-in templates, as people read them.

use dag_delivery::{Prepared, Rendered, Templates};
use dag_engine::{EndedBy, Kind, Notification, Value, Wording};

use crate::sample::{fact, notification, of_rule, t};

fn mail(notification: &Notification) -> Rendered {
    match Templates::built_in().prepare(notification) {
        (Prepared::Email(rendered), problems) if problems.is_empty() => rendered,
        other => panic!("{other:?}"),
    }
}

/// Subject and text, for every kind.
fn told(message: impl Fn(Kind) -> Notification) -> String {
    let told = Kind::ALL.map(|kind| {
        let Rendered { subject, text, .. } = mail(&message(kind));
        format!("{subject}\n{text}\n")
    });
    told.join("\n")
}

#[test]
fn an_outage_is_told_from_its_beginning_to_its_end() {
    insta::assert_snapshot!(told(notification));
}

#[test]
fn another_rule_is_told_by_its_name_and_never_of_the_mains() {
    let words = told(|kind| of_rule("battery-low", kind));
    insta::assert_snapshot!(words);
    assert!(!words.contains("is back"), "{words}");
}

#[test]
fn the_next_day_and_a_far_zone_are_told_with_their_day() {
    let mut message = notification(Kind::Reminder);
    message.at = t("2026-01-11T09:00:00Z");
    message.timezone = "America/New_York".into();
    let Rendered { subject, text, .. } = mail(&message);
    insta::assert_snapshot!(format!("{subject}\n{text}"));
}

#[test]
fn messages_of_one_incident_have_subjects_that_differ_in_brackets_only() {
    let mut later = notification(Kind::Resolved);
    later.at = t("2027-01-11T09:00:00Z");
    let messages = Kind::ALL.map(notification).into_iter().chain([later]);
    for message in messages {
        let subject = mail(&message).subject;
        let (change, rest) = subject.split_once("] ").unwrap();
        assert!(change.starts_with('['), "{subject}");
        assert_eq!(rest, "Cottage, 10 Jan 14:02");
    }
}

#[test]
fn a_removed_rule_never_says_that_the_power_is_back() {
    for kind in [Kind::Resolved, Kind::Past] {
        for rule in ["power-outage", "battery-low"] {
            let mut message = of_rule(rule, kind);
            message.incident.ended_by = Some(EndedBy::RuleRemoved);
            message.facts = notification(Kind::Opened).facts;
            let Rendered { subject, text, .. } = mail(&message);
            insta::allow_duplicates! { insta::with_settings!({ snapshot_suffix => rule }, {
                insta::assert_snapshot!("removed", format!("{subject}\n{text}"));
            }) }
        }
    }
}

#[test]
fn what_cannot_be_seen_is_told_as_it_was_last_seen() {
    for rule in ["power-outage", "battery-low"] {
        let mut message = of_rule(rule, Kind::Reminder);
        message.incident.unseen = true;
        message.facts = [("power".into(), fact(None, Value::Off, "2026-01-10T14:02:00Z"))].into();
        let Rendered { subject, text, html } = mail(&message);
        insta::with_settings!({ snapshot_suffix => rule }, {
            insta::assert_snapshot!("unseen", format!("{subject}\n{text}"));
        });
        assert!(html.unwrap().contains("Cottage: Power was off"));
    }
}

#[test]
fn an_acknowledged_outage_that_still_lasts_says_by_whom() {
    let mut message = notification(Kind::Escalated);
    message.incident.acknowledged = notification(Kind::Acknowledged).incident.acknowledged;
    insta::assert_snapshot!(mail(&message).text);
}

#[test]
fn a_flicker_is_told_with_its_seconds() {
    let mut message = notification(Kind::Past);
    message.incident.ended = Some(t("2026-01-10T14:02:16Z"));
    assert_eq!(mail(&message).subject, "[Power was out 14:02:00 to 14:02:16] Cottage, 10 Jan 14:02");
}

#[test]
fn a_script_s_own_words_take_the_place_of_the_templates_everywhere() {
    let mut message = notification(Kind::Opened);
    let (subject, text) = ("Dark\r\nagain".to_owned(), "The <b>barn</b> is dark.\n\nBring a torch.".to_owned());
    message.wording = Some(Wording { subject, text });
    let Rendered { subject, text, html } = mail(&message);
    assert_eq!((subject.as_str(), text.as_str()), ("Dark again", "The <b>barn</b> is dark.\n\nBring a torch."));
    let html = html.unwrap();
    assert!(html.contains("The &lt;b&gt;barn&lt;&#x2f;b&gt; is dark."), "{html}");
    assert!(html.contains("Bring a torch.") && html.contains("Dark again"));
    assert_eq!(Templates::built_in().subject(&message), "Dark again");
}

#[test]
fn the_page_shows_each_state_by_colour_and_letters_without_any_image() {
    let states = [
        (Some(Value::On), Value::On, "Power is on", "2px solid #1b7f3b"),
        (Some(Value::Off), Value::Off, "Power is off", "2px solid #b3261e"),
        (None, Value::On, "Power was on", "2px dashed #1b7f3b"),
        (None, Value::Off, "Power was off", "2px dashed #b3261e"),
    ];
    for (value, last, word, frame) in states {
        let mut message = notification(Kind::Opened);
        message.facts.insert("power".into(), fact(value, last, "2026-01-10T14:02:00Z"));
        let html = mail(&message).html.unwrap();
        assert!(html.contains(&format!("Cottage: {word}")) && html.contains(frame), "{word}: {html}");
        assert!(!html.contains("<img") && !html.contains("http://fonts") && !html.contains("@import"), "{html}");
    }
}

#[test]
fn the_page_as_a_whole() {
    insta::assert_snapshot!(mail(&notification(Kind::Opened)).html.unwrap());
}

//! The words of the built-in templates, as people read them.

use dag_delivery::{MailContent, MessageContent, Templates};
use dag_engine::{Cause, EndedBy, Kind, Notification, Value, Wording};

use crate::sample::{KINDS, causes, fact, incident, notification, of_rule, script, sensor, t, trouble};

fn mail(notification: &Notification) -> MailContent {
    match Templates::built_in().prepare(notification) {
        (MessageContent::Email(rendered), problems) if problems.is_empty() => rendered,
        other => panic!("{other:?}"),
    }
}

/// Returns subject and text of each message.
fn texts(messages: impl IntoIterator<Item = Notification>) -> String {
    let texts = messages.into_iter().map(|message| {
        let MailContent { subject, text, .. } = mail(&message);
        format!("{subject}\n{text}\n")
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_outage_is_told_from_its_beginning_to_its_end() {
    insta::assert_snapshot!(texts(KINDS.map(notification)));
}

#[test]
fn another_rule_is_told_by_its_name_and_never_of_the_mains() {
    let words = texts(KINDS.map(|kind| of_rule("battery-low", kind)));
    insta::assert_snapshot!(words);
    assert!(!words.contains("is back"), "{words}");
}

#[test]
fn the_next_day_and_a_far_zone_are_told_with_their_day() {
    let mut message = notification(Kind::Reminder);
    message.at = t("2026-01-11T09:00:00Z");
    message.timezone = "America/New_York".into();
    let MailContent { subject, text, .. } = mail(&message);
    insta::assert_snapshot!(format!("{subject}\n{text}"));
}

#[test]
fn messages_of_one_incident_have_subjects_that_differ_in_brackets_only() {
    let mut later = notification(Kind::Resolved);
    later.at = t("2027-01-11T09:00:00Z");
    let messages = KINDS.map(notification).into_iter().chain([later]);
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
            incident(&mut message).ended_by = Some(EndedBy::RuleRemoved);
            message.facts = notification(Kind::Opened).facts;
            let MailContent { subject, text, .. } = mail(&message);
            insta::allow_duplicates! { insta::with_settings!({ snapshot_suffix => rule }, {
                insta::assert_snapshot!("removed", format!("{subject}\n{text}"));
            }) }
        }
    }
}

/// Quiet hours hold the final message, and the power may have changed again by their end.
#[test]
fn an_end_that_is_told_late_says_nothing_of_the_present_that_is_not_seen() {
    let mut message = notification(Kind::Resolved);
    message.at = t("2026-01-11T07:00:00Z");
    message.facts.insert("power".into(), fact(Some(Value::Off), Value::Off, "2026-01-11T06:50:00Z"));
    let MailContent { subject, text, .. } = mail(&message);
    insta::assert_snapshot!(format!("{subject}\n{text}"));
    message.facts.insert("power".into(), fact(None, Value::On, "2026-01-10T14:31:00Z"));
    let MailContent { subject, text, .. } = mail(&message);
    assert!(!subject.contains("is back") && !text.contains("is back"), "{subject}: {text}");
}

#[test]
fn times_of_a_clock_that_was_not_set_are_told_as_such() {
    for kind in KINDS {
        for rule in ["power-outage", "battery-low"] {
            let certain = of_rule(rule, kind);
            let mut message = certain.clone();
            incident(&mut message).uncertain = true;
            let (certain, MailContent { subject, text, html }) = (mail(&certain), mail(&message));
            assert_eq!(subject, certain.subject);
            let sentence = "The clock of the monitor was not set, so the times in this message may be wrong.";
            assert_eq!(text.replacen(&format!("{sentence}\n\n"), "", 1), certain.text);
            assert!(text.contains(sentence) && html.unwrap().contains(sentence), "{text}");
        }
    }
}

#[test]
fn an_unknown_fact_is_shown_as_it_was_last_seen() {
    for rule in ["power-outage", "battery-low"] {
        let mut message = of_rule(rule, Kind::Reminder);
        incident(&mut message).unseen = true;
        message.facts = [("power".into(), fact(None, Value::Off, "2026-01-10T14:02:00Z"))].into();
        let MailContent { subject, text, html } = mail(&message);
        insta::with_settings!({ snapshot_suffix => rule }, {
            insta::assert_snapshot!("unseen", format!("{subject}\n{text}"));
        });
        assert!(html.unwrap().contains("Cottage: Power was off"));
    }
}

#[test]
fn an_acknowledged_outage_that_still_lasts_says_by_whom() {
    let mut message = notification(Kind::Escalated);
    incident(&mut message).acknowledged = incident(&mut notification(Kind::Acknowledged)).acknowledged.clone();
    insta::assert_snapshot!(mail(&message).text);
}

#[test]
fn a_flicker_is_told_with_its_seconds() {
    let mut message = notification(Kind::Past);
    incident(&mut message).ended = Some(t("2026-01-10T14:02:16Z"));
    assert_eq!(mail(&message).subject, "[Power was out 14:02:00 to 14:02:16] Cottage, 10 Jan 14:02");
}

#[test]
fn system_trouble_says_what_follows_from_it_and_what_to_do() {
    insta::assert_snapshot!(texts(causes().into_iter().map(trouble)));
}

/// No message sounds like news of the mains, whatever their last known state was.
#[test]
fn a_lost_sensor_never_says_that_the_power_is_back() {
    for last in [Value::On, Value::Off] {
        for cause in causes() {
            let mut message = trouble(cause);
            message.facts.insert("power".into(), fact(None, last, "2026-01-10T13:00:00Z"));
            let MailContent { subject, text, html } = mail(&message);
            let html = html.unwrap();
            for told in [&subject, &text, &html] {
                assert!(!told.contains(" back") && !told.contains("Power is"), "{told}");
            }
            assert!(html.contains("Cottage: Trouble with the monitor"), "{html}");
        }
    }
    let mut never_seen = trouble(sensor("power", &[]));
    never_seen.facts.clear();
    assert!(!mail(&never_seen).text.contains("last seen"));
}

#[test]
fn messages_of_one_cause_have_subjects_that_differ_in_brackets_only() {
    let rest = |cause: Cause| {
        let mut message = trouble(cause);
        message.at = t("2026-03-01T09:00:00Z");
        let subject = mail(&message).subject;
        let (change, rest) = subject.split_once("] ").unwrap();
        assert!(change.starts_with("[Monitor: "), "{subject}");
        rest.to_owned()
    };
    let rests: std::collections::BTreeSet<String> = causes().into_iter().map(rest).collect();
    assert_eq!(rests.len(), causes().len(), "{rests:?}");
    assert_eq!(rest(sensor("power", &[])), rest(sensor("power", &["power-outage"])));
    assert_eq!(rest(script("message", "a")), rest(script("allow", "b")));
}

/// Thousands of rules or a very long error neither lose the message nor make it too long.
#[test]
fn trouble_that_has_much_to_say_is_cut() {
    let names: Vec<String> = (0..5_000).map(|number| format!("rule-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let endless = "a\n\nb ".repeat(100_000);
    let host = |about: &str| Cause::Host { about: about.into(), text: endless.clone() };
    let long = [sensor("power", &names), script("allow", &endless), host("rules"), host("clock"), host("uplink")];
    for cause in long {
        let text = mail(&trouble(cause)).text;
        assert!(text.len() < 3_000, "{text}");
    }
    assert!(mail(&trouble(sensor("power", &names))).text.contains("rule-18, rule-19 and 4980 more. Until"));
}

#[test]
fn a_script_s_own_words_take_the_place_of_the_templates_everywhere() {
    let mut message = notification(Kind::Opened);
    let (subject, text) = ("Dark\r\nagain".to_owned(), "The <b>barn</b> is dark.\n\nBring a torch.".to_owned());
    message.wording = Some(Wording { subject, text });
    let MailContent { subject, text, html } = mail(&message);
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

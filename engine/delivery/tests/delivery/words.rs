//! The words of the built-in templates, as people read them.

use dag_delivery::{MailContent, MessageContent};
use dag_engine::{Cause, EndedBy, Kind, Notification, Severity, Value, Wording};

use crate::sample::{
    KINDS, at_once, built_in, causes, fact, freezer, gallery, incident, notification, of_rule, removed, script, sensor,
    t, trouble, unseen,
};

fn mail(notification: &Notification) -> MailContent {
    match built_in().prepare(notification) {
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
            let unsent = " Nothing about it was sent here before.";
            assert_eq!(text.contains(unsent), kind == Kind::Past, "{text}");
            let text = text.replacen(unsent, "", 1);
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
        assert!(html.unwrap().contains("Critical, not seen at present"));
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
    message.facts.insert("power".into(), fact(Some(Value::On), Value::On, "2026-01-10T14:02:16Z"));
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
            let (_, page) = html.split_once("<body").unwrap();
            for told in [&subject, &text, page] {
                assert!(!told.contains(" back") && !told.contains("Power is"), "{told}");
            }
            assert!(page.contains("Trouble with the monitor"), "{page}");
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
    assert_eq!(built_in().subject(&message), "Dark again");
}

/// A freezer's door that is open while the power is on is no good news, and no news of the power.
#[test]
fn the_page_shows_the_incident_and_not_the_mains() {
    let cases = [
        (notification(Kind::Opened), "Critical", "Power is out", "#b3261e"),
        (notification(Kind::Reminder), "Critical", "Power still out after 2 hours 30 minutes", "#b3261e"),
        (notification(Kind::Acknowledged), "Acknowledged", "Power outage: acknowledged by Kim", "#0b6b6d"),
        (notification(Kind::Resolved), "Over", "Power is back after 29 minutes", "#1a6e3b"),
        (notification(Kind::Past), "Over", "Power was out 14:02 to 14:31", "#1a6e3b"),
        (freezer(Kind::Opened, Severity::Critical), "Critical", "Freezer open", "#b3261e"),
        (freezer(Kind::Opened, Severity::Warning), "Warning", "Freezer open", "#8b5000"),
        (freezer(Kind::Opened, Severity::Info), "For your information", "Freezer open", "#1a5faa"),
        (freezer(Kind::Resolved, Severity::Warning), "Over", "Freezer open: over after 29 minutes", "#1a6e3b"),
        (
            removed(freezer(Kind::Past, Severity::Warning)),
            "Closed, and not known to be over",
            "Freezer open: no longer watched",
            "#596063",
        ),
        (
            trouble(sensor("power", &[])),
            "Trouble with the monitor",
            "Monitor: cannot tell if the power is on",
            "#6645a6",
        ),
    ];
    for (message, word, headline, colour) in cases {
        let page = mail(&message).html.unwrap();
        for shown in [word, headline, "Cottage"] {
            assert!(page.contains(&format!(">{shown}</div>")), "{shown}: {page}");
        }
        assert!(page.contains(&format!("background-color:{colour};border:3px solid {colour}")), "{colour}: {page}");
    }
    for severity in [Severity::Warning, Severity::Critical] {
        let page = mail(&unseen(freezer(Kind::Reminder, severity))).html.unwrap();
        assert!(page.contains(", not seen at present</div>") && page.contains("3px dashed"), "{page}");
    }
}

#[test]
fn pages_load_nothing_and_hide_nothing() {
    for (name, message) in gallery() {
        let page = mail(&message).html.unwrap();
        for absent in ["<img", "src=", "http://fonts", "@import", "display:none", "opacity:0"] {
            assert!(!page.contains(absent), "{name}: {absent} in {page}");
        }
        // Gmail shows the first 102 KiB of a page.
        assert!(page.len() < 50 * 1024, "{name}: {} bytes", page.len());
    }
}

#[test]
fn states_are_told_in_the_words_of_the_configuration() {
    let told = |message: &Notification| {
        let lines = mail(message).text;
        lines.lines().find(|line| line.starts_with("Freezer door: ")).unwrap().to_owned()
    };
    let mut message = freezer(Kind::Opened, Severity::Warning);
    assert_eq!(told(&message), "Freezer door: open, since 14:02");
    assert_eq!(told(&unseen(message.clone())), "Freezer door: open, when last seen");
    assert_eq!(told(&freezer(Kind::Resolved, Severity::Warning)), "Freezer door: closed, since 14:31");
    message.device.switches.get_mut("freezer_door").unwrap().on = None;
    assert_eq!(told(&message), "Freezer door: on, since 14:02");
    message.device.switches.clear();
    assert_eq!(told(&message), "Freezer door: on, since 14:02");
}

/// A rule of another name says the same, and one of that name about something else does not.
#[test]
fn the_mains_are_told_by_the_condition_of_a_rule_and_not_by_its_name() {
    let subject = |rules: &[&str], rule: &str| {
        let names: Vec<dag_engine::Name> = rules.iter().copied().map(dag_engine::Name::from).collect();
        dag_delivery::Templates::built_in().with_mains_outages(&names).subject(&of_rule(rule, Kind::Resolved))
    };
    assert_eq!(subject(&["blackout"], "blackout"), "[Power is back after 29 minutes] Cottage, 10 Jan 14:02");
    assert_eq!(subject(&["blackout"], "power-outage"), "[Power outage: over after 29 minutes] Cottage, 10 Jan 14:02");
    assert_eq!(subject(&[], "power-outage"), "[Power outage: over after 29 minutes] Cottage, 10 Jan 14:02");
}

#[test]
fn what_opens_in_the_moment_it_begins_has_no_length() {
    let first = |message: Notification| mail(&message).text.lines().next().unwrap().to_owned();
    assert_eq!(first(at_once(notification(Kind::Opened))), "The mains power at Cottage has been out since 14:02.");
    assert_eq!(first(at_once(freezer(Kind::Opened, Severity::Info))), "Freezer open at Cottage since 14:02.");
}

#[test]
fn no_sentence_has_a_length_of_nothing_or_one_of_many() {
    for (name, message) in gallery() {
        let MailContent { subject, text, .. } = mail(&message);
        for told in [subject, text] {
            for wrong in [" 0 seconds", "  ", " ,", " .", ", ,", "..", "1 seconds", "none"] {
                assert!(!told.contains(wrong), "{name}: `{wrong}` in {told}");
            }
        }
    }
}

#[test]
fn the_page_as_a_whole() {
    insta::assert_snapshot!(mail(&notification(Kind::Opened)).html.unwrap());
}

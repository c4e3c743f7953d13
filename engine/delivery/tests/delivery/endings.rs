//! What people are told when an incident ends: that the power is back only if it is, and else what is.

use dag_delivery::{MailContent, MessageContent, Templates};
use dag_engine::{EndedBy, FactSnapshot, Kind, Notification, SwitchLabels, Value};

use crate::sample::{at_end, built_in, fact, freezer, incident, notification, of_rule, t, webhook};

const ON: Option<Value> = Some(Value::On);
const OFF: Option<Value> = Some(Value::Off);
const AWAY: Option<Value> = Some(Value::Disconnected);
const HEARD: Option<Value> = Some(Value::Connected);

/// Returns the change that the subject names, and the sentences about the incident. All layouts say the same.
fn told(message: &Notification) -> (String, String) {
    told_by(&built_in(), message)
}

fn told_by(templates: &Templates, message: &Notification) -> (String, String) {
    let (MessageContent::Email(MailContent { subject, text, html }), problems) = templates.prepare(message) else {
        panic!("{message:?}")
    };
    assert_eq!(problems, []);
    let sentences = text.split("\n\n").next().unwrap().to_owned();
    let headline = subject[1..].split_once("] ").unwrap().0.to_owned();
    let html = html.unwrap().replace("&quot;", "\"");
    assert!(html.contains(&format!(">{headline}</div>")) && html.contains(&sentences), "{sentences}: {html}");
    for template in [None, Some("slack"), Some("discord"), Some("telegram"), Some("ntfy")] {
        let address = webhook("https://ntfy.example.com/outages", template, &[]);
        let (content, problems) = templates.prepare(&Notification { address, ..message.clone() });
        assert_eq!(problems, []);
        let MessageContent::Webhook { body, .. } = content else { panic!() };
        let body = serde_json::from_str::<serde_json::Value>(&body).unwrap().to_string();
        let quoted = serde_json::to_string(&sentences).unwrap();
        assert!(body.contains(&headline) && body.contains(quoted.trim_matches('"')), "{template:?}: {body}");
    }
    (headline, sentences)
}

/// Returns the word and the colour of the page, and the tag of ntfy.
fn look(message: &Notification) -> [String; 2] {
    let (MessageContent::Email(MailContent { html, .. }), _) = built_in().prepare(message) else { panic!() };
    let html = html.unwrap();
    let words = ["Over", "Over, and changed since", "Closed, and not known to be over"];
    let word = words.into_iter().find(|word| html.contains(&format!(">{word}</div>"))).unwrap();
    let address = webhook("https://ntfy.example.com/outages", Some("ntfy"), &[]);
    let (MessageContent::Webhook { body, .. }, _) = built_in().prepare(&Notification { address, ..message.clone() })
    else {
        panic!()
    };
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    [word.to_owned(), body["tags"][0].as_str().unwrap().to_owned()]
}

/// Returns the message that the incident of a rule is over, which began at 14:02. It ended at 22:00, where `by` did it,
/// and the power was off then and is off.
fn ended_at_ten(rule: &str, by: EndedBy) -> Notification {
    let mut message = of_rule(rule, Kind::Resolved);
    message.at = t("2026-01-10T22:00:10Z");
    incident(&mut message).ended = Some(t("2026-01-10T22:00:00Z"));
    incident(&mut message).ended_by = Some(by);
    now(at_end(message, &[("power", OFF)]), "power", OFF, "2026-01-10T14:02:00Z")
}

/// Returns the message with another fact. A value of `None` is one that is not known, and was off before.
fn now(mut message: Notification, name: &str, value: Option<Value>, since: &str) -> Notification {
    let last = value.unwrap_or(Value::Off);
    message.facts.insert(name.into(), fact(value, last, since));
    message
}

fn past(mut message: Notification) -> Notification {
    message.kind = Kind::Past;
    message
}

/// Prometheus resolves an alert whose data is missing: "This is misleading support engineers",
/// <https://github.com/prometheus/alertmanager/issues/2264>. `known(power) && power == off` ends so.
#[test]
fn an_end_by_a_lost_sensor_is_no_good_news() {
    let message = at_end(ended_at_ten("known-outage", EndedBy::LostSensor), &[("power", None)]);
    let message = now(message, "power", None, "2026-01-10T14:02:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Known outage: no longer counts after 7 hours 58 minutes, mains power not known");
    assert_eq!(
        text,
        "From 22:00 on this is not counted as \"Known outage\" at Cottage any more (because a sensor was lost). \
         It was counted from 14:02 to 22:00, for 7 hours 58 minutes. \
         The mains power is not known; when last seen, it was off."
    );
    assert_eq!(look(&message), ["Closed, and not known to be over", "no_bell"]);
    // The sensor is found again before the message is made.
    let (headline, text) = told(&now(message, "power", OFF, "2026-01-10T14:02:00Z"));
    assert!(headline.ends_with(", mains power now off"), "{headline}");
    assert!(text.ends_with(" The mains power was not known at 22:00, and is off now."), "{text}");
}

/// Simplemonitor told "success" when the hours of an alerter ended:
/// <https://github.com/jamesoff/simplemonitor/pull/14>. `power == off && between("07:00", "22:00")` ends so.
#[test]
fn an_end_by_the_clock_says_that_the_power_is_still_off() {
    let message = ended_at_ten("power-by-day", EndedBy::Clock);
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power by day: no longer counts after 7 hours 58 minutes, mains power still off");
    assert_eq!(
        text,
        "From 22:00 on this is not counted as \"Power by day\" at Cottage any more (by the clock). \
         It was counted from 14:02 to 22:00, for 7 hours 58 minutes. The mains power is still off."
    );
    assert_eq!(look(&message), ["Closed, and not known to be over", "no_bell"]);
    let (headline, text) = told(&past(message));
    assert_eq!(headline, "Power by day: counted 14:02 to 22:00, mains power still off");
    assert!(text.contains(" Nothing about it was sent here before. The mains power is still off."), "{text}");
}

/// A threshold was edited while the alert lasted, and whoever was paged learnt nothing true of it:
/// <https://github.com/traceroot-ai/traceroot/issues/2143>. Here `power == off` became `power == off && battery < 50`.
#[test]
fn an_end_by_an_edit_says_what_is() {
    let battery = Some(Value::Number(83));
    let message = at_end(ended_at_ten("power-outage", EndedBy::Edit), &[("battery", battery), ("power", OFF)]);
    // The rule is no longer about an outage of the mains alone.
    let (headline, text) = told_by(&Templates::built_in(), &message);
    assert_eq!(headline, "Power outage: no longer counts after 7 hours 58 minutes, mains power still off");
    assert_eq!(
        text,
        "From 22:00 on this is not counted as \"Power outage\" at Cottage any more (by an edit of the rules or \
         settings). It was counted from 14:02 to 22:00, for 7 hours 58 minutes. \
         The battery is at 83 %. The mains power is still off."
    );
    // The edit was taken back before the message was made.
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power outage: no longer counts after 7 hours 58 minutes, mains power still off");
    assert!(
        text.starts_with(
            "From 22:00 on this is not counted as an outage at Cottage any more (by an edit of the rules or settings). "
        ),
        "{text}"
    );
    assert_eq!(look(&message), ["Closed, and not known to be over", "no_bell"]);
}

/// `power == off || battery < 20` became `power == off` while the mains were on.
#[test]
fn an_edit_while_the_power_is_on_does_not_bring_it_back() {
    let message =
        now(at_end(ended_at_ten("power-outage", EndedBy::Edit), &[("power", ON)]), "power", ON, "2026-01-09T08:15:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power outage: no longer counts after 7 hours 58 minutes, mains power still on");
    assert!(text.ends_with(" The mains power is still on.") && !text.contains("back"), "{text}");
}

/// "Still" is said of what is known now, was the same at the end, and has not changed since.
#[test]
fn still_is_said_of_what_has_not_changed_alone() {
    let message = |value, since: &str| now(ended_at_ten("power-by-day", EndedBy::Clock), "power", value, since);
    let last = |message: &Notification| told(message).1.split(". ").last().unwrap().to_owned();
    for (value, since, at, told) in [
        (OFF, "2026-01-10T14:02:00Z", "2026-01-11T07:00:00Z", "The mains power is still off."),
        // It came back for a moment before the end.
        (
            OFF,
            "2026-01-10T21:59:59Z",
            "2026-01-11T07:00:00Z",
            "The mains power has been off since 21:59 on Sat 10 Jan.",
        ),
        (
            ON,
            "2026-01-11T02:00:00Z",
            "2026-01-11T07:00:00Z",
            "The mains power was off at 22:00 on Sat 10 Jan, and has been on since 02:00.",
        ),
        (
            OFF,
            "2026-01-11T02:00:00Z",
            "2026-01-11T07:00:00Z",
            "The mains power was off at 22:00 on Sat 10 Jan, and has been off again since 02:00.",
        ),
        (
            ON,
            "2026-01-10T22:00:05Z",
            "2026-01-10T22:00:10Z",
            "The mains power was off at 22:00:00, and has been on since 22:00:05.",
        ),
        (
            None,
            "2026-01-10T14:02:00Z",
            "2026-01-11T07:00:00Z",
            "The mains power was off at 22:00 on Sat 10 Jan, and is not known now.",
        ),
    ] {
        let mut message = message(value, since);
        message.at = t(at);
        assert_eq!(last(&message), told);
    }
    // It was on in between, and then the sensor was lost.
    let mut message = message(None, "2026-01-10T14:02:00Z");
    message.facts.insert("power".into(), fact(None, Value::On, "2026-01-10T22:00:05Z"));
    assert_eq!(last(&message), "The mains power was off at 22:00, and is not known now; when last seen, it was on.");
    // The device is away: its last report says nothing of now.
    let message = now(ended_at_ten("power-by-day", EndedBy::Clock), "connection", AWAY, "2026-01-10T20:00:00Z");
    assert_eq!(last(&message), "The mains power was off at 22:00, and is not known now.");
}

#[test]
fn weekdays_and_removed_facts_and_words_of_the_configuration_are_told_alike() {
    // `weekday() == "sat" && freezer_door == on` at midnight.
    let mut message = freezer(Kind::Resolved, dag_engine::Severity::Warning);
    message.at = t("2026-01-11T00:00:00Z");
    incident(&mut message).ended = Some(t("2026-01-11T00:00:00Z"));
    incident(&mut message).ended_by = Some(EndedBy::Clock);
    let mut message = now(at_end(message, &[("freezer_door", ON)]), "freezer_door", ON, "2026-01-10T14:02:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Freezer open: no longer counts after 9 hours 58 minutes, freezer door still open");
    assert!(text.ends_with(" The freezer door is still open."), "{text}");
    message.device.switches.insert("freezer_door".into(), SwitchLabels::default());
    assert!(told(&message).1.ends_with(" The freezer door is still on."));
    message.facts.remove("freezer_door");
    assert!(told(&message).1.ends_with(" The freezer door was on at 00:00, and is not known now."));
}

#[test]
fn the_power_is_back_only_if_it_is() {
    let resolved = || notification(Kind::Resolved);
    let last = "It was out from 14:02 to 14:31, for 29 minutes.";
    assert_eq!(
        told(&resolved()),
        ("Power is back after 29 minutes".to_owned(), format!("The mains power at Cottage is back. {last}"))
    );
    assert_eq!(look(&resolved()), ["Over", "white_check_mark"]);
    let came_back = |rest: &str| format!("The mains power at Cottage came back at 14:31. {last} {rest}");
    for (value, since, headline, rest) in [
        (OFF, "2026-01-10T14:31:05Z", "mains power now off", "The mains power has been off since 14:31:05."),
        (ON, "2026-01-10T14:31:05Z", "mains power now on", "The mains power has been on again since 14:31:05."),
    ] {
        let message = now(resolved(), "power", value, since);
        let (told_headline, text) = told(&message);
        assert_eq!(told_headline, format!("Power was back after 29 minutes, {headline}"));
        assert_eq!(text, came_back(rest));
        assert_eq!(look(&message), ["Over, and changed since", "arrows_counterclockwise"]);
    }
    let mut lost = resolved();
    lost.facts.insert("power".into(), fact(None, Value::On, "2026-01-10T14:31:00Z"));
    let away = now(resolved(), "connection", AWAY, "2026-01-10T14:31:05Z");
    for message in [lost, away] {
        let (headline, text) = told(&message);
        assert_eq!(headline, "Power was back after 29 minutes, mains power not known now");
        assert_eq!(text, came_back("The mains power is not known now; when last seen, it was on."));
    }
}

/// Readings alone do not make good news of a rule that was about something else when its incident ended: `power == off
/// && battery < 50` ended as a generator charged the battery, and then became `power == off`.
#[test]
fn a_battery_that_is_charged_does_not_bring_the_power_back() {
    let battery = Some(Value::Number(60));
    let message = at_end(notification(Kind::Resolved), &[("battery", battery), ("power", OFF)]);
    let message = now(message, "power", OFF, "2026-01-10T14:02:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power outage: no longer counts after 29 minutes, mains power still off");
    assert!(
        text.ends_with("The battery was at 60 % at 14:31, and is at 83 % now. The mains power is still off."),
        "{text}"
    );
    assert!(text.starts_with("From 14:31 on this is not counted as an outage at Cottage any more. "), "{text}");
}

/// The condition was asked again later than the power came back: an edit had closed an incident meanwhile.
#[test]
fn the_power_did_not_come_back_at_an_end_that_it_was_on_before() {
    let message = now(notification(Kind::Resolved), "power", ON, "2026-01-10T14:20:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power outage: no longer counts after 29 minutes, mains power on");
    assert!(!text.contains("back"), "{text}");
}

/// `connection == disconnected && (!known(power) || power == on)` ends as a late reading says that the power is off. The
/// monitor is not heard of.
#[test]
fn lost_contact_is_not_over_while_the_contact_is_lost() {
    let mut message = of_rule("lost-contact", Kind::Resolved);
    message.facts.insert("connection".into(), fact(AWAY, Value::Disconnected, "2026-01-10T14:02:00Z"));
    let message = at_end(message, &[("connection", AWAY), ("power", OFF)]);
    let message = now(message, "power", OFF, "2026-01-10T14:31:00Z");
    let (headline, text) = told(&message);
    assert_eq!(
        headline,
        "Lost contact: no longer counts after 29 minutes, monitor still disconnected, mains power not known now"
    );
    assert_eq!(
        text,
        "From 14:31 on this is not counted as \"Lost contact\" at Cottage any more. \
         It was counted from 14:02 to 14:31, for 29 minutes. \
         The monitor is still disconnected. The mains power was off at 14:31, and is not known now."
    );
}

/// `freezer_door == on && power == off` ends as the power comes back: the door is still open.
#[test]
fn a_rule_of_several_facts_is_not_over_while_one_of_them_is_as_it_was() {
    let message = freezer(Kind::Resolved, dag_engine::Severity::Warning);
    let message = at_end(message, &[("freezer_door", ON), ("power", ON)]);
    let message = now(message, "freezer_door", ON, "2026-01-10T13:50:00Z");
    let message = now(message, "power", ON, "2026-01-10T14:31:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Freezer open: no longer counts after 29 minutes, freezer door still open, mains power on");
    assert!(text.ends_with("The freezer door is still open. The mains power has been on since 14:31."), "{text}");
}

/// `freezer_door == on && !freezer_door.held("2h")` ends as time passes, and `unstable-supply` does.
#[test]
fn what_ends_as_time_passes_says_what_still_holds() {
    let message = at_end(freezer(Kind::Resolved, dag_engine::Severity::Warning), &[("freezer_door", ON)]);
    let message = now(message, "freezer_door", ON, "2026-01-10T14:02:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Freezer open: over after 29 minutes, freezer door still open");
    assert_eq!(
        text,
        "Freezer open at Cottage is over. It lasted 29 minutes, from 14:02 to 14:31. The freezer door is still open."
    );
}

/// The value in a resolved message of Prometheus is the one that fired:
/// <https://github.com/prometheus/prometheus/issues/7224>. Here it is the one of now, and the one at the end.
#[test]
fn another_rule_was_over_if_its_facts_changed_since() {
    let message = at_end(of_rule("battery-low", Kind::Resolved), &[("battery", Some(Value::Number(25)))]);
    let number = |value| FactSnapshot {
        value: Some(Value::Number(value)),
        last: Some(Value::Number(value)),
        since: Some(t("2026-01-10T14:31:05Z")),
    };
    let mut message = message;
    message.facts.insert("battery".into(), number(5));
    let (headline, text) = told(&message);
    assert_eq!(headline, "Battery low: over after 29 minutes");
    assert_eq!(
        text,
        "Battery low at Cottage is over. It lasted 29 minutes, from 14:02 to 14:31. The battery is at 5 % now."
    );
    // Numbers vary: they do not take the colour.
    assert_eq!(look(&message), ["Over", "white_check_mark"]);
    let door = at_end(freezer(Kind::Resolved, dag_engine::Severity::Warning), &[("freezer_door", OFF)]);
    let door = now(door, "freezer_door", ON, "2026-01-10T14:31:05Z");
    assert_eq!(told(&door).0, "Freezer open: was over after 29 minutes, freezer door now open");
    assert_eq!(look(&door), ["Over, and changed since", "arrows_counterclockwise"]);
}

/// An incident that ended before the values were noted, in an earlier version.
#[test]
fn without_the_values_at_the_end_the_last_change_says_whether_the_power_came_back() {
    let message = at_end(notification(Kind::Resolved), &[]);
    assert_eq!(told(&message).0, "Power is back after 29 minutes");
    for (value, since) in [(OFF, "2026-01-10T14:02:00Z"), (ON, "2026-01-10T14:20:00Z"), (None, "2026-01-10T14:02:00Z")]
    {
        let (headline, text) = told(&now(message.clone(), "power", value, since));
        assert_eq!(headline, "Power outage: no longer counts after 29 minutes");
        assert!(!text.contains("back"), "{text}");
    }
}

#[test]
fn what_was_reported_late_says_so_once() {
    let late = |kind, since: Option<&str>, ended: Option<&str>| {
        let mut message = notification(kind);
        incident(&mut message).since_reported = since.map(t);
        incident(&mut message).ended_reported = ended.map(t);
        told(&message).1
    };
    let (ten, eleven) = ("2026-01-10T15:10:00Z", "2026-01-10T15:11:00Z");
    for (text, sentence) in [
        (late(Kind::Resolved, None, Some(ten)), "This was reported late, at 15:10."),
        (late(Kind::Resolved, Some(ten), None), "That it began was reported late, at 15:10."),
        (late(Kind::Past, Some(ten), Some(ten)), "Both were reported late, at 15:10."),
        (
            late(Kind::Past, Some(ten), Some(eleven)),
            "Both were reported late: the beginning at 15:10, the end at 15:11.",
        ),
        (late(Kind::Opened, Some(ten), None), "This was reported late, at 15:10."),
        (late(Kind::Reminder, Some(ten), None), "That it began was reported late, at 15:10."),
        // There is no end yet.
        (late(Kind::Escalated, None, Some(ten)), "Nobody has acknowledged it."),
    ] {
        assert!(text.ends_with(sentence), "{sentence}: {text}");
        assert!(text.matches("reported late").count() <= 1, "{text}");
    }
    // A longer example: off 10:00, opened 10:05, and at 10:15 arrives that it was on at 10:01.
    let mut message = notification(Kind::Resolved);
    message.at = t("2026-01-10T10:15:00Z");
    let snapshot = incident(&mut message);
    snapshot.since = t("2026-01-10T10:00:00Z");
    snapshot.opened_at = t("2026-01-10T10:05:00Z");
    snapshot.ended = Some(t("2026-01-10T10:01:00Z"));
    snapshot.ended_reported = Some(t("2026-01-10T10:15:00Z"));
    let message = now(message, "power", ON, "2026-01-10T10:01:00Z");
    assert_eq!(
        told(&message).1,
        "The mains power at Cottage is back. It was out from 10:00:00 to 10:01:00, for 1 minute. \
         This was reported late, at 10:15."
    );
}

#[test]
fn an_acknowledgement_that_lapsed_says_when_and_whose_it_was() {
    for kind in [Kind::Opened, Kind::Escalated, Kind::Reminder] {
        let mut message = notification(kind);
        incident(&mut message).acknowledged = incident(&mut notification(Kind::Acknowledged)).acknowledged.clone();
        incident(&mut message).acknowledged.as_mut().unwrap().lapsed = Some(t("2026-01-10T18:10:00Z"));
        message.at = t("2026-01-10T18:10:00Z");
        let text = told(&message).1;
        assert!(text.ends_with(" The acknowledgement by Kim of 14:10 lapsed at 18:10."), "{text}");
        assert!(!text.contains("was acknowledged") && !text.contains("Nobody"), "{text}");
    }
}

/// A monitor that was heard of last in an outage, and is away: whether the power is still out is not known.
#[test]
fn a_device_that_is_away_is_not_said_to_be_still_without_power() {
    let message = now(notification(Kind::Escalated), "connection", AWAY, "2026-01-10T14:20:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power was out when last seen");
    assert!(text.contains("It cannot be seen at present: out is how it was last seen."), "{text}");
    let message = now(notification(Kind::Escalated), "connection", HEARD, "2026-01-10T14:20:00Z");
    assert_eq!(told(&message).0, "Power still out after 30 minutes");
    let message = now(of_rule("battery-low", Kind::Reminder), "connection", AWAY, "2026-01-10T14:20:00Z");
    assert!(told(&message).1.ends_with(" ago. The monitor is not connected at present."), "{}", told(&message).1);
}

/// The power came back, and the sensor was lost before that had lasted for `close_after`: the incident is still open.
#[test]
fn a_sensor_that_saw_the_power_come_back_last_does_not_say_that_it_was_out() {
    let mut message = notification(Kind::Reminder);
    incident(&mut message).unseen = true;
    message.facts.insert("power".into(), fact(None, Value::On, "2026-01-10T14:20:00Z"));
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power outage: not seen at present");
    assert_eq!(text, "Power outage at Cottage began at 14:02. Whether it lasts cannot be seen at present.");
}

/// The incident began before the power went off, or the power came back for a moment: its time is not the power's.
#[test]
fn the_power_is_out_since_when_it_went_off() {
    for since in ["2026-01-10T14:01:00Z", "2026-01-10T14:20:00Z"] {
        let message = |kind| now(notification(kind), "power", OFF, since);
        assert_eq!(
            told(&message(Kind::Reminder)),
            (
                "Power outage for 2 hours 30 minutes".to_owned(),
                "Power outage at Cottage is not over. It began at 14:02, 2 hours 30 minutes ago.".to_owned()
            )
        );
        assert_eq!(told(&message(Kind::Opened)).0, "Power outage");
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_told_as_such() {
    let mut message = notification(Kind::Resolved);
    incident(&mut message).since = t("1969-12-31T23:00:00Z");
    let (headline, text) = told(&message);
    assert_eq!(headline, "Power is back after more than ten years");
    assert!(text.contains("It was out from 1970 or before to 14:31, for more than ten years."), "{text}");
    message.at = t("9999-12-30T22:00:00Z");
    incident(&mut message).ended = Some(message.at);
    let message = now(message, "power", ON, "9999-12-30T22:00:00Z");
    assert!(told(&message).1.contains("from 1970 or before to 9999 or later"), "{}", told(&message).1);
}

/// A template of a user's own has the same words at hand.
#[test]
fn a_user_s_template_says_what_was_then_and_is_now() {
    let files = [
        (
            "message.txt",
            "{{ ending }}. {{ since_then }}{% for f in then_and_now %} {{ f.fact }}: {{ f.then }}, {{ f.now }}, {{ f.change }}, {{ f.since | time }}. {{ f.sentence }} {{ f.present }}{% endfor %}",
        ),
        ("subject.txt", "[{{ incident.facts_at_end.power }}, {{ incident.ended_by }}] {{ in_short }}"),
    ];
    let templates = Templates::load(files.map(|(name, text)| (name.to_owned(), text.to_owned()))).unwrap();
    let (headline, text) = told_by(&templates, &ended_at_ten("power-by-day", EndedBy::Clock));
    assert_eq!(headline, "off, clock");
    assert_eq!(
        text,
        "no_longer_counts. The mains power is still off. power: off, off, still, 14:02. The mains power is still off. \
         The mains power is off now."
    );
}

/// Whatever the facts are, also such as no engine would give together: no text states what they deny.
#[test]
fn no_text_states_what_the_facts_deny() {
    let ended = t("2026-01-10T14:31:00Z");
    let whiles = ["13:50:00", "14:02:00", "14:20:00", "14:31:00", "14:31:05"];
    let causes =
        [None, Some(EndedBy::Clock), Some(EndedBy::Edit), Some(EndedBy::LostSensor), Some(EndedBy::RuleRemoved)];
    let mut cases = 0;
    for (kind, rule) in [Kind::Opened, Kind::Escalated, Kind::Resolved, Kind::Past]
        .into_iter()
        .flat_map(|kind| [(kind, "power-outage"), (kind, "power-by-day")])
    {
        for (last, known, away) in [Value::On, Value::Off]
            .into_iter()
            .flat_map(|last| [(last, true, false), (last, true, true), (last, false, false)])
        {
            for (since, by, then) in whiles
                .into_iter()
                .flat_map(|since| causes.into_iter().flat_map(move |by| [ON, OFF, None].map(|then| (since, by, then))))
            {
                let over = matches!(kind, Kind::Resolved | Kind::Past);
                if !over && (by.is_some() || then.is_some()) {
                    continue;
                }
                let mut message = of_rule(rule, kind);
                let since = format!("2026-01-10T{since}Z");
                message.facts.insert("power".into(), fact(known.then_some(last), last, &since));
                if away {
                    message = now(message, "connection", AWAY, "2026-01-10T14:20:00Z");
                }
                incident(&mut message).ended_by = by;
                let message = if over { at_end(message, &[("power", then)]) } else { message };
                let (MessageContent::Email(MailContent { subject, text, .. }), _) = built_in().prepare(&message) else {
                    panic!()
                };
                let seen = (known && !away).then_some(last);
                let told = format!("{subject}\n{}", text.split("\n\n").next().unwrap());
                let says = |words: &[&str]| words.iter().any(|words| told.contains(words));
                let by_a_reading = over && by.is_none() && then == ON;
                let about = format!("{seen:?} since {since}, {then:?} at the end by {by:?}: {told}");
                if says(&["is back"]) && !says(&["does not say that the mains power is back"]) {
                    assert!(by_a_reading && seen == ON && t(&since) <= ended, "{about}");
                }
                if says(&["came back", "was back", "Power was out 1"]) {
                    assert!(by_a_reading, "{about}");
                }
                if says(&["is over", "was over", ": over"]) {
                    assert!(over && by.is_none() && rule != "power-outage", "{about}");
                }
                if says(&["is out", "been out", "still out"]) {
                    assert!(seen == OFF && t(&since) == t("2026-01-10T14:02:00Z"), "{about}");
                }
                for (word, value) in [("still on", ON), ("still off", OFF)] {
                    if says(&[word]) {
                        assert!(seen == value && then == value && t(&since) < ended, "{about}");
                    }
                }
                for (word, value) in [("power is on", ON), ("now on", ON), ("power is off", OFF), ("now off", OFF)] {
                    if says(&[word]) {
                        assert_eq!(seen, value, "{about}");
                    }
                }
                if over && look_is_good(&message) {
                    assert!(by.is_none() && seen.is_some() && seen == then && t(&since) <= ended, "{about}");
                }
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 2 * 2 * 6 * 5 + 2 * 2 * 6 * 5 * 15);
}

/// Returns whether a message has the sign of good news.
fn look_is_good(message: &Notification) -> bool {
    let address = webhook("https://ntfy.example.com/outages", Some("ntfy"), &[]);
    let (content, _) = built_in().prepare(&Notification { address, ..message.clone() });
    matches!(content, MessageContent::Webhook { body, .. } if body.contains("white_check_mark"))
}

/// The power came back for less than `close_after`, or could not be seen for a while: "out for 29 minutes" is not so.
#[test]
fn an_interrupted_incident_tells_no_length_of_an_outage() {
    let interrupted = |mut message: Notification| {
        incident(&mut message).interrupted = true;
        told(&message)
    };
    let between = "with interruptions: in between it was on at times, or could not be seen.";
    let resolved = notification(Kind::Resolved);
    let (headline, text) = interrupted(resolved.clone());
    assert_eq!(headline, "Power is back after 29 minutes with interruptions");
    assert_eq!(text, format!("The mains power at Cottage is back. It was out from 14:02 to 14:31, {between}"));
    let (headline, text) = interrupted(past(resolved));
    assert_eq!(headline, "Power was out 14:02 to 14:31 with interruptions");
    assert!(text.starts_with(&format!("The mains power at Cottage was out from 14:02 to 14:31, {between}")), "{text}");
    let over = "with interruptions: in between it was over at times, or could not be seen.";
    let (headline, text) = interrupted(notification(Kind::Reminder));
    assert!(headline.starts_with("Power outage for ") && headline.ends_with(" with interruptions"), "{headline}");
    assert!(text.starts_with("Power outage at Cottage is not over. ") && text.contains(over), "{text}");
    let (headline, text) = interrupted(notification(Kind::Opened));
    assert_eq!(headline, "Power outage");
    assert!(text.starts_with("Power outage at Cottage began at 14:02, 30 seconds ago, "), "{text}");
    let (headline, text) = interrupted(of_rule("battery-low", Kind::Resolved));
    assert_eq!(headline, "Battery low: over after 29 minutes with interruptions");
    assert!(
        text.starts_with(&format!("Battery low at Cottage is over. It lasted from 14:02 to 14:31, {over}")),
        "{text}"
    );
    let (_, text) = interrupted(ended_at_ten("power-by-day", EndedBy::Clock));
    assert!(text.contains(&format!(" It was counted from 14:02 to 22:00, {over}")), "{text}");
}

/// What became so while the incident lasted is not "still" so.
#[test]
fn what_turned_while_it_lasted_is_told_since_when() {
    let message =
        at_end(freezer(Kind::Resolved, dag_engine::Severity::Warning), &[("freezer_door", ON), ("power", ON)]);
    let message = now(message, "freezer_door", ON, "2026-01-10T14:10:00Z");
    let message = now(message, "power", ON, "2026-01-10T14:31:00Z");
    let (headline, text) = told(&message);
    assert!(!headline.contains("still") && !text.contains("still"), "{headline}: {text}");
}

/// A beginning at the end of the calendar, by a clock that was set meanwhile.
#[test]
fn what_began_this_second_has_no_length() {
    for kind in [Kind::Escalated, Kind::Reminder] {
        let mut message = notification(kind);
        incident(&mut message).since = dag_engine::Time::MAX;
        let (headline, text) = told(&message);
        assert!(!format!("{headline}{text}").contains("less than a second"), "{headline}: {text}");
        assert!(text.contains(" began at 9999 or later."), "{text}");
    }
}

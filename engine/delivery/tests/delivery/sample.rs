//! Notifications for the tests.

use std::collections::BTreeMap;

use dag_delivery::Templates;
use dag_engine::{
    About, Acknowledgement, Address, Cause, Channel, Device, EndedBy, FactSnapshot, Id, IncidentSnapshot, Kind, Name,
    Notification, Severity, SwitchLabels, TestSnapshot, Time, TroubleSnapshot, Value, Wording,
};

/// The rule about an outage of the mains.
const OUTAGE: Name = Name::new_static("power-outage");

/// The built-in templates, as the host of [`notification`] has them.
pub fn built_in() -> Templates {
    Templates::built_in().with_mains_outages([&OUTAGE])
}

pub fn t(text: &str) -> Time {
    text.parse().unwrap()
}

pub fn id(number: u32) -> Id {
    Id::parse(&format!("{number:032x}")).unwrap()
}

pub fn fact(value: Option<Value>, last: Value, since: &str) -> FactSnapshot {
    FactSnapshot { value, last: Some(last), since: Some(t(since)) }
}

/// The kinds of messages about an incident.
pub const KINDS: [Kind; 6] =
    [Kind::Opened, Kind::Escalated, Kind::Reminder, Kind::Acknowledged, Kind::Resolved, Kind::Past];

/// Returns a message about an outage of the cottage that began at 14:02 and opened at 14:02:30.
pub fn notification(kind: Kind) -> Notification {
    let over = matches!(kind, Kind::Resolved | Kind::Past);
    let power = if over { Value::On } else { Value::Off };
    let (at, since) = match kind {
        Kind::Opened => ("2026-01-10T14:02:30Z", "2026-01-10T14:02:00Z"),
        Kind::Escalated => ("2026-01-10T14:32:30Z", "2026-01-10T14:02:00Z"),
        Kind::Reminder => ("2026-01-10T16:32:30Z", "2026-01-10T14:02:00Z"),
        Kind::Acknowledged => ("2026-01-10T14:10:00Z", "2026-01-10T14:02:00Z"),
        Kind::Resolved | Kind::Past => ("2026-01-10T14:31:10Z", "2026-01-10T14:31:00Z"),
        Kind::System | Kind::Test => unreachable!("it is about no incident"),
    };
    let acknowledged = Acknowledgement { by: "Kim".into(), at: t("2026-01-10T14:10:00Z"), number: 1, lapsed: None };
    Notification {
        id: id(0xabcd_0001),
        at: t(at),
        kind,
        step: 0,
        repeat: 0,
        recipient: "nor".into(),
        address: Address::Email("nor@example.com".into()),
        timezone: "Europe/London".into(),
        device: Device {
            id: "cottage".into(),
            name: "Cottage".into(),
            labels: BTreeMap::from([("area".into(), "hay-on-wye".into())]),
            switches: BTreeMap::new(),
            timezone: None,
            account_emails: vec!["secret@example.com".into()],
        },
        about: About::Incident(IncidentSnapshot {
            id: id(7),
            number: 7,
            rule: OUTAGE,
            severity: Severity::Critical,
            since: t("2026-01-10T14:02:00Z"),
            opened_at: t("2026-01-10T14:02:30Z"),
            since_inexact: false,
            interrupted: false,
            ended: over.then(|| t("2026-01-10T14:31:00Z")),
            ended_by: None,
            facts_at_end: over.then(|| ("power".into(), Some(Value::On))).into_iter().collect(),
            since_reported: None,
            ended_reported: None,
            acknowledged: (kind == Kind::Acknowledged).then_some(acknowledged),
            unseen: false,
            uncertain: false,
        }),
        facts: BTreeMap::from([
            ("battery".into(), fact(Some(Value::Number(83)), Value::Number(83), "2026-01-10T14:02:20Z")),
            ("power".into(), fact(Some(power), power, since)),
        ]),
        wording: None,
    }
}

/// Returns the same message about another rule.
pub fn of_rule(rule: &str, kind: Kind) -> Notification {
    let mut notification = notification(kind);
    incident(&mut notification).rule = rule.into();
    if rule == "battery-low" && incident(&mut notification).ended.is_some() {
        notification = at_end(notification, &[("battery", Some(Value::Number(83)))]);
    }
    notification
}

/// Returns the same message to a webhook.
pub fn to_webhook(url: &str, template: Option<&str>, secrets: &[&str]) -> Notification {
    Notification { address: webhook(url, template, secrets), ..notification(Kind::Opened) }
}

pub fn webhook(url: &str, template: Option<&str>, secrets: &[&str]) -> Address {
    let secrets = secrets.iter().map(|secret| secret.parse().unwrap()).collect();
    Address::Webhook { url: url.to_owned(), secrets, template: template.map(Name::from) }
}

/// Returns a message about the monitor itself, in trouble since 14:02 while the power is on.
pub fn trouble(cause: Cause) -> Notification {
    let mut message = notification(Kind::Opened);
    message.kind = Kind::System;
    message.facts.insert("power".into(), fact(Some(Value::On), Value::On, "2026-01-09T08:15:00Z"));
    if let Cause::Sensor { fact, .. } = &cause
        && let Some(fact) = message.facts.get_mut(fact)
    {
        fact.value = None;
    }
    message.about = About::Trouble(TroubleSnapshot { cause, since: t("2026-01-10T14:02:00Z"), number: 1 });
    message
}

/// Returns a message that somebody at the shell asked for, while the power is on.
pub fn test_message() -> Notification {
    let mut message = trouble(sensor("power", &[]));
    message.facts.insert("power".into(), fact(Some(Value::On), Value::On, "2026-01-09T08:15:00Z"));
    Notification { kind: Kind::Test, about: About::Test(TestSnapshot { by: "marc".into() }), ..message }
}

/// Returns an example of each cause of trouble.
pub fn causes() -> Vec<Cause> {
    let host = |about: &str, text: &str| Cause::Host { about: about.into(), text: text.into() };
    vec![
        sensor("power", &["power-outage", "unstable-supply"]),
        sensor("battery", &[]),
        script("message", "Division by zero: 100 / 0 (line 12, position 31)"),
        Cause::Delivery { recipient: "kim".into(), channel: Channel::Email },
        Cause::Delivery { recipient: "pager".into(), channel: Channel::Webhook },
        host("rules", "power.toml:3: the condition names `pwoer`: did you mean `power`?"),
        host("store", "var/dag.redb cannot be written: No space left on device"),
        host("clock", "no time server has answered since the monitor was started"),
        host("receivers", "mail: the mail server mail.example.com refused the login of dag"),
        host("uplink", "the certificate is no longer valid"),
    ]
}

pub fn sensor(fact: &str, rules: &[&str]) -> Cause {
    Cause::Sensor { fact: fact.into(), rules: rules.iter().copied().map(Name::from).collect() }
}

pub fn script(hook: &str, error: &str) -> Cause {
    Cause::Script { rule: "battery-low".into(), hook: hook.into(), error: error.into() }
}

/// Returns the incident of a message.
pub fn incident(notification: &mut Notification) -> &mut IncidentSnapshot {
    match &mut notification.about {
        About::Incident(incident) => incident,
        About::Trouble(_) | About::Test(_) => unreachable!("it is about no incident"),
    }
}

/// Returns a message about the freezer's door, which is open while the power is on.
pub fn freezer(kind: Kind, severity: Severity) -> Notification {
    let mut message = of_rule("freezer-open", kind);
    incident(&mut message).severity = severity;
    if incident(&mut message).ended.is_some() {
        message = at_end(message, &[("freezer_door", Some(Value::Off))]);
    }
    let labels = SwitchLabels { on: Some("open".to_owned()), off: Some("closed".to_owned()) };
    message.device.switches.insert("freezer_door".into(), labels);
    let over = matches!(kind, Kind::Resolved | Kind::Past);
    let (door, since) = if over { (Value::Off, "14:31") } else { (Value::On, "14:02") };
    message.facts.insert("freezer_door".into(), fact(Some(door), door, &format!("2026-01-10T{since}:00Z")));
    message.facts.insert("power".into(), fact(Some(Value::On), Value::On, "2026-01-09T08:15:00Z"));
    message
}

/// Returns the same message while the sensors do not respond.
pub fn unseen(mut message: Notification) -> Notification {
    incident(&mut message).unseen = true;
    message.facts.values_mut().for_each(|fact| fact.value = None);
    message
}

/// Returns the same message with the values that the facts of its rule had when its incident ended.
pub fn at_end(mut message: Notification, facts: &[(&str, Option<Value>)]) -> Notification {
    incident(&mut message).facts_at_end = facts.iter().map(|(name, value)| ((*name).into(), *value)).collect();
    message
}

/// Returns the same message about an incident that was ended by something else than a reading. Its facts are as when it
/// began.
pub fn ended_by(mut message: Notification, by: EndedBy) -> Notification {
    incident(&mut message).ended_by = Some(by);
    let began = freezer(Kind::Opened, Severity::Warning);
    for (name, fact) in &mut message.facts {
        if let Some(before) = began.facts.get(name) {
            *fact = before.clone();
        }
    }
    if incident(&mut message).rule == OUTAGE {
        message.facts = notification(Kind::Opened).facts;
    }
    if by == EndedBy::LostSensor {
        message.facts.values_mut().for_each(|fact| fact.value = None);
    }
    let read: Vec<dag_engine::Name> = incident(&mut message).facts_at_end.keys().cloned().collect();
    let values = read.into_iter().map(|name| (name.clone(), message.facts[&name].value)).collect();
    incident(&mut message).facts_at_end = values;
    message
}

/// Returns the same message about a rule that was removed.
pub fn removed(mut message: Notification) -> Notification {
    incident(&mut message).ended_by = Some(EndedBy::RuleRemoved);
    incident(&mut message).facts_at_end.clear();
    message
}

/// Returns the same message about an incident that opened, and was sent, in the moment in which it began.
pub fn at_once(mut message: Notification) -> Notification {
    incident(&mut message).opened_at = t("2026-01-10T14:02:00Z");
    message.at = t("2026-01-10T14:02:00.250Z");
    message
}

/// Returns the same message as quiet hours held it until the next morning, when the power was off again.
pub fn held(mut message: Notification) -> Notification {
    message.at = t("2026-01-11T07:00:00Z");
    message.facts.insert("power".into(), fact(Some(Value::Off), Value::Off, "2026-01-11T06:50:00Z"));
    message
}

/// Returns one of each message that can be sent, with a name. Among them are those that differ only in their words or
/// colours, and one with very long names.
pub fn gallery() -> Vec<(String, Notification)> {
    let mut all = Vec::new();
    let mut add = |name: String, mut message: Notification| {
        message.id = id(all.len() as u32 + 1);
        all.push((name, message));
    };
    for kind in KINDS {
        add(format!("outage {}", kind.as_str()), notification(kind));
        add(format!("freezer {}", kind.as_str()), freezer(kind, Severity::Warning));
    }
    for severity in [Severity::Info, Severity::Critical] {
        add(format!("freezer opened {}", severity.as_str()), freezer(Kind::Opened, severity));
    }
    for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
        add(format!("freezer unseen {}", severity.as_str()), unseen(freezer(Kind::Reminder, severity)));
    }
    add("outage unseen".to_owned(), unseen(notification(Kind::Reminder)));
    add("outage at once".to_owned(), at_once(notification(Kind::Opened)));
    add("freezer at once".to_owned(), at_once(freezer(Kind::Opened, Severity::Critical)));
    add("outage held".to_owned(), held(notification(Kind::Resolved)));
    add("freezer held".to_owned(), held(freezer(Kind::Past, Severity::Warning)));
    add("outage removed".to_owned(), removed(notification(Kind::Resolved)));
    add("freezer removed".to_owned(), removed(freezer(Kind::Past, Severity::Warning)));
    for by in [EndedBy::Clock, EndedBy::Edit, EndedBy::LostSensor] {
        let name = by.describe();
        add(format!("outage ended {name}"), ended_by(notification(Kind::Resolved), by));
        add(format!("freezer ended {name}"), ended_by(freezer(Kind::Past, Severity::Warning), by));
    }
    let mut late = notification(Kind::Past);
    incident(&mut late).since_reported = Some(late.at);
    incident(&mut late).ended_reported = Some(late.at);
    add("outage reported late".to_owned(), late);
    let mut lapsed = notification(Kind::Reminder);
    incident(&mut lapsed).acknowledged = incident(&mut notification(Kind::Acknowledged)).acknowledged.clone();
    if let Some(acknowledged) = &mut incident(&mut lapsed).acknowledged {
        acknowledged.lapsed = Some(t("2026-01-10T16:10:00Z"));
    }
    add("outage after a lapsed acknowledgement".to_owned(), lapsed);
    let mut uncertain = notification(Kind::Opened);
    incident(&mut uncertain).uncertain = true;
    add("outage by a wrong clock".to_owned(), uncertain);
    let mut acknowledged = notification(Kind::Escalated);
    incident(&mut acknowledged).acknowledged = incident(&mut notification(Kind::Acknowledged)).acknowledged.clone();
    add("outage escalated after an acknowledgement".to_owned(), acknowledged);
    let mut worded = notification(Kind::Opened);
    let text = "The barn is dark.\nBring a torch.\n\nThe key hangs behind the door: take the small one.".to_owned();
    worded.wording = Some(Wording { subject: "Dark again".to_owned(), text });
    add("own words".to_owned(), worded);
    let mut long = of_rule(&["rule-with-a-long-name"; 3].join("-"), Kind::Opened);
    long.device.name = "The-summer-house-of-the-neighbours-by-the-lake-with-the-two-boats".to_owned();
    long.facts.insert("f".repeat(60).into(), fact(Some(Value::On), Value::On, "2025-01-10T14:02:00Z"));
    add("long names".to_owned(), long);
    for cause in causes() {
        add(format!("trouble {}", cause.key()), trouble(cause));
    }
    add("test".to_owned(), test_message());
    all
}

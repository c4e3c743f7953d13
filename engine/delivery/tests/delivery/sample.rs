//! Notifications for the tests.

use std::collections::BTreeMap;

use dag_engine::{
    About, Acknowledgement, Address, Cause, Channel, Device, FactSnapshot, Id, IncidentSnapshot, Kind, Name,
    Notification, Severity, Time, TroubleSnapshot, Value,
};

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
        Kind::System => unreachable!("it is about no incident"),
    };
    let acknowledged = Acknowledgement { by: "Kim".into(), at: t("2026-01-10T14:10:00Z"), number: 1 };
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
            rule: "power-outage".into(),
            severity: Severity::Critical,
            since: t("2026-01-10T14:02:00Z"),
            opened_at: t("2026-01-10T14:02:30Z"),
            ended: over.then(|| t("2026-01-10T14:31:00Z")),
            ended_by: None,
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
        About::Trouble(_) => unreachable!("it is about no incident"),
    }
}

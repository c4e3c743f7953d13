//! The JSON document of plain webhooks, and the variables of templates.

use std::collections::{BTreeMap, BTreeSet};

use dag_engine::{
    About, Address, Channel, Device, EndedBy, FactSnapshot, Id, IncidentSnapshot, Kind, Name, Notification, Severity,
    Time, TroubleSnapshot, Value,
};
use serde::Serialize;

use crate::{
    ending::{Ending, in_short, is_out_since, since_then},
    late_report,
    then_and_now::{ThenAndNow, value_now},
    tone::Tone,
    words::TimeFormatter,
};

/// The document that a webhook without a template gets.
///
/// The crate's README promises its shape. Absent values are `null`, so that receivers and templates find every key.
/// Only `trouble` has keys that depend on its cause.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    id: Id,
    kind: Kind,
    time: Time,
    device: DeviceDocument<'a>,
    rule: Option<&'a Name>,
    severity: Severity,
    incident: Option<IncidentDocument<'a>>,
    trouble: Option<&'a TroubleSnapshot>,
    step: u32,
    repeat: u32,
    recipient: &'a Name,
    facts: BTreeMap<&'a Name, FactDocument<'a>>,
    #[serde(skip_serializing_if = "dag_engine::is_default")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "dag_engine::is_default")]
    text: Option<&'a str>,
}

/// The device without the addresses of its account, which are private.
#[derive(Debug, Serialize)]
struct DeviceDocument<'a> {
    id: &'a Name,
    name: &'a str,
    labels: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct FactDocument<'a> {
    value: Option<Value>,
    last: Option<Value>,
    since: Option<Time>,
    /// The configuration's word for `last`.
    label: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct IncidentDocument<'a> {
    id: Id,
    number: u64,
    since: Time,
    opened_at: Time,
    since_inexact: bool,
    interrupted: bool,
    ended: Option<Time>,
    ended_by: Option<EndedBy>,
    facts_at_end: &'a BTreeMap<Name, Option<Value>>,
    since_reported: Option<Time>,
    ended_reported: Option<Time>,
    acknowledged: Option<AcknowledgementDocument<'a>>,
    unseen: bool,
    uncertain: bool,
}

#[derive(Debug, Serialize)]
struct AcknowledgementDocument<'a> {
    by: &'a str,
    at: Time,
    lapsed: Option<Time>,
}

impl<'a> Document<'a> {
    /// Returns the document of a notification. `words` are subject and text. They are `None` while these are rendered.
    /// `mains_outages` are the rules about an outage of the mains.
    pub fn new(
        notification: &'a Notification,
        words: Option<(&'a str, &'a str)>,
        mains_outages: &BTreeSet<Name>,
    ) -> Self {
        let Notification { id, at, kind, step, repeat, recipient, device, about, facts, .. } = notification;
        let (incident, trouble) = match about {
            About::Incident(incident) => (Some(incident), None),
            About::Trouble(trouble) => (None, Some(trouble)),
            About::Test(_) => (None, None),
        };
        Document {
            id: *id,
            kind: *kind,
            time: *at,
            device: DeviceDocument::new(device),
            rule: incident.map(|incident| &incident.rule),
            severity: notification.severity(),
            incident: incident
                .map(|incident| IncidentDocument::new(incident, is_unseen(notification, incident, mains_outages))),
            trouble,
            step: *step,
            repeat: *repeat,
            recipient,
            facts: facts.iter().map(|(name, fact)| (name, FactDocument::new(name, fact, device))).collect(),
            subject: words.map(|(subject, _)| subject),
            text: words.map(|(_, text)| text),
        }
    }
}

impl<'a> DeviceDocument<'a> {
    fn new(device: &'a Device) -> Self {
        DeviceDocument { id: &device.id, name: &device.name, labels: &device.labels }
    }
}

impl<'a> FactDocument<'a> {
    fn new(name: &Name, fact: &FactSnapshot, device: &'a Device) -> Self {
        let FactSnapshot { value, last, since } = *fact;
        FactDocument { value, last, since, label: last.and_then(|last| device.label(name, last)) }
    }
}

impl<'a> IncidentDocument<'a> {
    fn new(incident: &'a IncidentSnapshot, unseen: bool) -> Self {
        let acknowledged = incident.acknowledged.as_ref();
        let acknowledged =
            acknowledged.map(|ack| AcknowledgementDocument { by: &ack.by, at: ack.at, lapsed: ack.lapsed });
        IncidentDocument {
            id: incident.id,
            number: incident.number,
            since: incident.since,
            opened_at: incident.opened_at,
            since_inexact: incident.since_inexact,
            interrupted: incident.interrupted,
            ended: incident.ended,
            ended_by: incident.ended_by,
            facts_at_end: &incident.facts_at_end,
            since_reported: incident.since_reported,
            ended_reported: incident.ended_reported,
            acknowledged,
            unseen,
            uncertain: incident.uncertain,
        }
    }
}

/// Returns whether what the rule of an open incident reads is not known at present. Of a device that is not connected
/// the mains are not, whatever its last report said.
fn is_unseen(notification: &Notification, incident: &IncidentSnapshot, mains_outages: &BTreeSet<Name>) -> bool {
    let no_mains = || mains_outages.contains(&incident.rule) && value_now(&notification.facts, "power").is_none();
    incident.ended.is_none() && (incident.unseen || no_mains())
}

/// The variables of templates: the document, and those that only messages need.
#[derive(Debug, Serialize)]
pub(crate) struct Context<'a> {
    #[serde(flatten)]
    document: Document<'a>,
    /// The recipient's zone.
    timezone: &'a Name,
    /// The colour and sign of the message.
    tone: Tone,
    /// Whether the message is about an outage of the mains, by the condition of its rule.
    mains: bool,
    /// The variables about its incident. They have a value for every message.
    #[serde(flatten)]
    told: Told,
    /// The change that the subject names: the part in its brackets, or all of it.
    #[serde(skip_serializing_if = "dag_engine::is_default")]
    headline: Option<&'a str>,
    /// The state of the mains that a message shows.
    state: MainsState,
    /// The last part of the webhook's path, which ntfy calls a topic. Empty for email.
    topic: String,
    /// The request for a test message, for kind `test` only.
    test: Option<TestDocument<'a>>,
}

/// What may be told of an incident, by its facts.
#[derive(Debug, Default, Serialize)]
struct Told {
    /// Whether the mains went off when it began, and are off since, as far as they are seen.
    out: bool,
    /// How it ended; null while it lasts.
    ending: Option<Ending>,
    /// The facts that its rule read at its end, then and now.
    then_and_now: Vec<ThenAndNow>,
    /// Whether one of them turned since, or is not known any more. A number that moves does not turn.
    changed: bool,
    /// The sentences about them that belong into the text.
    since_then: String,
    /// The same in short, for the subject.
    in_short: String,
    /// The sentence that says that it was reported late.
    reported_late: String,
}

impl Told {
    fn new(notification: &Notification, incident: &IncidentSnapshot, mains: bool) -> Self {
        let times = TimeFormatter::new(&notification.timezone, notification.at);
        let facts = ThenAndNow::all(notification, incident, &times);
        let ending = Ending::of(notification, incident, mains, &facts);
        Told {
            out: mains && is_out_since(notification, incident),
            ending,
            changed: facts.iter().any(ThenAndNow::turned),
            since_then: since_then(ending, &facts),
            in_short: in_short(ending, &facts),
            reported_late: late_report::sentence(incident, notification.kind, &times),
            then_and_now: facts,
        }
    }
}

#[derive(Debug, Serialize)]
struct TestDocument<'a> {
    by: &'a str,
    channel: Channel,
}

impl<'a> Context<'a> {
    /// Returns the variables for one notification. `mains_outages` are the rules about an outage of the mains.
    pub fn new(
        notification: &'a Notification,
        words: Option<(&'a str, &'a str)>,
        mains_outages: &BTreeSet<Name>,
    ) -> Self {
        let topic = match &notification.address {
            Address::Webhook { url, .. } => url::Url::parse(url).ok().and_then(|url| crate::webhook::topic(&url)),
            Address::Email(_) => None,
        };
        // What was told of an edited condition need not have been an outage all the time.
        let is_mains = |incident: &IncidentSnapshot| mains_outages.contains(&incident.rule) && !incident.since_inexact;
        let mains = notification.incident().is_some_and(is_mains);
        let told = notification.incident().map(|incident| Told::new(notification, incident, mains)).unwrap_or_default();
        let tone = match &notification.about {
            About::Incident(incident) => {
                let unseen = is_unseen(notification, incident, mains_outages);
                Tone::of(incident, notification.kind, unseen, told.ending, &told.then_and_now)
            }
            About::Trouble(_) => Tone::Trouble,
            About::Test(_) => Tone::Test,
        };
        Context {
            document: Document::new(notification, words, mains_outages),
            timezone: &notification.timezone,
            tone,
            mains,
            told,
            headline: words.map(|(subject, _)| headline(subject)),
            state: MainsState::of(&notification.facts),
            topic: topic.unwrap_or_default(),
            test: match &notification.about {
                About::Test(test) => Some(TestDocument { by: &test.by, channel: notification.channel() }),
                About::Incident(_) | About::Trouble(_) => None,
            },
        }
    }
}

/// Returns the part of a subject that is in brackets at its front, or the whole subject.
fn headline(subject: &str) -> &str {
    let change = subject.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    change.map(|(change, _)| change.trim()).filter(|change| !change.is_empty()).unwrap_or(subject)
}

/// The state of the mains as messages show it. `Unknown` is the state before the first reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum MainsState {
    #[serde(rename = "on")]
    On,
    #[serde(rename = "off")]
    Off,
    #[serde(rename = "was on")]
    WasOn,
    #[serde(rename = "was off")]
    WasOff,
    #[serde(rename = "unknown")]
    Unknown,
}

impl MainsState {
    /// Returns the state. It is in the present tense only while the sensor gives values and the device is connected.
    fn of(facts: &BTreeMap<Name, FactSnapshot>) -> Self {
        let Some(power) = facts.get("power") else { return MainsState::Unknown };
        match (value_now(facts, "power"), power.last.or(power.value)) {
            (Some(Value::On), _) => MainsState::On,
            (Some(Value::Off), _) => MainsState::Off,
            (_, Some(Value::On)) => MainsState::WasOn,
            (_, Some(Value::Off)) => MainsState::WasOff,
            _ => MainsState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: Option<Value>, last: Option<Value>) -> FactSnapshot {
        FactSnapshot { value, last, since: None }
    }

    #[test]
    fn a_headline_is_the_change_that_the_subject_names() {
        for (subject, told) in [
            ("[Power is out] Cottage, 10 Jan 14:02", "Power is out"),
            ("Dark again", "Dark again"),
            ("[Dark again]", "[Dark again]"),
            ("[] Dark again", "[] Dark again"),
            ("[Dark again", "[Dark again"),
        ] {
            assert_eq!(headline(subject), told);
        }
    }

    #[test]
    fn the_mains_are_in_the_present_tense_only_while_they_are_seen() {
        let (on, off, away) = (Some(Value::On), Some(Value::Off), Some(Value::Disconnected));
        for (power, connection, told) in [
            (seen(on, on), None, MainsState::On),
            (seen(off, off), None, MainsState::Off),
            (seen(None, on), None, MainsState::WasOn),
            (seen(None, off), None, MainsState::WasOff),
            (seen(None, None), None, MainsState::Unknown),
            (seen(on, on), Some(seen(away, away)), MainsState::WasOn),
            (seen(off, off), Some(seen(away, away)), MainsState::WasOff),
        ] {
            let mut facts = BTreeMap::from([("power".into(), power)]);
            facts.extend(connection.map(|link| ("connection".into(), link)));
            assert_eq!(MainsState::of(&facts), told);
        }
        assert_eq!(MainsState::of(&BTreeMap::new()), MainsState::Unknown);
    }
}

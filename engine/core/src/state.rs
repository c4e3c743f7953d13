//! What the engine remembers of one device between two steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Acknowledgement, Address, Channel, Device, EndedBy, Id, Millis, Name, Severity, Time, fact::Facts, rules::Rule,
};

/// One device's state. Hosts store it as it serialises and hand it back; only [`Engine::step`](crate::Engine::step)
/// changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub(crate) device: Device,
    /// The `now` of the last step; it never falls.
    pub(crate) now: Time,
    pub(crate) facts: Facts,
    /// The hash of the rules at the last step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules_hash: Option<Id>,
    /// How far the reports of each source have been applied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sources: BTreeMap<Name, Cursor>,
    /// Every rule that has ever moved. A rule without an entry is quiet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) rules: BTreeMap<Name, Standing>,
    /// The incidents of which somebody may still have to be told, in the order in which they opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) incidents: Vec<Incident>,
    /// When the next step is due though nothing is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<Time>,
}

impl State {
    /// The state of a device of which nothing is known yet.
    pub fn new(device: Device) -> Self {
        State {
            device,
            now: Time::default(),
            facts: Facts::default(),
            rules_hash: None,
            sources: BTreeMap::new(),
            rules: BTreeMap::new(),
            incidents: Vec::new(),
            deadline: None,
        }
    }

    /// When the host has to call [`Engine::step`](crate::Engine::step) with [`Input::Elapsed`](crate::Input::Elapsed)
    /// if nothing else happens before; `None` if time alone changes nothing.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// The time of the last step.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The device as the host described it last.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A fact's value; `None` if it is not known.
    pub fn value(&self, fact: &str) -> Option<crate::Value> {
        self.facts.get(fact).and_then(|fact| fact.value)
    }

    /// The facts, with when each was last read.
    pub fn facts(&self) -> impl Iterator<Item = (&Name, Option<crate::Value>, Time)> {
        self.facts.iter().map(|(name, fact)| (name, fact.value, fact.at))
    }

    /// The incidents that are not over.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.ended.is_none())
    }

    /// The rules whose condition is true and has not held for long enough: since when, and when an incident opens.
    pub fn pending(&self) -> impl Iterator<Item = (&Name, Time, Time)> {
        self.rules.iter().filter_map(|(rule, standing)| match standing.phase {
            Phase::Pending { since, due } => Some((rule, since, due)),
            _ => None,
        })
    }

    /// The number of the last reading applied of `source`, if it was in `boot`.
    pub fn last_applied(&self, source: &str, boot: u64) -> Option<u64> {
        self.sources.get(source).filter(|cursor| cursor.boot == boot).map(|cursor| cursor.last)
    }

    pub(crate) fn open_incident(&mut self, rule: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.ended.is_none() && incident.rule == rule)
    }
}

/// How far a source's reports have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub boot: u64,
    /// The number of the last reading applied.
    pub last: u64,
}

/// Where one rule stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub phase: Phase,
    /// The time of the rule's last edge: later moves are never earlier than it.
    pub edge: Time,
    /// The condition reads a fact that is not known: the phase stands still.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
    /// When the condition may change by time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// How many incidents there have been: part of the next one's id.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A rule's life, as the table of the engine's page has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    #[default]
    Quiet,
    /// The condition is true, not yet for long enough.
    Pending { since: Time, due: Time },
    /// There is an incident.
    Open,
    /// There is an incident, and its condition is false, not yet for long enough.
    Closing { since: Time, due: Time },
}

/// One episode of one rule, and who was told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// hash(device, rule, number).
    pub id: Id,
    /// The rule.
    pub rule: Name,
    /// Which of the rule's incidents on this device it is, from 1.
    pub number: u64,
    /// The rule's severity.
    pub severity: Severity,
    /// When the condition became true: the raw edge.
    pub since: Time,
    /// When it had held long enough.
    pub opened_at: Time,
    /// When step 0 fired; the later steps count from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerted_at: Option<Time>,
    /// When the condition became false for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Why it ended, where not because the condition did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<EndedBy>,
    /// Who took it on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// The acknowledgement holds the steps; false after it lapsed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) acknowledgement_holds: bool,
    /// The steps that fired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fired: Vec<Fired>,
    /// The channels that were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) told: Vec<Told>,
    /// The step whose holding was last decided, so that one holding is one decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<u32>,
}

/// A step that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fired {
    pub step: StepKey,
    pub at: Time,
    /// How many repeats have fired, or were passed over because a later one stood for them.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub repeats: u32,
}

impl Fired {
    /// Whether this is the firing of the step that has this name, if any, and stands here. A step that had no name is
    /// known by its position, also after it was given one.
    pub fn is(&self, name: Option<&Name>, position: u32) -> bool {
        match &self.step {
            StepKey::Name(fired) => Some(fired) == name,
            StepKey::Position(fired) => *fired == position,
        }
    }
}

fn is_none_yet(repeats: &u32) -> bool {
    *repeats == 0
}

/// How a step is known again after the rules changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepKey {
    Name(Name),
    Position(u32),
}

/// A channel that was told of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub recipient: Name,
    /// The address used last: after the recipient or the rule is gone from the rules it is told there.
    pub address: Address,
    pub timezone: Name,
    /// Something was attempted: somebody may know of it.
    pub attempted: bool,
    /// What is queued and was never attempted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queued: Vec<Id>,
}

impl Told {
    pub fn key(&self) -> (&Name, Channel) {
        (&self.recipient, self.address.channel())
    }
}

impl Incident {
    /// The rule's next episode on a device.
    pub(crate) fn new(device: &Device, rule: &Rule, number: u64, since: Time, opened_at: Time) -> Incident {
        let id = Id::of(&[b"incident", device.id.as_bytes(), rule.name.as_bytes(), &number.to_be_bytes()]);
        Incident {
            id,
            rule: rule.name.clone(),
            number,
            severity: rule.severity,
            since,
            opened_at,
            alerted_at: None,
            ended: None,
            ended_by: None,
            acknowledged: None,
            acknowledgement_holds: false,
            fired: Vec::new(),
            told: Vec::new(),
            held: None,
        }
    }

    /// When the acknowledgement lapses, if it holds and its escalation says so.
    pub(crate) fn lapses(&self, after: Option<Millis>) -> Option<Time> {
        let acknowledged = self.acknowledged.as_ref().filter(|_| self.acknowledgement_holds)?;
        after.map(|after| acknowledged.at + after)
    }
}

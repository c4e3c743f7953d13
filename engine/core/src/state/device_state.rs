//! The whole state of one device.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{
    facts::Facts,
    incident::Incident,
    rule_state::{Phase, RuleState},
    silence::SilenceRecord,
    sources::{Cursor, WaitingReport},
    system_trouble::SystemTrouble,
};
use crate::{Cause, Device, FactSnapshot, Id, Name, Silence, Time, Value, clock_shift::RecordShift, is_default};

/// One device's state. Hosts store it as it serialises and hand it back; only [`Engine::step`](crate::Engine::step)
/// changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub(crate) device: Device,
    /// The `now` of the last step; it never falls.
    pub(crate) now: Time,
    pub(crate) facts: Facts,
    /// The hash of the rules at the last step.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) rules_hash: Option<Id>,
    /// The progress of each source.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) sources: BTreeMap<Name, Cursor>,
    /// When the last reading applied was made: how far things are worked while reports are missing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) applied: Option<Time>,
    /// Reports that wait for missing ones, the longest waiting first.
    #[serde(rename = "waiting", default, skip_serializing_if = "is_default")]
    pub(crate) waiting_reports: Vec<WaitingReport>,
    /// Since when reports are missing, or parts of a backlog.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) incomplete_since: Option<Time>,
    /// The last report came from a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) uncertain: bool,
    /// Every condition has still to be asked, as soon as nothing is missing any more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) ask_all: bool,
    /// Every rule that has ever moved. A rule without an entry is quiet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) rules: BTreeMap<Name, RuleState>,
    /// The incidents of which somebody may still have to be told, in the order in which they opened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) incidents: Vec<Incident>,
    /// The silences that are not over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) silences: Vec<SilenceRecord>,
    /// The troubles of the monitor itself that last, or did of late, by [`Cause::key`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) troubles: BTreeMap<String, SystemTrouble>,
    /// The number of times that the operators were told: part of the next such message's id.
    #[serde(rename = "troubles_told", default, skip_serializing_if = "is_default")]
    pub(crate) announcements: u64,
    /// When the next step is due though nothing is reported.
    #[serde(default, skip_serializing_if = "is_default")]
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
            applied: None,
            waiting_reports: Vec::new(),
            incomplete_since: None,
            uncertain: false,
            ask_all: false,
            rules: BTreeMap::new(),
            incidents: Vec::new(),
            silences: Vec::new(),
            troubles: BTreeMap::new(),
            announcements: 0,
            deadline: None,
        }
    }

    /// When the host has to call [`Engine::step`](crate::Engine::step) with [`Input::Elapsed`](crate::Input::Elapsed)
    /// if nothing else happens before; `None` if time alone changes nothing.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Returns the time of the last step.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Returns whether a step changed nothing but [`now`](State::now): then it need not be stored.
    pub fn same_but_for_now(&self, other: &State) -> bool {
        self == other || State { now: other.now, ..self.clone() } == *other
    }

    /// Returns the device as the host described it last.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Returns a fact's value; `None` if it is not known.
    pub fn value(&self, fact: &str) -> Option<Value> {
        self.facts.get(fact).and_then(|fact| fact.value)
    }

    /// Returns the facts, with when each was last read.
    pub fn facts(&self) -> impl Iterator<Item = (&Name, Option<Value>, Time)> {
        self.facts.iter().map(|(name, fact)| (name, fact.value, fact.at))
    }

    /// Returns the incidents that are not over.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.ended.is_none())
    }

    /// The rules whose condition is true and has not held for long enough: since when, and when an incident opens.
    pub fn pending(&self) -> impl Iterator<Item = (&Name, Time, Time)> {
        self.rules.iter().filter_map(|(rule, rule_state)| match rule_state.phase {
            Phase::Pending { since, due, .. } => Some((rule, since, due)),
            _ => None,
        })
    }

    /// Returns the number of the last reading applied of `source`, if it was in `boot`.
    pub fn last_applied(&self, source: &str, boot: u64) -> Option<u64> {
        self.sources.get(source).filter(|cursor| cursor.boot == boot).map(|cursor| cursor.last)
    }

    /// Returns the silences that are not over, also those that begin later.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.iter().map(|silenced| &silenced.silence)
    }

    /// Returns the troubles of the monitor itself that last, and since when.
    pub fn troubles(&self) -> impl Iterator<Item = (&Cause, Time)> {
        self.troubles.values().filter(|trouble| trouble.lasts).map(|trouble| (&trouble.cause, trouble.since))
    }

    /// Returns the facts as messages show them.
    pub(crate) fn fact_snapshots(&self) -> BTreeMap<Name, FactSnapshot> {
        let seen = self.facts.iter().map(|(name, fact)| {
            let (last, since) = fact.last().map(|last| (last.value, last.at)).unzip();
            (name.clone(), FactSnapshot { value: fact.value, last, since })
        });
        seen.collect()
    }

    /// Moves what a clock recorded that is set now. Of reports that wait the readings move where they are of `boot`.
    /// `zone` is the device's.
    pub(crate) fn shift(&mut self, boot: u64, shift: RecordShift, zone: &TimeZone) {
        self.facts.shift(shift);
        self.uncertain &= !shift.sets_the_clock();
        shift.move_all(self.applied.iter_mut().chain(&mut self.incomplete_since));
        self.sources.values_mut().for_each(|cursor| cursor.shift(shift));
        self.waiting_reports.iter_mut().for_each(|waiting| waiting.shift(boot, shift));
        self.rules.values_mut().for_each(|rule_state| rule_state.shift(shift));
        self.incidents.iter_mut().for_each(|incident| incident.shift(shift, zone));
        self.silences.iter_mut().for_each(|silenced| silenced.shift(shift, zone));
        self.troubles.values_mut().for_each(|trouble| trouble.shift(shift));
    }

    pub(crate) fn open_incident(&mut self, rule: &str) -> Option<&mut Incident> {
        // From the end: in a backlog many that are over may stand before it.
        self.incidents.iter_mut().rev().find(|incident| incident.ended.is_none() && incident.rule == rule)
    }
}

//! What the engine remembers of one device between two steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Acknowledgement, Address, Cause, Channel, Device, EndedBy, Hold, Id, Kind, Millis, Name, Report, Severity, Silence,
    Time, clock_shift::RecordShift, fact::Facts, is_default, rules::Rule,
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
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) rules_hash: Option<Id>,
    /// How far the reports of each source have been applied.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) sources: BTreeMap<Name, Cursor>,
    /// When the last reading applied was made: how far things are worked while reports are missing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) applied: Option<Time>,
    /// Reports that wait for missing ones, the longest waiting first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) waiting: Vec<Waiting>,
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
    pub(crate) rules: BTreeMap<Name, Standing>,
    /// The incidents of which somebody may still have to be told, in the order in which they opened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) incidents: Vec<Incident>,
    /// The silences that are not over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) silences: Vec<Silenced>,
    /// What is, or of late was, wrong with the monitor itself, by [`Cause::key`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) troubles: BTreeMap<String, Trouble>,
    /// How many times the operators were told: part of the next such message's id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) troubles_told: u64,
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
            waiting: Vec::new(),
            incomplete_since: None,
            uncertain: false,
            ask_all: false,
            rules: BTreeMap::new(),
            incidents: Vec::new(),
            silences: Vec::new(),
            troubles: BTreeMap::new(),
            troubles_told: 0,
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

    /// Whether a step changed nothing but [`now`](State::now): then it need not be stored.
    pub fn same_but_for_now(&self, other: &State) -> bool {
        self == other || State { now: other.now, ..self.clone() } == *other
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
            Phase::Pending { since, due, .. } => Some((rule, since, due)),
            _ => None,
        })
    }

    /// The number of the last reading applied of `source`, if it was in `boot`.
    pub fn last_applied(&self, source: &str, boot: u64) -> Option<u64> {
        self.sources.get(source).filter(|cursor| cursor.boot == boot).map(|cursor| cursor.last)
    }

    /// The silences that are not over, also those that begin later.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.iter().map(|silenced| &silenced.silence)
    }

    /// What is wrong with the monitor itself, and since when.
    pub fn troubles(&self) -> impl Iterator<Item = (&Cause, Time)> {
        self.troubles.values().filter(|trouble| trouble.lasts).map(|trouble| (&trouble.cause, trouble.since))
    }

    /// The clock was set: moves what was recorded by it. Of reports that wait the readings move where they are of `boot`.
    pub(crate) fn shift(&mut self, boot: u64, shift: RecordShift) {
        self.facts.shift(shift);
        self.uncertain = false;
        shift.move_all(self.applied.iter_mut().chain(&mut self.incomplete_since));
        self.sources.values_mut().for_each(|cursor| cursor.shift(shift));
        self.waiting.iter_mut().for_each(|waiting| waiting.shift(boot, shift));
        self.rules.values_mut().for_each(|standing| standing.shift(shift));
        self.incidents.iter_mut().for_each(|incident| incident.shift(shift));
        self.silences.iter_mut().for_each(|silenced| silenced.shift(shift));
        self.troubles.values_mut().for_each(|trouble| trouble.shift(shift));
    }

    pub(crate) fn open_incident(&mut self, rule: &str) -> Option<&mut Incident> {
        // From the end: in a backlog many that are over may stand before it.
        self.incidents.iter_mut().rev().find(|incident| incident.ended.is_none() && incident.rule == rule)
    }
}

/// How far a source's reports have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub boot: u64,
    /// The number of the last reading applied.
    pub last: u64,
    /// Further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more: bool,
    /// When each fact was last read in this boot: none of its readings counts as earlier.
    #[serde(default, skip_serializing_if = "is_default", with = "crate::time::map")]
    pub read: BTreeMap<Name, Time>,
}

impl Cursor {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_all(self.read.values_mut());
    }
}

/// A report that waits for missing ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub report: Report,
    /// When it came.
    pub at: Time,
}

impl Waiting {
    fn shift(&mut self, boot: u64, shift: RecordShift) {
        shift.move_all([&mut self.at]);
        if self.report.boot == boot {
            self.report.uncertain = false;
            shift.move_all(self.report.readings.iter_mut().map(|reading| &mut reading.at));
        }
    }
}

/// A silence, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Silenced {
    pub silence: Silence,
    pub at: Time,
}

impl Silenced {
    fn shift(&mut self, shift: RecordShift) {
        let Silence { from, until, .. } = &mut self.silence;
        shift.move_with(&mut self.at, [from, until]);
    }
}

/// Something that is, or was, wrong with the monitor itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub cause: Cause,
    pub since: Time,
    pub lasts: bool,
    /// This spell of it was told.
    pub told: bool,
    /// When one was told last, and the number of that message.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_told: Option<(Time, u64)>,
    /// The channels that are told when their quiet hours end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: Vec<(Name, Channel)>,
}

impl Trouble {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.since].into_iter().chain(self.last_told.iter_mut().map(|(at, _)| at)));
    }
}

/// Where one rule stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub phase: Phase,
    /// The time of the rule's last edge: later moves are never earlier than it.
    pub edge: Time,
    /// The condition reads a fact that is not known: the phase stands still.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unanswered: bool,
    /// When the condition may change by time alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: Option<Time>,
    /// How many incidents there have been: part of the next one's id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: u64,
}

impl Standing {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.edge]);
        // What changes by time alone is found anew when the condition is asked.
        self.until = None;
        self.phase.shift(shift);
    }
}

/// A rule's life, as the table of the engine's page has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    #[default]
    Quiet,
    /// The condition is true, not yet for long enough.
    Pending {
        since: Time,
        due: Time,
        #[serde(default, skip_serializing_if = "is_default")]
        uncertain: bool,
    },
    /// There is an incident.
    Open,
    /// There is an incident, and its condition is false, not yet for long enough.
    Closing {
        since: Time,
        due: Time,
        #[serde(default, skip_serializing_if = "is_default")]
        uncertain: bool,
    },
}

impl Phase {
    fn shift(&mut self, shift: RecordShift) {
        if let Phase::Pending { since, due, uncertain } | Phase::Closing { since, due, uncertain } = self {
            *uncertain &= !shift.concerns(*since);
            shift.move_with(since, [due]);
        }
    }
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
    #[serde(default, skip_serializing_if = "is_default")]
    pub alerted_at: Option<Time>,
    /// When the condition became false for good.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<Time>,
    /// Why it ended, where not because the condition did.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended_by: Option<EndedBy>,
    /// Who took it on last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledged: Option<Acknowledgement>,
    /// The acknowledgement holds the steps; false after it lapsed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) acknowledgement_holds: bool,
    /// The steps that fired.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) fired: Vec<Fired>,
    /// The channels that were told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) told: Vec<Told>,
    /// Why a step that was due was held last, so that one holding is one decision.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) held: Option<Hold>,
    /// Somebody wants no step to fire for a while.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) snoozed: Option<Snoozed>,
    /// `since` is by a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) since_uncertain: bool,
    /// `ended` is by a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) ended_uncertain: bool,
    /// It is over, and what every channel is told last has been decided.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_words: bool,
}

/// Who snoozed an incident, until when, and when they did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snoozed {
    pub by: String,
    pub until: Time,
    pub at: Time,
}

impl Snoozed {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_with(&mut self.at, [&mut self.until]);
    }
}

/// A step that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fired {
    pub step: StepKey,
    pub at: Time,
    /// When it fired or repeated last.
    pub last: Time,
    /// How many repeats have fired, or were passed over because a later one stood for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeats: u32,
}

impl Fired {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.at, &mut self.last]);
    }
}

/// How a step is known again after the rules changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum StepKey {
    Position(u32),
    Name(Name),
}

/// A channel that was told of an incident, or should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub recipient: Name,
    /// The address used last: after the recipient or the rule is gone from the rules it is told there.
    pub address: Address,
    pub timezone: Name,
    /// Something was attempted: somebody may know of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attempted: bool,
    /// What is queued and was never attempted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub queued: Vec<Id>,
    /// The last firing of each step that it was told, the latest last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub heard: Vec<Heard>,
    /// When that was.
    #[serde(default, skip_serializing_if = "is_default")]
    pub heard_at: Option<Time>,
    /// The last firing that was held back from it, until that is made up for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: Option<Heard>,
    /// What became of the last attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub contact: Contact,
    /// The incident is over, and this is what is still to be said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_word: Option<Kind>,
}

/// A firing, as a channel remembers it: the step, and which repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard(pub StepKey, pub u32);

/// What became of the last attempt to reach a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contact {
    #[default]
    Untried,
    Delivered,
    Failing(Time),
}

impl Told {
    fn shift(&mut self, shift: RecordShift) {
        shift.move_all(&mut self.heard_at);
        if let Contact::Failing(since) = &mut self.contact {
            shift.move_all([since]);
        }
    }

    pub fn key(&self) -> (&Name, Channel) {
        (&self.recipient, self.address.channel())
    }

    /// Whether a message was queued for it.
    pub fn is_told(&self) -> bool {
        self.attempted || !self.queued.is_empty()
    }

    /// Whether it was told this firing, or a later repeat of the step.
    pub fn has_heard(&self, firing: &Heard) -> bool {
        self.heard.iter().any(|heard| heard.0 == firing.0 && heard.1 >= firing.1)
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
            snoozed: None,
            since_uncertain: false,
            ended_uncertain: false,
            last_words: false,
        }
    }

    /// What stands in the place of an incident that is lent out: one that is over and concerns nobody.
    pub(crate) fn lent() -> Incident {
        let (id, rule) = (Id::NONE, Name::new_static(""));
        let at = Time::MIN;
        let severity = Severity::Info;
        Incident {
            id,
            rule,
            number: 0,
            severity,
            since: at,
            opened_at: at,
            alerted_at: None,
            ended: Some(at),
            ended_by: None,
            acknowledged: None,
            acknowledgement_holds: false,
            fired: Vec::new(),
            told: Vec::new(),
            held: None,
            snoozed: None,
            since_uncertain: false,
            ended_uncertain: false,
            last_words: false,
        }
    }

    /// Until when somebody wants no step to fire, if anybody does.
    pub fn snoozed_until(&self) -> Option<Time> {
        self.snoozed.as_ref().map(|snoozed| snoozed.until)
    }

    /// Whether somebody has taken it on, and that has not lapsed.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledgement_holds
    }

    fn shift(&mut self, shift: RecordShift) {
        self.since_uncertain &= !shift.concerns(self.since);
        self.ended_uncertain &= !self.ended.is_some_and(|ended| shift.concerns(ended));
        shift.move_all([&mut self.since, &mut self.opened_at]);
        shift.move_all(self.alerted_at.iter_mut().chain(&mut self.ended));
        self.since = self.ended.map_or(self.since, |ended| self.since.min(ended));
        shift.move_all(self.acknowledged.iter_mut().map(|acknowledged| &mut acknowledged.at));
        self.fired.iter_mut().for_each(|fired| fired.shift(shift));
        self.snoozed.iter_mut().for_each(|snoozed| snoozed.shift(shift));
        self.told.iter_mut().for_each(|told| told.shift(shift));
    }

    pub(crate) fn told(&mut self, key: (&Name, Channel)) -> Option<&mut Told> {
        self.told.iter_mut().find(|told| told.key() == key)
    }

    /// When the acknowledgement lapses, if it holds and its escalation says so.
    pub(crate) fn lapses(&self, after: Option<Millis>) -> Option<Time> {
        let acknowledged = self.acknowledged.as_ref().filter(|_| self.acknowledgement_holds)?;
        after.map(|after| acknowledged.at + after)
    }
}

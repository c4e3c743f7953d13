//! An incident.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{channel_record::ChannelRecord, firing::FiredStep};
use crate::{
    Acknowledgement, Channel, Device, EndedBy, GivenAs, Hold, Id, Input, Millis, Name, Severity, Time, Value,
    clock_shift::RecordShift, is_default,
};

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
    /// The condition by which it opened; `None` where an earlier version did not note it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) condition: Option<Id>,
    /// The condition was true before `since`, in the time of an earlier incident of the rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) begun_before: bool,
    /// The condition became false and then true again, or had no answer, since it opened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) interrupted: bool,
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
    /// What ended it, or is about to, where it was not a reading.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended_by: Option<EndedBy>,
    /// The values of the facts that its condition reads, when that became false.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) facts_at_end: BTreeMap<Name, Option<Value>>,
    /// When `since` became known, if that was late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) since_reported: Option<Time>,
    /// When it became known that its condition had become false, if that was late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) ended_reported: Option<Time>,
    /// Who took it on last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledged: Option<Acknowledgement>,
    /// The acknowledgement holds the steps; false after it lapsed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) acknowledgement_holds: bool,
    /// The steps that fired.
    #[serde(rename = "fired", default, skip_serializing_if = "is_default")]
    pub(crate) fired_steps: Vec<FiredStep>,
    /// The channels that were told.
    #[serde(rename = "told", default, skip_serializing_if = "is_default")]
    pub(crate) channels: Vec<ChannelRecord>,
    /// The reason why a step that was due was held last, so that one holding is one decision.
    #[serde(rename = "held", default, skip_serializing_if = "is_default")]
    pub(crate) last_hold: Option<Hold>,
    /// Somebody wants no step to fire for a while.
    #[serde(rename = "snoozed", default, skip_serializing_if = "is_default")]
    pub(crate) snooze: Option<Snooze>,
    /// `since` is by a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) since_uncertain: bool,
    /// `ended` is by a clock that was not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) ended_uncertain: bool,
    /// It is over, and the final message of every channel has been decided.
    #[serde(rename = "last_words", default, skip_serializing_if = "is_default")]
    pub(crate) final_messages_decided: bool,
}

impl Incident {
    /// The rule's next episode on a device.
    pub(crate) fn new(
        device: &Device,
        rule: &Name,
        severity: Severity,
        number: u64,
        since: Time,
        opened_at: Time,
    ) -> Incident {
        let id = Id::of(&[b"incident", device.id.as_bytes(), rule.as_bytes(), &number.to_be_bytes()]);
        Incident { id, rule: rule.clone(), number, severity, since, opened_at, ended: None, ..Incident::lent() }
    }

    /// Returns the placeholder of an incident that is lent out: one that is over and concerns nobody.
    pub(crate) const fn lent() -> Incident {
        Incident {
            id: Id::NONE,
            rule: Name::new_static(""),
            number: 0,
            severity: Severity::Info,
            condition: None,
            begun_before: false,
            interrupted: false,
            since: Time::MIN,
            opened_at: Time::MIN,
            alerted_at: None,
            ended: Some(Time::MIN),
            ended_by: None,
            facts_at_end: BTreeMap::new(),
            since_reported: None,
            ended_reported: None,
            acknowledged: None,
            acknowledgement_holds: false,
            fired_steps: Vec::new(),
            channels: Vec::new(),
            last_hold: None,
            snooze: None,
            since_uncertain: false,
            ended_uncertain: false,
            final_messages_decided: false,
        }
    }

    /// Returns until when it is snoozed, if it is.
    pub fn snoozed_until(&self) -> Option<Time> {
        self.snooze.as_ref().map(|snooze| snooze.until)
    }

    /// Returns how the end of its snooze was given, if it is snoozed.
    pub fn snooze_given(&self) -> Option<GivenAs> {
        self.snooze.as_ref().map(|snooze| snooze.until_given)
    }

    /// Returns who snoozed it last.
    pub fn snoozed_by(&self) -> Option<&str> {
        self.snooze.as_ref().map(|snooze| snooze.by.as_str())
    }

    /// Returns whether its times are by a clock that was not set when they were read, or moved by an estimate.
    pub fn is_uncertain(&self) -> bool {
        self.since_uncertain || self.ended_uncertain
    }

    /// Returns whether somebody has taken it on, and that has not lapsed.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledgement_holds
    }

    /// Returns whether it ended because its rule was removed.
    pub(crate) fn is_of_removed_rule(&self) -> bool {
        self.ended_by == Some(EndedBy::RuleRemoved)
    }

    /// Returns whether late readings showed that its condition was not true for long enough, or never.
    pub(crate) fn is_too_short(&self) -> bool {
        self.ended.is_some_and(|ended| ended < self.opened_at || ended <= self.since)
    }

    pub(super) fn shift(&mut self, shift: RecordShift, zone: &TimeZone) {
        self.since_uncertain = shift.is_uncertain(self.since, self.since_uncertain);
        self.ended_uncertain = self.ended.is_some_and(|ended| shift.is_uncertain(ended, self.ended_uncertain));
        shift.move_with(&mut self.since, [&mut self.opened_at]);
        self.opened_at = self.opened_at.min(shift.latest());
        shift.move_all(self.alerted_at.iter_mut().chain(&mut self.ended));
        shift.move_all(self.since_reported.iter_mut().chain(&mut self.ended_reported));
        self.since = self.ended.map_or(self.since, |ended| self.since.min(ended));
        if let Some(acknowledged) = &mut self.acknowledged {
            shift.move_all([&mut acknowledged.at].into_iter().chain(&mut acknowledged.lapsed));
        }
        self.fired_steps.iter_mut().for_each(|fired| fired.shift(shift));
        self.snooze.iter_mut().for_each(|snooze| snooze.shift(shift, zone));
        self.channels.iter_mut().for_each(|record| record.shift(shift));
    }

    pub(crate) fn channel(&mut self, key: (&Name, Channel)) -> Option<&mut ChannelRecord> {
        self.channels.iter_mut().find(|record| record.key() == key)
    }

    /// Returns when the acknowledgement lapses, if it holds and its escalation says so.
    pub(crate) fn lapses(&self, after: Option<Millis>) -> Option<Time> {
        let acknowledged = self.acknowledged.as_ref().filter(|_| self.acknowledgement_holds)?;
        after.map(|after| acknowledged.at + after)
    }
}
/// A snooze of an incident: by whom, until when, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snooze {
    pub by: String,
    pub until: Time,
    #[serde(default, skip_serializing_if = "is_default")]
    pub until_given: GivenAs,
    pub at: Time,
}

impl Snooze {
    fn shift(&mut self, shift: RecordShift, zone: &TimeZone) {
        let before = self.at;
        shift.move_all([&mut self.at]);
        self.until = self.until_given.shifted(self.until, (before, self.at), zone).min(self.at + Input::LONGEST_HOLD);
    }
}

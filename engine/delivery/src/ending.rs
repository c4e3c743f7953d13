//! The end of an incident, as far as a message may speak of it.

use dag_engine::{EndedBy, IncidentSnapshot, Notification, Time, Value};
use serde::Serialize;

use crate::then_and_now::{Change, ThenAndNow, value_now};

const POWER: &str = "power";

/// What may be said of an incident that has ended. Good news is said only if the facts bear it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// The mains came back when it ended, and have been on since.
    Back,
    /// The mains came back when it ended. They went off again since, or are not known to be on.
    CameBack,
    /// What it was about was over when it ended.
    Over,
    /// Its condition is no longer true, but not because all is well: the clock, an edit or a lost sensor ended it, or
    /// one of the facts that it reads stayed as it was.
    NoLongerCounts,
    /// Its rule was removed: nothing is known of the condition.
    Unwatched,
}

impl Ending {
    /// Returns the ending; `None` while the incident lasts. `mains` says whether its rule is about an outage of the
    /// mains.
    pub fn of(
        notification: &Notification,
        incident: &IncidentSnapshot,
        mains: bool,
        facts: &[ThenAndNow],
    ) -> Option<Self> {
        if incident.ended_by == Some(EndedBy::RuleRemoved) {
            return Some(Ending::Unwatched);
        }
        let ended = incident.ended?;
        Some(match (incident.ended_by, mains) {
            (Some(_), _) => Ending::NoLongerCounts,
            (None, true) => Ending::of_mains(notification, incident, ended),
            (None, false) if goes_on(incident, facts) => Ending::NoLongerCounts,
            (None, false) => Ending::Over,
        })
    }

    /// The mains came back if they were on at the end, the rule read nothing else then, and the change to `on`, where
    /// it is the last one, was at that time.
    fn of_mains(notification: &Notification, incident: &IncidentSnapshot, ended: Time) -> Self {
        let power = notification.facts.get(POWER);
        let last = power.and_then(|power| power.last.zip(power.since));
        let on_since = last.filter(|(value, _)| *value == Value::On).map(|(_, since)| since);
        let at_end = match incident.facts_at_end.get(POWER) {
            Some(value) => *value,
            // An earlier version did not note the values. The last change says it, if it was at the end.
            None => on_since.filter(|since| same_minute(*since, ended)).map(|_| Value::On),
        };
        let read_more = incident.facts_at_end.keys().any(|fact| fact.as_str() != POWER);
        let was_on_before = on_since.is_some_and(|since| since < ended && !same_minute(since, ended));
        if at_end != Some(Value::On) || read_more || was_on_before {
            return Ending::NoLongerCounts;
        }
        let is_on = value_now(&notification.facts, POWER) == Some(Value::On);
        let unchanged = on_since.is_some_and(|since| since <= ended);
        if is_on && unchanged { Ending::Back } else { Ending::CameBack }
    }
}

/// Returns whether what a rule's name says may well go on. A rule may need several facts at once: where one of them is as
/// it was at the beginning, a door is still open when the power is back. Where none was known nothing is known of it.
fn goes_on(incident: &IncidentSnapshot, facts: &[ThenAndNow]) -> bool {
    let one_of_several = facts.len() > 1 && facts.iter().any(|fact| fact.outlasted(incident));
    let all_unknown = !facts.is_empty() && incident.facts_at_end.values().all(Option::is_none);
    one_of_several || all_unknown
}

/// Returns the sentences that follow the news of an end: of what no longer counts all facts, of all others those that
/// are no news by themselves, as what changed since or what stayed as it was.
pub(crate) fn since_then(ending: Option<Ending>, facts: &[ThenAndNow]) -> String {
    let told = facts.iter().filter_map(|fact| match (ending?, fact.change) {
        (Ending::Unwatched, _) => None,
        (Ending::NoLongerCounts, _) => Some(fact.sentence.as_str()),
        (_, Change::Changed) => Some(fact.present.as_str()),
        _ if fact.stayed() => Some(fact.sentence.as_str()),
        _ => None,
    });
    told.collect::<Vec<_>>().join(" ")
}

/// Returns the same in short, for a subject: of two facts at most, so that there is room for the rest.
pub(crate) fn in_short(ending: Option<Ending>, facts: &[ThenAndNow]) -> String {
    let told = facts.iter().filter(|fact| match (ending, fact.change) {
        (None | Some(Ending::Unwatched), _) => false,
        (Some(Ending::NoLongerCounts), _) | (_, Change::Still | Change::Changed) => true,
        (_, Change::Since | Change::Unknown) => false,
    });
    told.filter_map(|fact| fact.in_short.as_deref()).take(2).collect::<Vec<_>>().join(", ")
}

/// Returns whether the mains went off when the incident began, and are off since, so that its time is theirs. It is
/// another if they came back for a moment, or if its rule was about something else when it began.
pub(crate) fn is_out_since(notification: &Notification, incident: &IncidentSnapshot) -> bool {
    let power = notification.facts.get(POWER).and_then(|power| power.last.zip(power.since));
    power.is_some_and(|(value, since)| value == Value::Off && since == incident.since)
}

/// Returns whether two times are shown as the same one.
fn same_minute(one: Time, other: Time) -> bool {
    one.as_millis() / 60_000 == other.as_millis() / 60_000
}

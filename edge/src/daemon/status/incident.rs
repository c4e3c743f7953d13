//! An open incident, in a status.

use dag_engine::{GivenAs, Id, Incident, IncidentOutlook, Name, Severity, Time};
use serde::{Deserialize, Serialize};

/// An open incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its id.
    pub id: Id,
    /// Its rule.
    pub rule: Name,
    /// The rule's severity.
    pub severity: Severity,
    /// The time at which it began.
    pub since: Time,
    /// Its times are by a clock that was not set when they were read, or moved by an estimate.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub uncertain: bool,
    /// The time at which it had lasted long enough to be an incident.
    pub opened_at: Time,
    /// The name of the person who acknowledged it last.
    pub acknowledged_by: Option<String>,
    /// The time of that.
    pub acknowledged_at: Option<Time>,
    /// The acknowledgement holds the steps. It is false after it lapsed.
    pub acknowledgement_holds: bool,
    /// The time at which it lapsed, if it did.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub acknowledgement_lapsed: Option<Time>,
    /// The end of its snooze, if that is ahead.
    pub snoozed_until: Option<Time>,
    /// How that was given.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub snooze_given: GivenAs,
    /// The name of the person who snoozed it, if that is not over.
    pub snoozed_by: Option<String>,
    /// Who was told, what is held and why, and what is next.
    pub outlook: IncidentOutlook,
}

impl OpenIncident {
    /// Returns an incident as it stands at `now`.
    pub fn new(incident: &Incident, outlook: IncidentOutlook, now: Time) -> OpenIncident {
        let (acknowledged_by, acknowledged_at) =
            incident.acknowledged.as_ref().map(|last| (last.by.clone(), last.at)).unzip();
        let snoozed_until = incident.snoozed_until().filter(|until| *until > now);
        let snoozed_by = incident.snoozed_by().filter(|_| snoozed_until.is_some());
        OpenIncident {
            id: incident.id,
            rule: incident.rule.clone(),
            severity: incident.severity,
            since: incident.since,
            uncertain: incident.is_uncertain(),
            opened_at: incident.opened_at,
            acknowledged_by,
            acknowledged_at,
            acknowledgement_holds: incident.is_acknowledged(),
            acknowledgement_lapsed: incident.acknowledged.as_ref().and_then(|last| last.lapsed),
            snoozed_until,
            snooze_given: incident.snooze_given().filter(|_| snoozed_until.is_some()).unwrap_or_default(),
            snoozed_by: snoozed_by.map(str::to_owned),
            outlook,
        }
    }
}

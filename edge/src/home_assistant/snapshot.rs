//! The state that Home Assistant shows.

use std::cmp::Reverse;

use dag_engine::{Name, Severity, State, Time, Value};
use serde::Serialize;

/// The most incidents that are listed: Home Assistant stores attributes of up to 16 KB.
const MOST_LISTED: usize = 20;

/// The state that Home Assistant shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The mains, on or off, where known.
    pub power: Option<Value>,
    /// The battery's charge in percent, where known.
    pub battery: Option<Value>,
    /// The open incidents, at most 20: the most severe first, of equal ones the oldest.
    pub incidents: Vec<OpenIncident>,
}

/// An open incident, as it is written into attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenIncident {
    /// Its rule.
    pub rule: Name,
    /// When it began.
    pub since: Time,
    /// The rule's severity.
    pub severity: Severity,
    /// The name of who acknowledged it.
    pub acknowledged_by: Option<String>,
}

impl Snapshot {
    /// Takes a snapshot of the engine's state.
    pub fn of(state: &State) -> Snapshot {
        let open = state.open_incidents().map(|incident| OpenIncident {
            rule: incident.rule.clone(),
            since: incident.since,
            severity: incident.severity,
            acknowledged_by: incident
                .acknowledged
                .as_ref()
                .filter(|_| incident.is_acknowledged())
                .map(|acknowledged| acknowledged.by.clone()),
        });
        let mut incidents: Vec<OpenIncident> = open.collect();
        incidents.sort_by_key(|incident| (Reverse(incident.severity), incident.since));
        incidents.truncate(MOST_LISTED);
        Snapshot { power: state.value("power"), battery: state.value("battery"), incidents }
    }
}

//! What is to be seen of the device.

use std::cmp::Reverse;

use dag_engine::{Name, Severity, State, Time, Value};
use serde::Serialize;

/// How many incidents are listed; Home Assistant keeps only short attributes.
const MOST_LISTED: usize = 20;

/// What Home Assistant shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Whether the mains are there, where known.
    pub power: Option<Value>,
    /// The battery's charge in percent, where known.
    pub battery: Option<Value>,
    /// What is open: what matters most first, then the oldest. At most 20.
    pub incidents: Vec<OpenIncident>,
}

/// An incident that is open, as its attributes say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenIncident {
    /// Its rule.
    pub rule: Name,
    /// When it began.
    pub since: Time,
    /// The rule's severity.
    pub severity: Severity,
    /// Who has taken it on.
    pub acknowledged_by: Option<String>,
}

impl Snapshot {
    /// What the engine knows.
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

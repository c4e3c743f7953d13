//! Readings that came late: the sentence that says so.

use dag_engine::{IncidentSnapshot, Kind};

use crate::words::TimeFormatter;

/// Returns the sentence that says that the beginning or the end of an incident was reported late, and when; empty if
/// neither was.
pub(crate) fn sentence(incident: &IncidentSnapshot, kind: Kind, times: &TimeFormatter) -> String {
    let end = incident.ended_reported.filter(|_| incident.ended.is_some());
    match (incident.since_reported.map(|at| times.time(at)), end.map(|at| times.time(at))) {
        (None, None) => String::new(),
        (None, Some(end)) => format!("This was reported late, at {end}."),
        (Some(began), None) if kind == Kind::Opened => format!("This was reported late, at {began}."),
        (Some(began), None) => format!("That it began was reported late, at {began}."),
        (Some(began), Some(end)) if began == end => format!("Both were reported late, at {end}."),
        (Some(began), Some(end)) => format!("Both were reported late: the beginning at {began}, the end at {end}."),
    }
}

//! The tone of a message: by which layouts choose colours, signs and priorities.

use dag_engine::{IncidentSnapshot, Kind, Severity};
use serde::Serialize;

use crate::{ending::Ending, then_and_now::ThenAndNow};

/// How a message looks. It follows the incident and its severity, never the state of the mains: a freezer's door is
/// open while the power is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tone {
    /// The incident lasts, and its severity is `critical`.
    Critical,
    /// The incident lasts, and its severity is `warning`.
    Warning,
    /// The incident lasts, and its severity is `info`.
    Info,
    /// The incident is open as far as anybody knows: a fact of its rule is not known at present.
    Unseen,
    /// Somebody has acknowledged the incident, which is what the message says.
    Acknowledged,
    /// The incident is over.
    Over,
    /// The incident is over, and the facts have changed since: the power is off again, or not known.
    Changed,
    /// The incident was closed without what it was about being over: by the clock, by an edit, by a lost sensor.
    Closed,
    /// The incident was closed because its rule was removed, which is no good news.
    Unwatched,
    /// The monitor itself is in trouble.
    Trouble,
    /// Somebody asked for a test message: nothing happened.
    Test,
}

impl Tone {
    /// Returns the tone of a message about an incident. `unseen` says that a fact of its rule is not known at present.
    pub fn of(
        incident: &IncidentSnapshot,
        kind: Kind,
        unseen: bool,
        ending: Option<Ending>,
        facts: &[ThenAndNow],
    ) -> Self {
        match (ending, kind, incident.severity) {
            (Some(Ending::Unwatched), ..) => Tone::Unwatched,
            (Some(Ending::NoLongerCounts), ..) => Tone::Closed,
            (Some(Ending::CameBack), ..) => Tone::Changed,
            (Some(Ending::Back | Ending::Over), ..) if facts.iter().any(ThenAndNow::turned) => Tone::Changed,
            (Some(Ending::Back | Ending::Over), ..) => Tone::Over,
            (None, Kind::Acknowledged, _) => Tone::Acknowledged,
            _ if unseen => Tone::Unseen,
            (None, _, Severity::Critical) => Tone::Critical,
            (None, _, Severity::Warning) => Tone::Warning,
            (None, _, Severity::Info) => Tone::Info,
        }
    }
}

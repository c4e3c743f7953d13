//! The tone of a message: by which layouts choose colours, signs and priorities.

use dag_engine::{About, IncidentSnapshot, Kind, Notification, Severity};
use serde::Serialize;

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
    /// The incident was closed because its rule was removed, which is no good news.
    Unwatched,
    /// The monitor itself is in trouble.
    Trouble,
    /// Somebody asked for a test message: nothing happened.
    Test,
}

impl Tone {
    /// Returns the tone of a message.
    pub fn of(notification: &Notification) -> Self {
        match &notification.about {
            About::Incident(incident) => Tone::of_incident(incident, notification.kind),
            About::Trouble(_) => Tone::Trouble,
            About::Test(_) => Tone::Test,
        }
    }

    fn of_incident(incident: &IncidentSnapshot, kind: Kind) -> Self {
        match (kind, incident.severity) {
            _ if incident.ended_by.is_some() => Tone::Unwatched,
            (Kind::Resolved | Kind::Past, _) => Tone::Over,
            (Kind::Acknowledged, _) => Tone::Acknowledged,
            _ if incident.unseen => Tone::Unseen,
            (_, Severity::Critical) => Tone::Critical,
            (_, Severity::Warning) => Tone::Warning,
            (_, Severity::Info) => Tone::Info,
        }
    }
}

//! Decisions in the words of timelines.

use dag_engine::{Decision, IncidentSnapshot, Kind, Name, Notification, Outcome};
use serde::Serialize;

use crate::clock::write;

/// Returns a decision in words; `None` for what a timeline leaves out: what only repeats the event, `fired`, and
/// troubles where nobody is told of them.
pub fn of(decision: &Decision, sent: &[Notification], with_troubles: bool) -> Option<String> {
    Some(match &decision.outcome {
        Outcome::RulesChanged { .. }
        | Outcome::ClockSet { .. }
        | Outcome::Acknowledged { .. }
        | Outcome::Snoozed { .. }
        | Outcome::SnoozeEnded { .. }
        | Outcome::Silenced { .. }
        | Outcome::SilenceEnded { .. }
        | Outcome::Fired { .. } => return None,
        Outcome::Troubled { .. } | Outcome::TroubleOver { .. } if !with_troubles => return None,
        Outcome::Pending { due } => format!("pending until {}", write(*due)),
        Outcome::Dip { .. } => "dip".to_owned(),
        Outcome::Opened { since } => format!("opened, since {}", write(*since)),
        Outcome::Closing { due } => format!("closing until {}", write(*due)),
        Outcome::Reopened { .. } => "reopened".to_owned(),
        Outcome::Resolved { since, ended, by } => {
            let by = by.map(|by| format!(", {}", by.as_str())).unwrap_or_default();
            format!("resolved, {} to {}{by}", write(*since), write(*ended))
        }
        Outcome::NoAnswer => "no answer".to_owned(),
        Outcome::Held { step, reason } => format!("held step {step}, {}", name(reason)),
        Outcome::Notify(message) => told(message),
        Outcome::Withheld { kind, recipient, reason, .. } => {
            format!("withheld from {recipient} {}, {}", kind.as_str(), name(reason))
        }
        Outcome::Withdrawn { notification, reason } => {
            let message = sent.iter().find(|message| message.id == *notification).unwrap();
            format!("withdrawn from {} {}, {}", message.recipient, message.kind.as_str(), name(reason))
        }
        Outcome::AcknowledgementLapsed { .. } => "acknowledgement lapsed".to_owned(),
        Outcome::NobodyToTell { step } => format!("nobody to tell at step {step}"),
        Outcome::FellBack { recipient, to } => format!("fell back from {recipient} to {to}"),
        Outcome::HookFailed { hook, .. } => format!("hook {hook} failed"),
        Outcome::Refused { reason, .. } => format!("refused, {}", name(reason)),
        Outcome::Waits { until, .. } => format!("waits until {}", write(*until)),
        Outcome::Gap { boot, last, next_boot, next, .. } if boot == next_boot => format!("gap from {last} to {next}"),
        Outcome::Gap { boot, last, next_boot, next, .. } => {
            format!("gap from {last} of boot {boot} to {next} of boot {next_boot}")
        }
        Outcome::Troubled { cause } => format!("troubled, {}", cause.key()),
        Outcome::TroubleOver { key } => format!("trouble over, {key}"),
        Outcome::Renamed { was } => format!("renamed from {was}"),
    })
}

/// Returns a message in words, with what it says besides its kind.
fn told(message: &Notification) -> String {
    let repeat = match (message.kind, message.repeat) {
        (Kind::Reminder, repeat @ 1..) => format!(" {repeat}"),
        _ => String::new(),
    };
    let says = message.incident().map(says).unwrap_or_default();
    let says = if says.is_empty() { says } else { format!(" ({says})") };
    format!("told {} {}{repeat}{says}", message.recipient, message.kind.as_str())
}

/// Returns what a message says of its incident where that is not plain: the values that were noted where no reading of
/// them ended it, whether its times came late, and whether they are uncertain.
fn says(incident: &IncidentSnapshot) -> String {
    let mut all = Vec::new();
    if incident.ended_by.is_some() {
        let values = incident.facts_at_end.iter();
        all.extend(
            values.map(|(fact, value)| {
                format!("{fact} {}", value.map_or("unknown".to_owned(), |value| value.to_string()))
            }),
        );
    }
    if incident.since_reported.is_some() || incident.ended_reported.is_some() {
        all.push("late".to_owned());
    }
    if incident.uncertain {
        all.push("uncertain".to_owned());
    }
    all.join(", ")
}

/// Returns the name of a reason, as it is stored.
fn name(reason: &impl Serialize) -> String {
    let name: Name = serde_json::from_value(serde_json::to_value(reason).unwrap()).unwrap();
    name.to_string()
}

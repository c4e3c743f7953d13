//! The open incidents: who was told, what is held and why, and what is next.

use dag_engine::{
    DeliveryState, HeldChannel, Hold, IncidentOutlook, MessageTarget, Name, NextMessages, StepFiring, ToldChannel,
    Withholding,
};

use super::wall_clock::WallClock;
use crate::daemon::OpenIncident;

pub(super) fn section(incidents: &[OpenIncident], clock: &WallClock) -> String {
    if incidents.is_empty() {
        return "No incident is open.".to_owned();
    }
    let incidents = incidents.iter().map(|incident| lines(incident, clock));
    format!("Open incidents\n{}", incidents.collect::<Vec<_>>().join("\n"))
}

/// Returns the lines of one incident: one fact a line, behind its label.
fn lines(incident: &OpenIncident, clock: &WallClock) -> String {
    let OpenIncident { id, rule, severity, since, outlook, .. } = incident;
    let about = if incident.uncertain { "about " } else { "" };
    let mut text = format!("  {rule} ({}) since {about}{}\n", severity.as_str(), clock.time(*since));
    let mut line = |label: &str, fact: String| text += &format!("    {label:<12} {fact}\n");
    line("id", id.to_string());
    for channel in &outlook.told {
        let (label, fact) = told(channel, clock);
        line(label, fact);
    }
    if outlook.told.is_empty() {
        line("told", "nobody yet".to_owned());
    }
    for channel in &outlook.held {
        line("held", held(channel, clock));
    }
    if let Some(fact) = acknowledged(incident, clock) {
        line("acknowledged", fact);
    }
    if let Some(until) = incident.snoozed_until {
        let by = incident.snoozed_by.as_deref().unwrap_or("somebody");
        line("snoozed", format!("by {by} until {}{}", clock.time(until), incident.snooze_given.note()));
    }
    if let Some(until) = outlook.silenced_until {
        line("silenced", format!("until {}", clock.time(until)));
    }
    if let Some(hold) = outlook.hold.as_ref().filter(|hold| hold.reason == Hold::Inhibited) {
        let rules = quoted(&hold.inhibited_by);
        line("inhibited", format!("everybody whom its first step tells was told of {rules}"));
    }
    if !outlook.unknown.is_empty() {
        let ends = "whether it lasts is not known, and it does not end before that is known";
        line("unknown", format!("{}: {ends}", quoted(&outlook.unknown)));
    }
    if let Some(closing) = &outlook.closing {
        let since = clock.time(closing.since);
        line(
            "closing",
            match outlook.unknown.is_empty() {
                true => {
                    format!(
                        "the condition is false since {since}; over if it stays so until {}",
                        clock.time(closing.due)
                    )
                }
                false => format!("the condition was last seen false, since {since}; the wait for its end stands still"),
            },
        );
    }
    for fact in next(outlook, clock) {
        line("next", fact);
    }
    text
}

/// Returns the label and the fact. An earlier message may have arrived where the last one fails.
fn told(channel: &ToldChannel, clock: &WallClock) -> (&'static str, String) {
    let at = channel.at.map(|at| format!(" at {}", clock.time(at))).unwrap_or_default();
    let delivery = match channel.delivery {
        DeliveryState::Queued => ", not sent yet".to_owned(),
        DeliveryState::Attempted => ", being sent".to_owned(),
        DeliveryState::Delivered => ", delivered".to_owned(),
        DeliveryState::Failing(since) => format!(": failing since {}", clock.time(since)),
    };
    let label = if let DeliveryState::Failing(_) = channel.delivery { "NOT REACHED" } else { "told" };
    (label, format!("{} by {}{at}{delivery}", channel.recipient, channel.channel.as_str()))
}

fn held(channel: &HeldChannel, clock: &WallClock) -> String {
    let until = channel.until.map(|until| format!(" until {}", clock.time(until))).unwrap_or_default();
    let reason = match (&channel.inhibited_by, channel.reason) {
        (Some(rule), Withholding::Inhibited) => format!("was told of `{rule}`, which inhibits this"),
        (_, reason) => reason.describe().to_owned(),
    };
    format!("{} by {}{until}: {reason}", channel.recipient, channel.channel.as_str())
}

fn acknowledged(incident: &OpenIncident, clock: &WallClock) -> Option<String> {
    let by = incident.acknowledged_by.as_deref()?;
    let at = incident.acknowledged_at.map(|at| format!(" at {}", clock.time(at))).unwrap_or_default();
    let end = match (incident.acknowledgement_lapsed, incident.outlook.acknowledgement_lapses) {
        (Some(lapsed), _) => format!("; that lapsed at {}", clock.time(lapsed)),
        (None, _) if !incident.acknowledgement_holds => "; that has lapsed".to_owned(),
        (None, Some(lapses)) => format!(", until {}", clock.time(lapses)),
        (None, None) => ", until it is over".to_owned(),
    };
    Some(format!("by {by}{at}{end}"))
}

/// Returns the next messages; what is left out of them has lines of its own.
fn next(outlook: &IncidentOutlook, clock: &WallClock) -> Vec<String> {
    let Some(NextMessages { at, steps, notify, held }) = &outlook.next else {
        let reason = match outlook.hold.as_ref().map(|hold| hold.reason) {
            // A line of its own says so.
            Some(Hold::Closing) if outlook.closing.is_some() => return Vec::new(),
            Some(Hold::Acknowledged) => "no step while the acknowledgement holds",
            Some(Hold::Inhibited) => "no step while everybody is told of the other",
            Some(Hold::Closing | Hold::Snoozed | Hold::Silenced) | None => "no further step",
        };
        return vec![reason.to_owned()];
    };
    let time = clock.time(*at);
    let targets = targets(notify);
    let what = match steps.as_slice() {
        [] => format!("at {time}"),
        steps => format!("{} at {time}", steps.iter().map(step).collect::<Vec<_>>().join(" and ")),
    };
    let held = held.iter().map(|channel| {
        format!("{} by {} is left out: {}", channel.recipient, channel.channel.as_str(), channel.reason.describe())
    });
    [format!("{what}: {targets}")].into_iter().chain(held).collect()
}

/// Returns who is told by what: `nor by email and webhook, kim by email in place of pat (fallback)`.
fn targets(notify: &[MessageTarget]) -> String {
    let groups =
        notify.chunk_by(|one, next| (&one.recipient, &one.in_place_of) == (&next.recipient, &next.in_place_of));
    let groups: Vec<String> = groups
        .filter_map(|group| {
            let channels: Vec<&str> = group.iter().map(|target| target.channel.as_str()).collect();
            let MessageTarget { recipient, in_place_of, .. } = group.first()?;
            let why = in_place_of.as_ref().map(|failed| format!(" in place of {failed} (fallback)"));
            Some(format!("{recipient} by {}{}", channels.join(" and "), why.unwrap_or_default()))
        })
        .collect();
    if groups.is_empty() { "nobody".to_owned() } else { groups.join(", ") }
}

fn step(firing: &StepFiring) -> String {
    match firing.repeat {
        0 => format!("step {}", firing.step),
        repeat => format!("step {}, repeat {repeat},", firing.step),
    }
}

fn quoted(names: &[Name]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

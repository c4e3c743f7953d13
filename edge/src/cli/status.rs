//! `dag status`

use std::fmt::Write as _;

use dag_cli::{Done, Failure};
use dag_engine::Time;

use super::common::{Common, ask, local};
use crate::{
    daemon::{Request, Status, UplinkStatus},
    home_assistant,
};

pub(super) fn status(common: &Common) -> Done {
    let answer = ask(common, &Request::Status)?;
    let status: Status = serde_json::from_value(answer.clone())?;
    common.print(text(&status)?, &answer)?;
    Ok(())
}

fn text(status: &Status) -> Result<String, Failure> {
    let local = |time: Time| local(time, status.device.timezone.as_deref());
    let mut out = String::new();
    writeln!(out, "{} ({})", status.device.name, status.device.id)?;
    for (fact, (value, at)) in &status.facts {
        let value = value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
        writeln!(out, "  {fact:<12} {value:<10} read {}", local(*at))?;
    }
    for (source, reason) in &status.lost {
        writeln!(out, "  LOST {source}: {reason}")?;
    }
    if let Some(last) = status.last_alive {
        writeln!(out, "  started {}; no readings since {}", local(status.started), local(last))?;
    } else {
        writeln!(out, "  started {}, for the first time", local(status.started))?;
    }
    match status.incidents.as_slice() {
        [] => writeln!(out, "\nNo incident is open.")?,
        incidents => {
            writeln!(out, "\nOpen incidents")?;
            for incident in incidents {
                let by =
                    incident.acknowledged_by.as_ref().map_or_else(String::new, |by| format!(", acknowledged by {by}"));
                let snoozed = incident.snoozed_until.map(|until| format!(", snoozed until {}", local(until)));
                let (severity, snoozed) = (incident.severity.as_str(), snoozed.unwrap_or_default());
                let (rule, since) = (&incident.rule, local(incident.since));
                writeln!(out, "  {}  {rule} ({severity}) since {since}{by}{snoozed}", incident.id)?;
            }
        }
    }
    for silence in &status.silences {
        let (from, until, about) = (local(silence.from), local(silence.until), super::silence::describe(silence));
        writeln!(out, "Silent: {about}, from {from} until {until}, by {}.", silence.by)?;
    }
    for waiting in &status.pending {
        let (since, due) = (local(waiting.since), local(waiting.due));
        writeln!(out, "Waiting: {} is true since {since}; an incident opens at {due} if it stays so.", waiting.rule)?;
    }
    for (title, messages) in [("Waiting to be sent", &status.waiting), ("Could not be delivered", &status.undelivered)]
    {
        if !messages.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        for message in messages {
            let error = message.last_error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
            let (kind, channel) = (message.kind.as_str(), message.channel.as_str());
            writeln!(out, "  {kind} to {} by {channel}, {} attempts{error}", message.recipient, message.attempts)?;
        }
    }
    if let Some(link) = &status.uplink {
        write!(out, "\n{}", uplink(link, &local))?;
    }
    writeln!(out, "\nRules {} are in force.", status.rules)?;
    if let Some(rejected) = &status.rejected {
        writeln!(out, "\nThe files in rules/ are NOT in force. What is wrong with them:\n\n{rejected}")?;
    }
    if let Some(failing) = &status.failing {
        writeln!(out, "\nThe rules are in force ALTHOUGH SCENARIOS FAIL: no better ones are known.\n\n{failing}")?;
    }
    if let Some(trouble) = &status.store {
        writeln!(out, "\nNOTHING CAN BE NOTED, so nothing is sent: {trouble}")?;
    }
    match &status.home_assistant {
        None => {}
        Some(home_assistant::ConnectionState::Connecting) => {
            writeln!(out, "\nHome Assistant: connecting to its broker.")?
        }
        Some(home_assistant::ConnectionState::Connected) => {
            writeln!(out, "\nHome Assistant: connected to its broker.")?
        }
        Some(home_assistant::ConnectionState::Lost { reason }) => {
            writeln!(out, "\nHOME ASSISTANT IS NOT TOLD: {reason}.")?
        }
    }
    if let Some(reason) = &status.clock {
        writeln!(out, "\nTHE TIME IS UNCERTAIN: {reason}.")?;
    }
    Ok(out.trim_end().to_owned())
}

fn uplink(status: &UplinkStatus, local: &impl Fn(Time) -> String) -> String {
    let endpoint = &status.endpoint;
    let mut out = match (status.connected_since, &status.reason) {
        (Some(since), _) => format!("Connected to the cloud ({endpoint}) since {}.\n", local(since)),
        (None, Some(reason)) => {
            let again = status.again_at.map(|at| format!("; tried again at {}", local(at))).unwrap_or_default();
            format!("NO CONNECTION TO THE CLOUD ({endpoint}): {reason}{again}.\n")
        }
        (None, None) => format!("Connecting to the cloud ({endpoint}).\n"),
    };
    match status.backlog.readings {
        0 => {}
        1 => out.push_str("  1 reading waits until the cloud has confirmed it\n"),
        more => out.push_str(&format!("  {more} readings wait until the cloud has confirmed them\n")),
    }
    if let Some(dropped) = status.backlog.dropped {
        let (count, from, until) = (dropped.readings, local(dropped.from), local(dropped.until));
        out.push_str(&format!(
            "  {count} readings from {from} to {until} were dropped: there was no room (uplink.keep)\n"
        ));
    }
    if let Some(refused) = &status.rules_refused {
        out.push_str(&format!("  Rules from the cloud were NOT taken: {refused}\n"));
    }
    out
}

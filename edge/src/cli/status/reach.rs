//! Who can be reached: the receivers, the heartbeats, and what a real monitor would not have.

use super::wall_clock::WallClock;
use crate::daemon::Status;

pub(super) fn section(status: &Status, clock: &WallClock) -> String {
    let parts = [receivers(status, clock), heartbeats(status, clock), deployment(status)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn receivers(status: &Status, clock: &WallClock) -> Option<String> {
    let (checked_at, problems) = (status.receivers.checked_at?, &status.receivers.problems);
    let at = clock.time(checked_at);
    if problems.is_empty() {
        return Some(format!("Receivers: no problem was found at {at}."));
    }
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    Some(format!("MESSAGES WOULD NOT ARRIVE, as a check at {at} found{}", lines.collect::<String>()))
}

fn heartbeats(status: &Status, clock: &WallClock) -> Option<String> {
    let lines = status.heartbeats.iter().map(|(name, heartbeat)| {
        let last = heartbeat.last_taken.map_or_else(|| "never".to_owned(), |at| clock.time(at));
        match (&heartbeat.failure, heartbeat.said_well) {
            (Some(error), _) => format!("HEARTBEAT {name} IS NOT TAKEN, last taken {last}: {error}"),
            (None, Some(true)) => format!("Heartbeat {name}: the monitor is well, last told {last}."),
            (None, Some(false)) => format!("HEARTBEAT {name}: the monitor is NOT well, last told {last}."),
            (None, None) => format!("Heartbeat {name}: not called yet."),
        }
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn deployment(status: &Status) -> Option<String> {
    let lines = status.deployment.iter().map(|warning| format!("\n  {warning}"));
    (!status.deployment.is_empty()).then(|| format!("THIS IS NO REAL MONITOR YET{}", lines.collect::<String>()))
}

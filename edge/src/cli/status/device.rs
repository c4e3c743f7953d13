//! The device: its facts, its sources, and since when the daemon runs.

use dag_engine::Millis;

use super::wall_clock::WallClock;
use crate::daemon::Status;

pub(super) fn section(status: &Status, clock: &WallClock) -> String {
    let mut text = format!("{} ({})\n", status.device.name, status.device.id);
    for (fact, (value, at)) in &status.facts {
        // Rules and `dag unplug` say `on` and `off`, whatever people read.
        let value = match value {
            None => "unknown".to_owned(),
            Some(value) => match status.device.label(fact, *value) {
                Some(label) => format!("{label} ({value})"),
                None => value.to_string(),
            },
        };
        text += &format!("  {fact:<12} {value:<10} read {}\n", clock.time(*at));
    }
    for (source, reason) in &status.lost {
        text += &format!("  LOST {source}: {reason}\n");
    }
    text += &format!("  started      {}\n", started(status, clock));
    text
}

/// Returns when the daemon was started, and the gap before. By a clock that is uncertain that is about then; and where it
/// went on just behind the last time noted, nobody knows how long the gap was.
fn started(status: &Status, clock: &WallClock) -> String {
    let about = if status.clock.is_some() { "about " } else { "" };
    let started = format!("{about}{}", clock.time(status.started));
    match status.last_alive {
        None => format!("{started}, for the first time"),
        Some(last) if status.started.since(last) >= Millis::new(1_000) => {
            format!("{started}; nothing was read from {about}{} until then", clock.time(last))
        }
        Some(_) if status.clock.is_some() => {
            format!("{started}; for how long nothing was read before is not known: the clock is uncertain")
        }
        Some(_) => format!("{started}; nothing was read for less than a second before"),
    }
}

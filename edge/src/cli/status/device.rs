//! The device: its facts, its sources, and since when the daemon runs.

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
    let started = clock.time(status.started);
    text += &match status.last_alive {
        Some(last) => format!("  started      {started}; nothing was read from {} until then\n", clock.time(last)),
        None => format!("  started      {started}, for the first time\n"),
    };
    text
}

//! Messages that are decided, and sent when the quiet hours of their recipients end.

use dag_engine::{HeldMessage, Withholding};

use super::wall_clock::WallClock;

pub(super) fn section(held: &[HeldMessage], clock: &WallClock) -> String {
    if held.is_empty() {
        return String::new();
    }
    let lines: String = held.iter().map(|message| format!("  {}\n", line(message, clock))).collect();
    format!("Held\n{lines}")
}

fn line(message: &HeldMessage, clock: &WallClock) -> String {
    let HeldMessage { recipient, channel, kind, until, incident } = message;
    let about = match incident {
        Some(past) => format!("{}, {} to {}", past.rule, clock.time(past.since), clock.time(past.ended)),
        None => "about the monitor itself".to_owned(),
    };
    let (kind, channel, until) = (kind.as_str(), channel.as_str(), clock.time(*until));
    format!("{kind} to {recipient} by {channel} until {until}: {} ({about})", Withholding::Quiet.describe())
}

//! Messages that wait, or that could not be delivered.

use dag_cli::count;

use super::wall_clock::WallClock;
use crate::daemon::MessageStatus;

pub(super) fn section(title: &str, messages: &[MessageStatus], clock: &WallClock) -> String {
    if messages.is_empty() {
        return String::new();
    }
    let lines: String = messages.iter().map(|message| format!("  {}\n", line(message, clock))).collect();
    format!("{title}\n{lines}")
}

fn line(message: &MessageStatus, clock: &WallClock) -> String {
    let attempts = match message.attempts {
        0 => "not tried yet".to_owned(),
        attempts => count(attempts, "attempt"),
    };
    let when = match (message.given_up_at, message.due) {
        (Some(at), _) => format!(", given up at {}", clock.time(at)),
        (None, _) if message.under_way => ", being tried now".to_owned(),
        (None, Some(due)) => format!(", next at {}", clock.time(due)),
        (None, None) => String::new(),
    };
    let error = message.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let (kind, channel) = (message.kind.as_str(), message.channel.as_str());
    format!("{kind} to {} by {channel}, {attempts}{when}{error}", message.recipient)
}

//! The connections to the cloud and to Home Assistant.

use dag_cli::count;

use super::wall_clock::WallClock;
use crate::{
    daemon::{Status, UplinkStatus},
    home_assistant::ConnectionState,
};

pub(super) fn section(status: &Status, clock: &WallClock) -> String {
    let uplink = status.uplink.as_ref().map(|uplink| cloud(uplink, clock));
    uplink.into_iter().chain(status.home_assistant.as_ref().map(home_assistant)).collect()
}

fn cloud(status: &UplinkStatus, clock: &WallClock) -> String {
    let endpoint = &status.endpoint;
    let mut text = match (status.connected_since, &status.reason) {
        (Some(since), _) => format!("Connected to the cloud ({endpoint}) since {}.\n", clock.time(since)),
        (None, Some(reason)) => {
            let again = status.again_at.map(|at| format!("; tried again at {}", clock.time(at))).unwrap_or_default();
            format!("NO CONNECTION TO THE CLOUD ({endpoint}): {reason}{again}.\n")
        }
        (None, None) => format!("Connecting to the cloud ({endpoint}).\n"),
    };
    match status.backlog.readings {
        0 => {}
        1 => text += "  1 reading waits until the cloud has confirmed it\n",
        more => text += &format!("  {more} readings wait until the cloud has confirmed them\n"),
    }
    if let Some(dropped) = status.backlog.dropped {
        let (from, until) = (clock.time(dropped.from), clock.time(dropped.until));
        let were = if dropped.readings == 1 { "was" } else { "were" };
        let readings = count(dropped.readings, "reading");
        text += &format!("  {readings} from {from} to {until} {were} dropped: there was no room (uplink.keep)\n");
    }
    if let Some(refused) = &status.rules_refused {
        text += &format!("  Rules from the cloud were NOT taken: {refused}\n");
    }
    text
}

fn home_assistant(state: &ConnectionState) -> String {
    match state {
        ConnectionState::Connecting => "Home Assistant: connecting to its broker.".to_owned(),
        ConnectionState::Connected => "Home Assistant: connected to its broker.".to_owned(),
        ConnectionState::Lost { reason } => format!("HOME ASSISTANT IS NOT TOLD: {reason}."),
    }
}

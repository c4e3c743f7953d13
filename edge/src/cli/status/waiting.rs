//! What waits: rules whose condition is true not yet for long enough, and silences.

use dag_engine::PendingOutlook;

use super::wall_clock::WallClock;
use crate::{cli::silence::describe, daemon::Status};

pub(super) fn section(status: &Status, clock: &WallClock) -> String {
    let pending = status.pending.iter().map(|pending| waiting(pending, clock));
    let silences = status.silences.iter().map(|silence| {
        let from = format!("{}{}", clock.time(silence.from), silence.from_given.note());
        let until = format!("{}{}", clock.time(silence.until), silence.until_given.note());
        match silence.from <= status.now {
            true => format!("Silent: {}, since {from} until {until}, by {}.\n", describe(silence), silence.by),
            false => format!("Silent later: {}, from {from} until {until}, by {}.\n", describe(silence), silence.by),
        }
    });
    pending.chain(silences).collect()
}

fn waiting(pending: &PendingOutlook, clock: &WallClock) -> String {
    let PendingOutlook { rule, since, due, unknown } = pending;
    let (since, due) = (clock.time(*since), clock.time(*due));
    if unknown.is_empty() {
        return format!("Waiting: {rule} is true since {since}; an incident opens at {due} if it stays so.\n");
    }
    let facts = unknown.iter().map(|fact| format!("`{fact}`")).collect::<Vec<_>>().join(" and ");
    let (are, they) = if unknown.len() == 1 { ("is", "it is") } else { ("are", "they are") };
    format!(
        "Standing still: {rule} was true since {since}, and now {facts} {are} unknown.\n  \
         No incident opens before {they} known again.\n"
    )
}

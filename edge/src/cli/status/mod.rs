//! `dag status`: what a running daemon knows, one section a file.

mod connections;
mod device;
mod held;
mod incidents;
mod messages;
mod reach;
#[cfg(test)]
mod tests;
mod troubles;
mod waiting;
mod wall_clock;

use dag_cli::Done;

use self::wall_clock::WallClock;
use super::common::{Common, ask};
use crate::daemon::{Request, Status};

pub(super) fn status(common: &Common) -> Done {
    let answer = ask(common, &Request::Status)?;
    let status: Status = serde_json::from_value(answer.clone())?;
    common.print(text(&status), &answer)?;
    Ok(())
}

/// Returns the sections that have something to say, with an empty line between them.
fn text(status: &Status) -> String {
    let clock = WallClock::new(status.device.timezone.as_deref(), status.now);
    let sections = [
        device::section(status, &clock),
        incidents::section(&status.incidents, &clock),
        waiting::section(status, &clock),
        held::section(&status.held, &clock),
        messages::section("Waiting to be sent", &status.waiting, &clock),
        messages::section("Could not be delivered", &status.undelivered, &clock),
        connections::section(status, &clock),
        reach::section(status, &clock),
        troubles::section(status),
    ];
    let sections = sections.iter().map(|section| section.trim_end());
    sections.filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n\n")
}

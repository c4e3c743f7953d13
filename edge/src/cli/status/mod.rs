//! `dag status`: what a running daemon knows, one section a file.

mod connections;
mod device;
mod incidents;
mod messages;
#[cfg(test)]
mod tests;
mod troubles;
mod waiting;

use dag_cli::Done;
use dag_delivery::TimeFormatter;
use dag_engine::Time;

use super::common::{Common, ask};
use crate::daemon::{Request, Status};

pub(super) fn status(common: &Common) -> Done {
    let answer = ask(common, &Request::Status)?;
    let status: Status = serde_json::from_value(answer.clone())?;
    common.print(text(&status), &answer)?;
    Ok(())
}

/// The wall clock of the device: its times have their day where that is not today.
struct WallClock(TimeFormatter);

impl WallClock {
    fn time(&self, at: Time) -> String {
        self.0.time_with_seconds(at)
    }
}

/// Returns the sections that have something to say, with an empty line between them.
fn text(status: &Status) -> String {
    let zone = status.device.timezone.as_deref().unwrap_or("UTC");
    let clock = WallClock(TimeFormatter::new(zone, status.now));
    let sections = [
        device::section(status, &clock),
        incidents::section(&status.incidents, &clock),
        waiting::section(status, &clock),
        messages::section("Waiting to be sent", &status.waiting, &clock),
        messages::section("Could not be delivered", &status.undelivered, &clock),
        connections::section(status, &clock),
        troubles::section(status),
    ];
    let sections = sections.iter().map(|section| section.trim_end());
    sections.filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n\n")
}

//! What a host tells the engine.

use serde::{Deserialize, Serialize};

use crate::{Device, Id, Report};

/// Everything that can happen to a device, as its host hands it to [`Engine::step`](crate::Engine::step).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// Readings of one source.
    Report(Report),
    /// What the configuration or the registry says of the device, and what `@account` stands for.
    Account(Device),
    /// Somebody takes an incident on.
    Acknowledge {
        /// The incident.
        incident: Id,
        /// Who: a recipient, a dashboard's user or a shell's user.
        by: String,
    },
    /// A message left the queue: an attempt to send it is about to be made. Told before the attempt.
    Attempted {
        /// The message.
        notification: Id,
    },
    /// An attempt succeeded.
    Delivered {
        /// The message.
        notification: Id,
    },
    /// An attempt failed.
    Failed {
        /// The message.
        notification: Id,
        /// No further attempt will be made.
        last: bool,
    },
    /// The engine holds other rules than at the last step.
    RulesChanged,
    /// Nothing but the passing of time: a deadline is due.
    Elapsed,
}

//! Writes steps to the disk one after the other. They wait while it cannot be written.

use std::time::{Duration, Instant};

use dag_engine::Time;

use super::{DurableEngine, write_failure::WriteFailure};
use crate::store::Commit;

/// The pause after the first failure of the disk: soon enough for one that was only busy.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause. Space that was freed is noticed within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl DurableEngine {
    /// Writes the steps that wait, once the pause is over.
    pub fn write_again(&mut self) {
        if self.failure.as_ref().is_some_and(|failure| Instant::now() < failure.again_at) {
            return;
        }
        while let Some(commit) = self.unwritten.front() {
            match self.store.commit(commit) {
                Ok(()) => {
                    self.unwritten.pop_front();
                }
                Err(error) => {
                    let pause = match &self.failure {
                        Some(failure) => (failure.pause * 2).min(LONGEST_PAUSE),
                        None => {
                            tracing::error!(%error, "nothing can be noted, so nothing is sent: trying again");
                            FIRST_PAUSE
                        }
                    };
                    let again_at = Instant::now() + pause;
                    self.failure = Some(WriteFailure { reason: error.to_string(), pause, again_at });
                    return;
                }
            }
        }
        if self.failure.take().is_some() {
            tracing::info!("everything is noted again");
        }
    }

    /// Stores the time at which the daemon is alive, unless steps wait: those are the next to be tried.
    pub fn record_alive(&self, now: Time) {
        if !self.unwritten.is_empty() {
            return;
        }
        if let Err(error) = self.store.record_alive(now) {
            tracing::warn!(%error, "the store cannot be written");
        }
    }

    pub(super) fn write(&mut self, commit: Commit) {
        match commit.state(&self.device, &self.state) {
            Ok(commit) => self.unwritten.push_back(commit),
            // The state is maps with strings for keys: JSON holds it.
            Err(error) => tracing::error!(%error, "the state cannot be written as JSON"),
        }
        self.write_again();
    }
}

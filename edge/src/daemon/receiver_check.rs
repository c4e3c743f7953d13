//! The daemon's side of the receivers: checks them beside the loop.

use dag_delivery::ReceiverCheck;
use tokio::time::Instant;

use super::state::Daemon;

impl Daemon {
    /// Starts a check if one is due.
    pub(super) fn check_receivers(&mut self) {
        if self.receivers.wakes_at().is_none_or(|due| Instant::now() < due) {
            return;
        }
        let receivers = self.engine.rulebook().engine.receivers(&self.device);
        let (delivery, now) = (self.delivery.clone(), self.clock.now());
        self.receivers.begin(tokio::spawn(async move { delivery.check(&receivers, now).await }));
    }

    pub(super) fn finish_check(&mut self, check: ReceiverCheck) {
        self.receivers.take(check, self.clock.now());
    }
}

//! The daemon's side of its heartbeats: calls their services beside the loop while the monitor is well, and tells them
//! what is wrong while it is not.

use std::time::Instant;

use super::{
    health::{CLOCK, RECEIVERS, STORE},
    heartbeats::FinishedCall,
    state::Daemon,
};

impl Daemon {
    /// Begins the calls that are due.
    pub(super) fn beat(&mut self) {
        let now = Instant::now();
        let problems = self.problems_of_parts();
        let lasting = self.health.observe(problems, now);
        for call in self.heartbeats.take_due(&lasting, self.unread_sources.is_empty(), now) {
            let delivery = self.delivery.clone();
            self.heartbeats.spawn(async move {
                let result = delivery.beat(&call.url, &call.signal).await.map_err(|error| error.to_string());
                FinishedCall { call, result }
            });
        }
    }

    pub(super) fn finish_call(&mut self, finished: FinishedCall) {
        if self.heartbeats.settle(finished, Instant::now(), self.clock.now()) {
            self.receivers.network_is_back();
        }
    }

    /// Returns the parts of the monitor that are not well, each with the reason.
    fn problems_of_parts(&self) -> Vec<(String, String)> {
        let store = self.engine.write_failure().map(|reason| (STORE.to_owned(), reason.to_owned()));
        let clock = self.clock.uncertainty().map(|why| (CLOCK.to_owned(), why.describe().to_owned()));
        let sources = self.lost_sources.iter().map(|(source, reason)| (source.to_string(), reason.clone()));
        let receivers = self.receivers.reach_nobody().map(|problem| (RECEIVERS.to_owned(), problem));
        store.into_iter().chain(clock).chain(sources).chain(receivers).collect()
    }
}

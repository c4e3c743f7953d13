//! The daemon: one loop that hands one event at a time to the [`DurableEngine`].
//!
//! Events come from sources, requests, edits, finished attempts and deadlines. Long work (compiling rules, talking to
//! receivers and to the cloud) runs beside the loop, and its result comes back as an event.

mod cloud_uplink;
mod control;
mod copies;
mod durable_engine;
mod files_state;
mod health;
mod heartbeats;
mod hold_span;
mod holds;
mod home_assistant;
mod host_troubles;
mod notify;
mod receiver_check;
mod receivers;
mod reload;
mod request;
mod signs_of_life;
mod start;
mod state;
mod status;
mod store_copy;
mod uplink;
mod watch;

use std::{future::Future, sync::Arc, time::Duration};

use dag_delivery::{Failure, LeasedMessage, Receipt};
use dag_engine::{Id, Input};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::source::{SourceEvent, SourceStatus};

use cloud_uplink::{CloudUplink, next_event};
use heartbeats::next_call;
use receivers::next_check;
use reload::next_reload_result;
use state::Daemon;
use watch::Watch;

pub use control::{AskError, ask};
pub use durable_engine::DurableEngine;
pub use heartbeats::HeartbeatStatus;
pub use notify::TestResult;
pub use receivers::ReceiverStatus;
pub use request::{Answer, Matcher, Request, Until};
pub use start::socket;
pub use state::Start;
pub use status::{MessageStatus, OpenIncident, Status, UplinkStatus};
pub use store_copy::{StoreCopy, fetch_copy};

/// The longest sleep. The loop then notes that it is alive, from which the next boot knows until when this one ran.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The longest time that a stopping daemon waits for the attempts under way. A service manager waits longer.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs the daemon until `shutdown` is done. Each of the `hangups` asks for a reload of the files.
///
/// # Errors
/// The daemon cannot start: the files are wrong and no good ones are kept, or a store or a source cannot be used.
pub async fn run(
    start: Start,
    shutdown: impl Future<Output = ()>,
    mut hangups: mpsc::Receiver<()>,
) -> anyhow::Result<()> {
    let mut daemon = Daemon::start(start)?;
    tokio::pin!(shutdown);
    tracing::info!(
        device = %daemon.device.id,
        rules = %daemon.engine.rulebook().engine.rules().hash(),
        boot = daemon.store_info.boot,
        format = daemon.store_info.format,
        "ready"
    );
    // Fails where there is no service manager.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    daemon.engine.start_sending();
    loop {
        daemon.keep_time();
        daemon.report_troubles();
        daemon.show_home_assistant();
        daemon.check_receivers();
        daemon.beat();
        daemon.send();
        daemon.report();
        let wake = daemon.wake();
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(event) = daemon.sources.events.recv(), if daemon.engine.has_room() => daemon.observe(event),
            Some((id, result)) = daemon.results.recv() => daemon.settle(id, result),
            Some((request, answer)) = daemon.requests.recv() => daemon.handle_request(request, answer),
            Some(()) = daemon.presses.recv() => daemon.acknowledge_all(),
            Some(()) = hangups.recv() => daemon.reload(),
            () = next_edit(&mut daemon.watch) => daemon.reload(),
            result = next_reload_result(&mut daemon.reload_job) => daemon.finish_reload(result).await,
            event = next_event(&mut daemon.uplink) => daemon.uplink_event(event),
            check = next_check(&mut daemon.receivers) => daemon.finish_check(check),
            call = next_call(&mut daemon.heartbeats) => daemon.finish_call(call),
            () = tokio::time::sleep_until(wake) => {
                daemon.keep_time();
                let now = daemon.clock.now();
                if daemon.engine.next_step_at().is_some_and(|at| at <= now) {
                    daemon.engine.apply(Input::Elapsed, now);
                }
                daemon.engine.record_alive(now);
            }
        }
        daemon.engine.write_again();
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(under_way = daemon.engine.attempts_under_way(), "stopping");
    daemon.finish().await;
    Ok(())
}

impl Daemon {
    /// Returns when the loop wakes if nothing happens before.
    fn wake(&self) -> Instant {
        let pause = self.engine.pause_ends().map(Instant::from);
        let beside = [self.receivers.wakes_at(), self.heartbeats.wakes_at().map(Instant::from), pause];
        let beside = beside.into_iter().flatten().min();
        if let Some(again) = self.engine.writes_again_at().map(Instant::from) {
            return beside.map_or(again, |beside| beside.min(again));
        }
        let now = self.clock.now();
        let due = self.engine.next_due();
        // A moment later rather than earlier: timers count in whole milliseconds.
        let wait = due.map(|due| Duration::from(due.since(now)) + Duration::from_millis(1));
        let wake = Instant::now() + wait.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
        let uplink = self.uplink.as_ref().and_then(CloudUplink::wakes_at);
        let wake = uplink.map_or(wake, |uplink| wake.min(uplink.into()));
        beside.map_or(wake, |beside| wake.min(beside))
    }

    /// Reports to the engine the host's problems that began and those that are over.
    fn report_troubles(&mut self) {
        let clock = self.clock.uncertainty().map(|uncertainty| uncertainty.describe());
        let write_failure = self.engine.write_failure();
        let receivers = self.receivers.trouble();
        for input in self.troubles.observe(&self.files, clock, write_failure, receivers, Instant::now().into()) {
            self.engine.apply(input, self.clock.now());
        }
    }

    /// Follows the system's clock if it was set. The loop may have slept for a minute since the last look: so it looks
    /// again before it decides what is due, and before it answers.
    fn keep_time(&mut self) {
        // These observations carry times of the old clock, so they are applied before the clock changes.
        while self.engine.has_room()
            && let Ok(event) = self.sources.events.try_recv()
        {
            self.observe(event);
        }
        if !self.engine.has_room() {
            return;
        }
        if let Some(set) = self.engine.follow(&self.clock) {
            self.store_info.last_alive = self.store_info.last_alive.map(|alive| set.apply(alive));
            self.receivers.clock_set(&set);
            self.heartbeats.clock_set(&set);
            if let Some(uplink) = &mut self.uplink {
                uplink.clock_set(&set);
            }
        }
    }

    /// Sends the messages that are due, each in a task of its own.
    fn send(&mut self) {
        while self.attempts.try_join_next().is_some() {}
        let now = self.clock.now();
        self.engine.end_pauses(Instant::now().into(), now);
        for LeasedMessage { notification, prepared } in self.engine.take_leased(now) {
            let (delivery, result) = (Arc::clone(&self.delivery), self.result.clone());
            self.attempts.spawn(async move {
                let id = notification.id;
                let sent = delivery.send(&notification, &prepared, now).await;
                // The loop is gone only when the daemon stops. The next start releases the lease and tries again.
                let _ = result.send((id, sent)).await;
            });
        }
    }

    /// Waits a little for the attempts under way: a message that is delivered now is not sent again at the next start.
    async fn finish(&mut self) {
        let end = Instant::now() + FAREWELL;
        self.engine.stop_sending();
        while self.engine.attempts_under_way() > 0 {
            let Ok(Some((id, result))) = tokio::time::timeout_at(end, self.results.recv()).await else {
                return tracing::warn!(
                    under_way = self.engine.attempts_under_way(),
                    "unfinished attempts are repeated at the next start"
                );
            };
            self.settle(id, result);
        }
    }

    fn observe(&mut self, event: SourceEvent) {
        self.unread_sources.remove(&event.source);
        match event.status {
            SourceStatus::Working => {}
            SourceStatus::Lost(reason) => {
                tracing::error!(source = %event.source, %reason, "a source is lost: its facts are unknown");
                self.lost_sources.insert(event.source.clone(), reason);
            }
            SourceStatus::Recovered => {
                tracing::info!(source = %event.source, "a source is back");
                self.lost_sources.remove(&event.source);
            }
        }
        for seen in &event.observations {
            let value = seen.value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
            tracing::info!(fact = %seen.fact, %value, source = %event.source, "reading");
        }
        let now = self.clock.now();
        self.engine.observe(&event.source, event.observations, self.clock.uncertainty().is_some(), now);
    }

    fn settle(&mut self, id: Id, result: Result<Receipt, Failure>) {
        self.keep_time();
        self.engine.settle(id, result, self.clock.now());
    }

    fn handle_request(&mut self, request: Request, answer: oneshot::Sender<Answer>) {
        self.keep_time();
        let answered = match request {
            Request::Status => serde_json::to_value(self.status()).map_err(|error| error.to_string()),
            Request::Simulate { fact, value } => {
                let set = self.sources.simulate(&fact, value).map_err(|error| error.to_string());
                set.map(|()| serde_json::json!({ "fact": fact, "value": value }))
            }
            Request::Acknowledge { incident, by } => self.acknowledge(incident.as_deref(), by),
            Request::Snooze { incident, until, by } => self.snooze(incident.as_deref(), until, by),
            Request::Silence { matcher, from, until, by } => self.silence(matcher, from, until, by),
            // The connection that asks makes the copy, so that the loop does not wait for it.
            Request::Backup => {
                Ok(serde_json::json!({ "device": self.device.id, "store_format": self.store_info.format }))
            }
            Request::Notify { to, channel, by } => return self.notify(&to, channel, &by, answer),
            Request::Reload => {
                // The answer is sent when the reload is done.
                let waiting =
                    if self.reload_job.is_some() { &mut self.next_reload_waiters } else { &mut self.reload_waiters };
                waiting.push(answer);
                return self.reload();
            }
        };
        // The client may have closed its connection.
        let _ = answer.send(answered);
    }
}

/// Waits for the next edit of the files, for ever where they are not watched.
///
/// # Cancel safety
/// Cancel safe, as [`Watch::next_edit`] is.
async fn next_edit(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.next_edit().await,
        None => std::future::pending().await,
    }
}

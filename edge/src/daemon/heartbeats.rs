//! Heartbeats: services that are called regularly, and that tell somebody when the calls stop.
//!
//! The loop itself begins each call, so that a loop that is stuck calls nobody. The calls go on beside it, so that a
//! service that hangs delays nothing.
//!
//! ```text
//! /start ──▶ alive, at each interval ◀──▶ /fail, as soon as the monitor is not well, and at each interval
//! ```
//!
//! The first of the calls that say that all is well waits a while after the start, and until every source was read or is
//! lost. So a daemon that crashes soon after each start says only that it starts, and the service notices.
//!
//! A call that fails is repeated soon, and then more rarely, at most as rarely as calls are made anyway.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use dag_config::{Heartbeat, HeartbeatUrl};
use dag_delivery::Signal;
use dag_engine::{Name, Time};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::health::Problem;
use crate::{backoff::Backoff, clock::ClockCorrection};

/// The pause after the first failure of a call.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest wait from a start to the first call that says that all is well. healthchecks.io counts a check as down
/// if none follows a start within its grace time, which is a minute at least
/// (<https://healthchecks.io/docs/measuring_script_run_time/>).
const LONGEST_START: Duration = Duration::from_secs(30);

/// The pause until the sources are looked at again, where not every one was read yet.
const UNREAD_PAUSE: Duration = Duration::from_secs(1);

/// The heartbeats of the configuration.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    beats: BTreeMap<Name, Beat>,
    calls: JoinSet<FinishedCall>,
    /// The number of the last heartbeat that was added.
    last_number: u64,
}

/// A heartbeat.
#[derive(Debug)]
struct Beat {
    section: Heartbeat,
    /// Its number. A call of a heartbeat that was replaced has another.
    number: u64,
    is_started: bool,
    is_calling: bool,
    /// The last call that was taken said that the monitor is well.
    said_well: Option<bool>,
    due: Instant,
    backoff: Backoff,
    last_taken: Option<Time>,
    failure: Option<String>,
}

/// A call to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    name: Name,
    number: u64,
    pub url: HeartbeatUrl,
    pub signal: Signal,
}

/// A call that was made.
#[derive(Debug)]
pub(super) struct FinishedCall {
    pub call: Call,
    pub result: Result<(), String>,
}

/// A heartbeat, as `dag status` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeartbeatStatus {
    /// The time of the last call that the service took.
    pub last_taken: Option<Time>,
    /// The reason why the last call failed.
    pub failure: Option<String>,
    /// What the service was last told of the monitor: that it is well, or that it is not.
    pub said_well: Option<bool>,
}

impl Heartbeats {
    /// Follows the configuration: new and changed heartbeats begin, and those that are gone end.
    pub fn follow(&mut self, sections: &BTreeMap<Name, Heartbeat>, now: Instant) {
        self.beats.retain(|name, beat| sections.get(name) == Some(&beat.section));
        for (name, section) in sections {
            if !self.beats.contains_key(name) {
                self.last_number += 1;
                let beat = Beat::new(name, section.clone(), self.last_number, now);
                self.beats.insert(name.clone(), beat);
            }
        }
    }

    /// Moves the times of the last calls.
    pub fn clock_set(&mut self, set: &ClockCorrection) {
        for at in self.beats.values_mut().filter_map(|beat| beat.last_taken.as_mut()) {
            *at = set.apply(*at);
        }
    }

    /// Returns when the next call is due, if nothing changes before.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.beats.values().filter(|beat| !beat.is_calling).map(|beat| beat.due).min()
    }

    pub fn status(&self) -> BTreeMap<Name, HeartbeatStatus> {
        let status = self.beats.iter().map(|(name, beat)| {
            let (last_taken, failure, said_well) = (beat.last_taken, beat.failure.clone(), beat.said_well);
            (name.clone(), HeartbeatStatus { last_taken, failure, said_well })
        });
        status.collect()
    }

    /// Makes a call beside the loop.
    pub fn spawn(&mut self, call: impl Future<Output = FinishedCall> + Send + 'static) {
        self.calls.spawn(call);
    }

    /// Takes the calls that are due. `problems` say why the monitor is not well. `is_read` says that every source was
    /// read or is lost: before that nobody is told that all is well.
    pub fn take_due(&mut self, problems: &[Problem], is_read: bool, now: Instant) -> Vec<Call> {
        let calls = self.beats.iter_mut().filter_map(|(name, beat)| {
            // A service that could not be called was cut off by the network, as the receivers perhaps were.
            let counts = |problem: &&Problem| problem.is_own || beat.failure.is_none();
            let reasons: Vec<&str> = problems.iter().filter(counts).map(|problem| problem.text.as_str()).collect();
            if !beat.is_due(reasons.is_empty(), now) {
                return None;
            }
            let signal = match (beat.is_started, reasons.as_slice()) {
                (false, _) => {
                    beat.due = now + LONGEST_START.min(every(&beat.section));
                    Signal::Start
                }
                (true, []) if !is_read => {
                    beat.due = now + UNREAD_PAUSE;
                    return None;
                }
                (true, []) => Signal::Alive,
                (true, reasons) => Signal::Failing(reasons.join("\n")),
            };
            beat.is_calling = true;
            Some(Call { name: name.clone(), number: beat.number, url: beat.section.url.clone(), signal })
        });
        calls.collect()
    }

    /// Applies the result of a call at `now`, which is `time` by the daemon's clock. Returns whether the service was
    /// out of reach and is not any more.
    pub fn settle(&mut self, FinishedCall { call, result }: FinishedCall, now: Instant, time: Time) -> bool {
        let (name, number) = (&call.name, call.number);
        let Some(beat) = self.beats.get_mut(name).filter(|beat| beat.number == number) else { return false };
        beat.is_calling = false;
        if call.signal == Signal::Start {
            // Some services take no start. The next call, whose time is set already, shows whether this one is there.
            if let Err(error) = result {
                tracing::debug!(heartbeat = %name, %error, "the start was not taken");
            }
            beat.is_started = true;
            return false;
        }
        match result {
            Ok(()) => {
                let is_back = beat.failure.take().is_some();
                if is_back {
                    tracing::info!(heartbeat = %name, "calls are taken again");
                }
                beat.backoff.reset();
                beat.due = now + every(&beat.section);
                beat.last_taken = Some(time);
                beat.said_well = Some(call.signal == Signal::Alive);
                is_back
            }
            Err(error) => {
                // Another reason is news, the same one is not.
                if beat.failure.as_ref() != Some(&error) {
                    tracing::warn!(heartbeat = %name, %error, "a sign of life was not taken");
                }
                beat.failure = Some(error);
                beat.due = now + beat.backoff.wait();
                false
            }
        }
    }
}

impl Beat {
    fn new(name: &Name, section: Heartbeat, number: u64, now: Instant) -> Beat {
        let every = every(&section);
        Beat {
            backoff: Backoff::new(name, FIRST_PAUSE.min(every), every),
            section,
            number,
            is_started: false,
            is_calling: false,
            said_well: None,
            due: now,
            last_taken: None,
            failure: None,
        }
    }

    /// Returns whether a call is due: its time has come, or the service was told otherwise.
    fn is_due(&self, is_well: bool, now: Instant) -> bool {
        let is_news = self.failure.is_none() && self.said_well.is_some_and(|said| said != is_well);
        !self.is_calling && (self.due <= now || is_news)
    }
}

fn every(section: &Heartbeat) -> Duration {
    Duration::from(section.every)
}

/// Waits for the end of a call, for ever while none is under way.
///
/// # Cancel safety
/// Cancel safe, as [`JoinSet::join_next`] is.
pub(super) async fn next_call(heartbeats: &mut Heartbeats) -> FinishedCall {
    loop {
        match heartbeats.calls.join_next().await {
            Some(Ok(finished)) => return finished,
            // A call is never cancelled, and does not panic.
            Some(Err(_)) => {}
            None => return std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use dag_engine::Millis;

    use super::*;
    use crate::daemon::health::RECEIVERS;

    fn section(url: &str, seconds: i64) -> Heartbeat {
        Heartbeat { url: HeartbeatUrl::Plain(url.to_owned()), every: Millis::new(seconds * 1_000) }
    }

    /// A heartbeat every five minutes, and what it calls.
    struct Played {
        heartbeats: Heartbeats,
        began: Instant,
        is_read: bool,
    }

    impl Played {
        fn new() -> Played {
            let (began, mut heartbeats) = (Instant::now(), Heartbeats::default());
            heartbeats.follow(&BTreeMap::from([("hc".into(), section("https://a", 300))]), began);
            Played { heartbeats, began, is_read: true }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.began + Duration::from_secs(seconds)
        }

        /// Returns the signal of the call that is due, if one is.
        fn due(&mut self, reasons: &[&str], seconds: u64) -> Option<Call> {
            let problem = |text: &&str| Problem { text: (*text).to_owned(), is_own: !text.starts_with(RECEIVERS) };
            let problems: Vec<Problem> = reasons.iter().map(problem).collect();
            let now = self.at(seconds);
            let mut calls = self.heartbeats.take_due(&problems, self.is_read, now);
            assert!(calls.len() <= 1);
            calls.pop()
        }

        /// Returns whether the service is back.
        fn settle(&mut self, call: Call, result: Result<(), &str>, seconds: u64) -> bool {
            let now = self.at(seconds);
            let finished = FinishedCall { call, result: result.map_err(str::to_owned) };
            self.heartbeats.settle(finished, now, Time::from_millis(seconds as i64 * 1_000))
        }

        /// Makes the call that is due, and returns its signal.
        fn call(&mut self, reasons: &[&str], seconds: u64) -> Option<Signal> {
            let call = self.due(reasons, seconds)?;
            let signal = call.signal.clone();
            self.settle(call, Ok(()), seconds);
            Some(signal)
        }

        /// The first two calls: a start that is left alone makes a service wait for its end. Time counts from the second.
        fn started() -> Played {
            let mut played = Played::new();
            assert_eq!(played.call(&[], 0), Some(Signal::Start));
            played.began = played.at(30);
            assert_eq!(played.call(&[], 0), Some(Signal::Alive));
            played
        }
    }

    /// Whoever is told at each start that all is well does not notice a daemon that crashes after it.
    #[test]
    fn a_crash_loop_tells_nobody_that_all_is_well() {
        for seconds in [1, 29] {
            let mut played = Played::new();
            assert_eq!(played.call(&[], 0), Some(Signal::Start));
            assert_eq!(played.call(&[], seconds), None);
            assert_eq!(played.heartbeats.wakes_at(), Some(played.at(30)));
        }
        let mut short = Played::new();
        let sections = BTreeMap::from([("hc".into(), section("https://a", 10))]);
        short.heartbeats.follow(&sections, short.began);
        assert_eq!(short.call(&[], 0), Some(Signal::Start));
        assert_eq!(short.call(&[], 9), None);
        assert_eq!(short.call(&[], 10), Some(Signal::Alive));
    }

    #[test]
    fn nobody_is_told_that_all_is_well_before_every_source_was_read() {
        let mut played = Played::new();
        played.is_read = false;
        assert_eq!(played.call(&[], 0), Some(Signal::Start));
        assert_eq!(played.call(&[], 30), None);
        assert_eq!(played.heartbeats.wakes_at(), Some(played.at(31)), "no loop that never rests");
        assert_eq!(played.call(&["nut:ups: gone"], 31), Some(Signal::Failing("nut:ups: gone".to_owned())));
        assert_eq!(played.call(&[], 32), None);
        played.is_read = true;
        assert_eq!(played.call(&[], 33), Some(Signal::Alive));
    }

    /// healthchecks.io waits a minute at least for the end of a run that began.
    #[test]
    fn a_start_that_hangs_delays_the_first_sign_of_life_by_nothing() {
        let mut played = Played::new();
        let start = played.due(&[], 0).unwrap();
        played.settle(start, Err("hc-ping.com did not answer within 10000 ms"), 10);
        assert_eq!(played.call(&[], 30), Some(Signal::Alive));
    }

    #[test]
    fn a_monitor_that_is_well_is_alive_at_each_interval() {
        let mut played = Played::started();
        assert_eq!(played.call(&[], 299), None);
        assert_eq!(played.heartbeats.wakes_at(), Some(played.at(300)));
        assert_eq!(played.call(&[], 300), Some(Signal::Alive));
        assert_eq!(played.call(&[], 599), None);
        assert_eq!(played.call(&[], 600), Some(Signal::Alive));
    }

    #[test]
    fn a_monitor_that_is_not_well_says_so_at_once_and_until_it_is_again() {
        let mut played = Played::started();
        let failing = || Some(Signal::Failing("the store: full\nnut:ups: gone".to_owned()));
        let reasons = ["the store: full", "nut:ups: gone"];
        assert_eq!(played.call(&reasons, 100), failing());
        assert_eq!(played.call(&reasons, 399), None);
        assert_eq!(played.call(&reasons, 400), failing());
        assert_eq!(played.call(&[], 401), Some(Signal::Alive));
        assert_eq!(played.call(&[], 402), None);
    }

    #[test]
    fn a_service_that_hangs_is_called_once_at_a_time() {
        let mut played = Played::started();
        let call = played.due(&[], 300).unwrap();
        assert_eq!(played.due(&["the store: full"], 900), None);
        assert_eq!(played.heartbeats.wakes_at(), None);
        played.settle(call, Err("hc-ping.com did not answer within 10000 ms"), 901);
        let status = &played.heartbeats.status()["hc"];
        assert_eq!(status.failure.as_deref(), Some("hc-ping.com did not answer within 10000 ms"));
        assert_eq!(status.last_taken, Some(Time::from_millis(0)));
    }

    #[test]
    fn a_call_that_fails_is_repeated_soon_and_never_more_rarely_than_calls_are_made() {
        let mut played = Played::started();
        let mut now = 300;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let call = played.due(&[], now).unwrap();
            played.settle(call, Err("refused"), now);
            // A change is no reason to call a service that is not there.
            assert_eq!(played.due(&["the store: full"], now), None);
            let next = (now + 1..=now + 301).find(|at| played.at(*at) >= played.heartbeats.wakes_at().unwrap());
            pauses.push(next.unwrap() - now);
            now = next.unwrap();
        }
        assert!(pauses[0] <= 5, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= 300), "{pauses:?}");
        assert!(pauses.last().unwrap() > &200, "{pauses:?}");
        assert_eq!(played.call(&["the store: full"], now), Some(Signal::Failing("the store: full".to_owned())));
        assert_eq!(played.heartbeats.status()["hc"].failure, None);
    }

    /// An outage of the network reaches the receivers and the heartbeat alike, and is no news afterwards.
    #[test]
    fn receivers_that_are_out_of_reach_count_only_while_the_service_is_in_reach() {
        let mut played = Played::started();
        let receivers = ["the receivers: mail: cannot be reached"];
        let call = played.due(&[], 300).unwrap();
        assert!(!played.settle(call, Err("no route"), 300));
        let call = played.due(&receivers, 310).unwrap();
        assert_eq!(call.signal, Signal::Alive);
        assert!(played.settle(call, Ok(()), 310), "the receivers are to be checked again");
        assert_eq!(played.call(&[], 311), None);
        let failing = Signal::Failing(receivers[0].to_owned());
        assert_eq!(played.call(&receivers, 900), Some(failing), "it lasts although the network is there");
    }

    #[test]
    fn a_start_that_is_not_taken_is_no_failure() {
        let mut played = Played::new();
        let start = played.due(&[], 0).unwrap();
        played.settle(start, Err("404"), 1);
        assert_eq!(played.heartbeats.status()["hc"].failure, None);
        assert_eq!(played.call(&[], 30), Some(Signal::Alive));
    }

    #[test]
    fn a_heartbeat_that_is_changed_begins_anew_and_one_that_is_removed_ends() {
        let mut played = Played::started();
        let old = played.due(&[], 300).unwrap();
        let sections =
            BTreeMap::from([("hc".into(), section("https://b", 60)), ("kuma".into(), section("https://c", 60))]);
        let now = played.at(301);
        played.heartbeats.follow(&sections, now);
        played.settle(old, Err("too late"), 301);
        assert_eq!(played.heartbeats.status()["hc"].failure, None, "it is of the heartbeat before");
        let calls = played.heartbeats.take_due(&[], true, now);
        assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["hc", "kuma"]);
        assert!(calls.iter().all(|call| call.signal == Signal::Start));
        played.heartbeats.follow(&BTreeMap::new(), now);
        assert_eq!(played.heartbeats.take_due(&[], true, now + Duration::from_secs(900)), []);
        assert_eq!(played.heartbeats.wakes_at(), None);
    }
}

//! Whether messages would reach their receivers: checked beside the loop, at the start, after each reload, and daily. A
//! check that finds a problem is repeated until it is over.

use std::time::Duration;

use dag_delivery::{ReceiverCheck, ReceiverProblem};
use dag_engine::Time;
use serde::{Deserialize, Serialize};
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

use crate::{backoff::Backoff, clock::ClockCorrection};

/// The pause after a check that found nothing: a password that expires is noticed before the next outage.
const DAILY: Duration = Duration::from_secs(24 * 3600);

/// The pauses after a check that found a problem. The network of a house is back some minutes after the power.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The receivers, as the last check found them.
#[derive(Debug)]
pub(super) struct Receivers {
    last: Option<(Time, ReceiverCheck)>,
    job: Option<JoinHandle<ReceiverCheck>>,
    due: Instant,
    backoff: Backoff,
}

/// The receivers, as `dag status` shows them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReceiverStatus {
    /// The time of the last check. `None` until the first one is done.
    pub checked_at: Option<Time>,
    /// What it found.
    pub problems: Vec<ReceiverProblem>,
}

impl Receivers {
    /// The first check is due at once.
    pub fn new() -> Receivers {
        let backoff = Backoff::new("receivers", FIRST_PAUSE, LONGEST_PAUSE);
        Receivers { last: None, job: None, due: Instant::now(), backoff }
    }

    /// Asks for a check now, instead of one that is under way: other settings are in force.
    pub fn check_again(&mut self) {
        if let Some(job) = self.job.take() {
            job.abort();
        }
        self.due = Instant::now();
        self.backoff.reset();
    }

    /// Asks for a check now, since the network is back. What the last one found stays until the new one is done: a
    /// trouble that begins anew at each hiccup of the network is never old enough to be told. Only the finding that
    /// nobody is reached is forgotten, as it was most likely due to the network, and a heartbeat would pass it on now.
    pub fn network_is_back(&mut self) {
        self.last.take_if(|(_, check)| !check.reaches_somebody);
        self.check_again();
    }

    /// Returns when the next check is due. `None` while one is under way.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.job.is_none().then_some(self.due)
    }

    /// Returns the text of the trouble that the operators are told of. `None` if all is well, or if nobody is reached:
    /// the message would reach nobody either, and late.
    pub fn trouble(&self) -> Option<String> {
        self.last.as_ref().filter(|(_, check)| check.reaches_somebody).and_then(|(_, check)| summary(check))
    }

    /// Returns the problem if nobody can be told of anything, so that only heartbeats can say so.
    pub fn reach_nobody(&self) -> Option<String> {
        self.last.as_ref().filter(|(_, check)| !check.reaches_somebody).and_then(|(_, check)| summary(check))
    }

    pub fn status(&self) -> ReceiverStatus {
        let (checked_at, problems) = match &self.last {
            Some((at, check)) => (Some(*at), check.problems.clone()),
            None => (None, Vec::new()),
        };
        ReceiverStatus { checked_at, problems }
    }

    /// Moves the time of the last check.
    pub fn clock_set(&mut self, set: &ClockCorrection) {
        if let Some((at, _)) = &mut self.last {
            *at = set.apply(*at);
        }
    }

    /// Notes the check that is under way.
    pub fn begin(&mut self, job: JoinHandle<ReceiverCheck>) {
        self.job = Some(job);
    }

    /// Takes the result of the check, and plans the next one.
    pub fn take(&mut self, check: ReceiverCheck, now: Time) {
        self.job = None;
        let before = self.last.take().map(|(_, check)| check.problems);
        let pause = if check.problems.is_empty() {
            self.backoff.reset();
            DAILY
        } else {
            self.backoff.wait()
        };
        self.due = Instant::now() + pause;
        // Each problem once, and not at each check.
        for problem in check.problems.iter().filter(|problem| before.as_ref().is_none_or(|old| !old.contains(problem)))
        {
            tracing::error!(receiver = problem.receiver, error = problem.error, "messages would not arrive");
        }
        if check.problems.is_empty() && before.is_none_or(|old| !old.is_empty()) {
            tracing::info!("every receiver can be reached, as far as a check can tell");
        }
        self.last = Some((now, check));
    }
}

/// Returns the first problem, and how many more there are. `None` if there is none.
fn summary(check: &ReceiverCheck) -> Option<String> {
    let first = check.problems.first()?;
    Some(match check.problems.len() {
        1 => first.to_string(),
        count => format!("{first} (and {} more)", count - 1),
    })
}

/// Waits for the end of the check that is under way, for ever where there is none.
///
/// # Cancel safety
/// Cancel safe. The check goes on, and the next call waits for it again.
pub(super) async fn next_check(receivers: &mut Receivers) -> ReceiverCheck {
    match &mut receivers.job {
        Some(job) => job.await.unwrap_or_else(|error| cut_short(&error)),
        None => std::future::pending().await,
    }
}

/// Returns the result of a check that panicked. What it would have found is unknown, so that this is told to everybody.
fn cut_short(error: &JoinError) -> ReceiverCheck {
    tracing::error!(%error, "the check of the receivers was cut short");
    let problem = ReceiverProblem {
        receiver: "receivers".to_owned(),
        error: "the check was cut short by a fault of this program: its log says more".to_owned(),
    };
    ReceiverCheck { problems: vec![problem], reaches_somebody: true }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        if let Some(job) = &self.job {
            job.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(problems: &[&str], reaches_somebody: bool) -> ReceiverCheck {
        let problem = |error: &&str| ReceiverProblem { receiver: "mail".into(), error: (*error).to_owned() };
        ReceiverCheck { problems: problems.iter().map(problem).collect(), reaches_somebody }
    }

    /// Home Assistant told of a mail server that was offline at the start until somebody looked (issue 124878).
    #[tokio::test(start_paused = true)]
    async fn a_check_that_finds_a_problem_is_repeated_until_it_is_over() {
        let mut receivers = Receivers::new();
        assert!(receivers.wakes_at().unwrap() <= Instant::now(), "the first is due at once");
        let pause = |receivers: &mut Receivers, problems: &[&str]| {
            receivers.take(check(problems, true), Time::default());
            receivers.wakes_at().unwrap() - Instant::now()
        };
        let first = pause(&mut receivers, &["cannot be reached"]);
        assert!(first <= FIRST_PAUSE && first >= FIRST_PAUSE / 2, "{first:?}");
        let second = pause(&mut receivers, &["cannot be reached"]);
        assert!(second > first, "{second:?}");
        assert_eq!(receivers.status().problems.len(), 1);
        assert_eq!(pause(&mut receivers, &[]), DAILY);
        assert_eq!(receivers.status().problems.len(), 0);
        receivers.check_again();
        assert!(receivers.wakes_at().unwrap() <= Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn operators_are_told_only_if_a_message_would_reach_somebody() {
        let mut receivers = Receivers::new();
        assert_eq!(receivers.trouble(), None);
        receivers.take(check(&["cannot be reached"], false), Time::default());
        assert_eq!(receivers.trouble(), None);
        assert_eq!(receivers.reach_nobody().unwrap(), "mail: cannot be reached");
        receivers.take(check(&["refused the login", "x", "y"], true), Time::default());
        assert_eq!(receivers.trouble().unwrap(), "mail: refused the login (and 2 more)");
        assert_eq!(receivers.reach_nobody(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_of_the_network_asks_for_a_check_and_forgets_no_trouble() {
        let mut receivers = Receivers::new();
        receivers.take(check(&["refused the login"], true), Time::default());
        receivers.network_is_back();
        assert!(receivers.wakes_at().unwrap() <= Instant::now());
        assert_eq!(receivers.trouble().unwrap(), "mail: refused the login");
        assert_eq!(receivers.status().problems.len(), 1);
        receivers.take(check(&[], true), Time::default());
        assert_eq!(receivers.trouble(), None);

        // The network was away, and says nothing of the receivers.
        receivers.take(check(&["cannot be reached"], false), Time::default());
        receivers.network_is_back();
        assert_eq!(receivers.reach_nobody(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_panics_is_a_problem() {
        let mut receivers = Receivers::new();
        receivers.begin(tokio::spawn(async { panic!("a fault") }));
        let found = next_check(&mut receivers).await;
        receivers.take(found, Time::default());
        let told = "receivers: the check was cut short by a fault of this program: its log says more";
        assert_eq!(receivers.trouble().unwrap(), told);
        assert_eq!(receivers.reach_nobody(), None);
    }
}

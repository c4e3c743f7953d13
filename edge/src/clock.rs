//! The daemon's clock: the system's, but never back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use dag_engine::{Millis, Time};

/// How far the system's clock must run ahead before it is followed: less is drift, and comes by itself.
const JUMP: Millis = Millis::new(2_000);

/// A clock that goes on by the monotonic clock and follows the system's when that is set forward.
///
/// A system clock that is set back does not take time back: deadlines keep their distance.
#[derive(Clone, Debug)]
pub struct Clock {
    base: Arc<Mutex<(Time, Instant)>>,
}

impl Clock {
    /// Starts at the system's time, or at `last` where that is later: the machine may have booted with an old clock.
    pub fn starting_after(last: Option<Time>) -> Clock {
        let start = last.map_or_else(system, |last| system().max(last));
        Clock { base: Arc::new(Mutex::new((start, Instant::now()))) }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, since) = *base;
        let passed = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = start + Millis::new(passed);
        let system = system();
        if system.since(now) < JUMP {
            return now;
        }
        *base = (system, Instant::now());
        system
    }
}

fn system() -> Time {
    Time::from(jiff::Timestamp::now())
}

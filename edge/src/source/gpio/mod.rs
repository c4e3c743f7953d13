//! Input pins of a Raspberry Pi: both edges by interrupt, and a look at the level every minute in case one was missed.

mod error;
mod filter;
mod line;
#[cfg_attr(not(target_os = "linux"), path = "no_pin.rs")]
mod pin;

use std::{future::pending, sync::Arc, time::Duration};

use dag_config::Level;
use dag_engine::{Millis, Name, Value};
use tokio::{
    select,
    sync::{Notify, watch},
    time::{self, Instant},
};

use self::{
    filter::{Filter, FilterOutput},
    line::{Edge, Line},
};
use super::{
    event::Clock,
    reporter::{ReceiverDropped, Reporter},
};
use crate::backoff::Backoff;

pub use error::PinError;
pub(super) use pin::open;
pub(crate) use pin::probe;

/// The interval between two looks at a pin without edges. A missed interrupt is rare, and found within a minute.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A fact and its pin.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub fact: Name,
    /// The pin's BCM number.
    pub pin: u8,
    pub on_when: Level,
    pub glitch: Millis,
}

/// Watches the pin until the daemon stops. `first` is the pin as it was opened at the start.
pub(super) async fn run(
    input: Input,
    first: (pin::Pin, watch::Receiver<Edge>),
    reporter: Reporter,
    clock: Clock,
    reread: Arc<Notify>,
) {
    let again = Arc::clone(&clock);
    let number = input.pin;
    let mut watch = Watch { input, reporter, clock, reread };
    // It ends only with the channel.
    let _ = watch.keep(Ok(first), || open(number, &again)).await;
}

struct Watch {
    input: Input,
    reporter: Reporter,
    clock: Clock,
    reread: Arc<Notify>,
}

impl Watch {
    /// Watches one line after the other: where one ends, `open` opens the next.
    async fn keep<L: Line>(
        &mut self,
        first: Result<(L, watch::Receiver<Edge>), PinError>,
        open: impl Fn() -> Result<(L, watch::Receiver<Edge>), PinError> + Send,
    ) -> Result<(), ReceiverDropped> {
        let mut backoff = Backoff::new(&self.input.fact, Duration::from_secs(1), Duration::from_secs(60));
        let mut opened = first;
        loop {
            let reason = match opened {
                Ok((line, edges)) => self.follow(line, edges, &mut backoff).await?,
                Err(error) => error.to_string(),
            };
            self.lost(reason).await?;
            let _ = time::timeout(backoff.wait(), self.reread.notified()).await;
            opened = open();
        }
    }

    /// Reports the readings of one line. Returns why it ended.
    async fn follow<L: Line>(
        &mut self,
        mut line: L,
        mut edges: watch::Receiver<Edge>,
        backoff: &mut Backoff,
    ) -> Result<String, ReceiverDropped> {
        let mut filter = Filter::new(self.input.glitch.into());
        let mut next_look = Instant::now();
        loop {
            let output = select! {
                edge = edges.changed() => match (edge, *edges.borrow_and_update()) {
                    (Ok(()), Some((at, since))) => filter.edge(at, since),
                    (Ok(()), None) => FilterOutput::Nothing,
                    (Err(_), _) => return Ok(self.ended(&line.why_ended())),
                },
                () = until(filter.deadline()) => filter.look(line.level(), (self.clock)(), Instant::now()),
                () = time::sleep_until(next_look) => {
                    next_look = Instant::now() + LOOK_EVERY;
                    filter.look(line.level(), (self.clock)(), Instant::now())
                }
                () = self.reread.notified() => filter.look(line.level(), (self.clock)(), Instant::now()),
            };
            match output {
                FilterOutput::Nothing => {}
                FilterOutput::Settled(level, at) => {
                    backoff.reset();
                    let value = if level == self.input.on_when { Value::On } else { Value::Off };
                    self.reporter.works(&[(self.input.fact.clone(), Some(value))], at, false).await?;
                }
                FilterOutput::Restless => self.lost(self.restless()).await?,
            }
        }
    }

    async fn lost(&mut self, reason: String) -> Result<(), ReceiverDropped> {
        self.reporter.lost(std::slice::from_ref(&self.input.fact), reason, (self.clock)()).await
    }

    fn ended(&self, why: &str) -> String {
        let pin = self.input.pin;
        format!("pin {pin} is no longer watched ({why}): see which program holds it with `gpioinfo`")
    }

    fn restless(&self) -> String {
        let Input { pin, glitch, .. } = self.input;
        format!("pin {pin} holds no level for {glitch}: check that it is connected, and to ground too")
    }
}

/// Waits until a time, or for ever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;

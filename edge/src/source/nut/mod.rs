//! A UPS behind a server of Network UPS Tools (NUT), polled by its network protocol (RFC 9271).
//!
//! There is one connection for each UPS, whatever facts it has. A server that ends, stalls or breaks the protocol
//! makes the facts unknown. The client reconnects by itself, with growing waits.

mod client;
mod fault;
mod protocol;
mod variables;

use std::{sync::Arc, time::Duration};

use dag_engine::{Millis, Name, Value};
use tokio::{sync::Notify, time};

use self::{client::Connection, fault::Fault};
use super::{
    error::SourceError,
    event::Clock,
    reporter::{ReceiverDropped, Reporter},
};
use crate::backoff::Backoff;

/// The timeouts of the client.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The longest time to connect, and for each response.
    pub response: Duration,
    /// The wait before the first attempt to reconnect. Each further wait is twice as long.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            response: Duration::from_secs(5),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// The polls for one reading of the battery, which changes slowly. It is read when the status changes, too. Fewer
/// questions also let a quiet device sleep.
const BATTERY_EVERY: u32 = 5;

/// The shortest interval between polls: more polls would only load the server.
const SHORTEST_POLL: Millis = Millis::new(10);

/// A UPS, and the facts that are read from it.
#[derive(Debug)]
pub(super) struct Ups {
    address: String,
    name: String,
    poll: Millis,
    power: bool,
    battery: bool,
    timing: Timing,
}

impl Ups {
    pub fn new(address: String, name: String, poll: Millis, timing: Timing) -> Self {
        Ups { address, name, poll, power: false, battery: false, timing }
    }

    /// Adds a fact, and a poll interval that is to be kept.
    pub fn add(&mut self, fact: &Name, poll: Millis) -> Result<(), SourceError> {
        match fact.as_str() {
            "power" => self.power = true,
            "battery" => self.battery = true,
            _ => return Err(SourceError::NotFromUps { fact: fact.clone() }),
        }
        if poll < SHORTEST_POLL {
            return Err(SourceError::Poll { poll });
        }
        if !protocol::is_ups_name(&self.name) {
            return Err(SourceError::UpsName { ups: self.name.clone() });
        }
        self.poll = self.poll.min(poll);
        Ok(())
    }

    pub fn source_name(&self) -> String {
        format!("nut:{}@{}", self.name, self.address)
    }

    fn facts(&self) -> Vec<Name> {
        let power = self.power.then_some(POWER);
        let battery = self.battery.then_some([BATTERY, BATTERY_MV]);
        power.into_iter().chain(battery.into_iter().flatten()).collect()
    }
}

const POWER: Name = Name::new_static("power");
const BATTERY: Name = Name::new_static("battery");
const BATTERY_MV: Name = Name::new_static("battery_mv");

/// Polls the UPS until the daemon stops.
pub(super) async fn run(ups: Ups, reporter: Reporter, clock: Clock, reread: Arc<Notify>) {
    let backoff = Backoff::new(&ups.source_name(), ups.timing.first_wait, ups.timing.longest_wait);
    let mut source = Nut { ups, reporter, clock, reread, backoff };
    while source.session().await.is_ok() {
        let wait = source.backoff.wait();
        source.pause(wait).await;
    }
}

struct Nut {
    ups: Ups,
    reporter: Reporter,
    clock: Clock,
    reread: Arc<Notify>,
    backoff: Backoff,
}

impl Nut {
    /// Connects, and polls until the connection is lost.
    async fn session(&mut self) -> Result<(), ReceiverDropped> {
        let mut connection = match Connection::open(&self.ups.address, self.ups.timing.response).await {
            Ok(connection) => connection,
            Err(fault) => return self.lost(fault).await,
        };
        let mut status = None;
        let mut polls = 0;
        let mut exact = false;
        loop {
            let battery = exact || polls % BATTERY_EVERY == 0;
            match self.ask(&mut connection, &mut status, battery).await {
                Ok(values) => {
                    self.backoff.reset();
                    self.reporter.works(&values, (self.clock)(), exact).await?;
                    polls = polls.wrapping_add(1);
                }
                Err(fault) if fault.is_of_ups() => {
                    // Only the UPS is lost: when it is back, everything is read again.
                    self.lost(fault).await?;
                    (status, polls) = (None, 0);
                }
                Err(fault) => return self.lost(fault).await,
            }
            exact = self.pause(self.ups.poll.into()).await;
        }
    }

    /// Polls once, and returns the values of the facts that were read. `status` is the last `ups.status`.
    async fn ask(
        &self,
        connection: &mut Connection,
        status: &mut Option<String>,
        battery: bool,
    ) -> Result<Vec<(Name, Option<Value>)>, Fault> {
        let mut values = Vec::new();
        let mut battery = battery || !self.ups.power;
        if self.ups.power {
            let now = connection.var(&self.ups.name, "ups.status").await?.ok_or(Fault::NoStatus)?;
            let power = variables::power(&now);
            if status.as_ref() != Some(&now) {
                if power.is_none() {
                    tracing::warn!(
                        ups = self.ups.name,
                        status = now,
                        "the status says neither on mains nor on battery"
                    );
                }
                battery = true;
                *status = Some(now);
            }
            values.push((POWER, power));
        }
        if self.ups.battery && battery {
            let charge = connection.var(&self.ups.name, "battery.charge").await?;
            values.push((BATTERY, charge.as_deref().and_then(variables::percent).map(Value::Number)));
            let voltage = connection.var(&self.ups.name, "battery.voltage").await?;
            values.push((BATTERY_MV, voltage.as_deref().and_then(variables::millivolts).map(Value::Number)));
        }
        Ok(values)
    }

    async fn lost(&mut self, fault: Fault) -> Result<(), ReceiverDropped> {
        self.reporter.lost(&self.ups.facts(), fault.to_string(), (self.clock)()).await
    }

    /// Waits. Returns true if a reread cut the wait short.
    async fn pause(&self, wait: Duration) -> bool {
        time::timeout(wait, self.reread.notified()).await.is_ok()
    }
}

//! The daemon's side of the way to the cloud: when a report is due, and what it says. `commands` does what the cloud
//! asks.

mod commands;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use dag_config::{Config, Mode, Uplink};
use dag_engine::{ClockShift, Id, Name, Time};
use dag_uplink::{
    Clock, DeviceReport, Dropped, EdgeIncident, MOST_READINGS, RefusedRules, SignedRules, SourceReport, VERSION,
};
use tokio::task::JoinHandle;

use super::{Daemon, Desk, status::UplinkStatus};
use crate::{
    mqtt::Event,
    store::{Queued, StoreError},
    uplink::{ConfirmedReadings, Connection, fitting, parts},
};

/// A device that has nothing to tell says so this often.
const AT_LEAST_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How long a queue that cannot be read or cleared is left alone.
const PAUSE: Duration = Duration::from_secs(10);

/// More open incidents than these are not told: the message is bounded.
const MOST_INCIDENTS: usize = 100;

/// The way to the cloud, as the daemon has it.
#[derive(Debug)]
pub(super) struct CloudUplink {
    connection: Connection,
    state: UplinkState,
    /// The number of the last message of this boot.
    number: u64,
    confirmed: ConfirmedReadings,
    /// What was handed over and is not confirmed.
    in_flight: Option<InFlight>,
    /// A report is due whatever there is to tell: the connection is new, or the cloud asked.
    wanted: bool,
    /// What the last confirmed report said.
    reported: Option<ReportedState>,
    /// When a report is due though nothing happened.
    due: Instant,
    /// Something may be queued.
    more: bool,
    /// The queue could not be read or cleared: until when it is left alone.
    paused: Option<Instant>,
    /// Rules from the cloud that are being tried out, and those that came meanwhile.
    installing: Option<JoinHandle<TriedRules>>,
    next_rules: Option<SignedRules>,
    /// The last rules from the cloud, if they were not taken.
    refused: Option<RefusedRules>,
}

/// How it stands with the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum UplinkState {
    Connecting,
    Connected { since: Instant },
    Lost { reason: String, again: Instant },
}

/// What a report says besides readings. A change of it is worth a report.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReportedState {
    clock: Clock,
    rules: Id,
    incidents: Vec<EdgeIncident>,
}

#[derive(Debug)]
struct InFlight {
    /// The position in the queue up to which it goes, and what was taken from there.
    upto: Option<u64>,
    taken: Vec<Queued>,
    dropped: Option<Dropped>,
    reported: ReportedState,
}

impl CloudUplink {
    fn start(device: &Name, section: &Uplink) -> CloudUplink {
        CloudUplink {
            connection: Connection::start(device, section),
            state: UplinkState::Connecting,
            number: 0,
            confirmed: ConfirmedReadings::default(),
            in_flight: None,
            wanted: true,
            reported: None,
            due: Instant::now(),
            more: true,
            paused: None,
            installing: None,
            next_rules: None,
            refused: None,
        }
    }

    /// Connects anew, as another configuration says.
    pub fn reconnect(&mut self, device: &Name, section: &Uplink) {
        self.connection = Connection::start(device, section);
        self.state = UplinkState::Connecting;
        self.in_flight = None;
    }

    /// When the loop has to wake for it though nothing happens.
    pub fn wakes_at(&self) -> Option<Instant> {
        let can_send = matches!(self.state, UplinkState::Connected { .. }) && self.in_flight.is_none();
        let paused = self.paused.filter(|_| can_send);
        paused.or(Some(self.due).filter(|_| can_send))
    }

    pub fn clock_set(&mut self, shift: ClockShift) {
        self.confirmed.shift(shift);
    }
}

/// The section that a device needs in the mode `cloud`; `None` in another mode.
///
/// # Errors
/// It is not there.
pub(super) fn section(config: &Config) -> Result<Option<&Uplink>, String> {
    match (config.mode, &config.uplink) {
        (Mode::Standalone, _) => Ok(None),
        (Mode::Cloud, Some(uplink)) => Ok(Some(uplink)),
        (Mode::Cloud, None) => {
            Err("config.toml: in the mode `cloud` a device reports to a broker, and none is named: add a \
                                    section `[uplink]` with `endpoint`, `certificate` and `key`, or use `mode = \
                                    \"standalone\"`"
                .to_owned())
        }
    }
}

pub(super) fn start(device: &Name, config: &Config) -> Result<Option<CloudUplink>, String> {
    Ok(section(config)?.map(|section| CloudUplink::start(device, section)))
}

/// What happens beside the loop.
#[derive(Debug)]
pub(super) enum UplinkEvent {
    /// Something about the connection.
    Connection(Event),
    /// Rules from the cloud are in place, or were refused; none where trying them out was cut short.
    RulesTried(Option<TriedRules>),
}

/// Rules from the cloud, and what came of trying them out.
type TriedRules = (SignedRules, Result<(), String>);

/// What happens next; nothing ever where there is no uplink.
pub(super) async fn next_event(uplink: &mut Option<CloudUplink>) -> UplinkEvent {
    let Some(CloudUplink { connection, installing, .. }) = uplink else { return std::future::pending().await };
    let installed = async {
        match installing {
            Some(job) => job.await.ok(),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        tried = installed => UplinkEvent::RulesTried(tried),
        Some(event) = connection.next() => UplinkEvent::Connection(event),
        else => std::future::pending().await,
    }
}

impl Daemon {
    /// Sends the cloud what it has to hear, one message at a time.
    pub(super) fn report(&mut self) {
        let reported = self.reported_state();
        let (now, at) = (Instant::now(), self.clock.now());
        let is_durable = self.desk.is_durable();
        let Some(uplink) = &mut self.uplink else { return };
        uplink.more |= self.desk.take_enqueued();
        let connected = matches!(uplink.state, UplinkState::Connected { .. });
        let paused = uplink.paused.is_some_and(|until| now < until);
        // What is not durable is not told, and by an old clock the ages would be wrong.
        if !connected || !is_durable || paused || uplink.in_flight.is_some() {
            return;
        }
        let due = uplink.wanted || uplink.due <= now || uplink.reported.as_ref() != Some(&reported);
        if !due && !uplink.more {
            return;
        }
        uplink.paused = None;
        let (sources, flight) = match next_part(&self.desk, &uplink.confirmed, self.opened.boot, at, reported) {
            Ok(part) => part,
            Err(error) => {
                tracing::error!(%error, "what waits for the cloud cannot be read");
                uplink.paused = Some(now + PAUSE);
                return;
            }
        };
        uplink.more = flight.upto.is_some();
        if !due && flight.upto.is_none() && flight.dropped.is_none() {
            return;
        }
        uplink.number += 1;
        let report = DeviceReport {
            v: VERSION,
            device: self.device.id.clone(),
            incarnation: self.opened.incarnation,
            boot: self.opened.boot,
            number: uplink.number,
            sent_at: at,
            clock: flight.reported.clock,
            rules: Some(flight.reported.rules),
            refused: uplink.refused.clone(),
            incidents: flight.reported.incidents.clone(),
            dropped: flight.dropped,
            sources,
        };
        // Names, numbers and strings: JSON holds them.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        if uplink.connection.send(bytes) {
            uplink.wanted = false;
            uplink.in_flight = Some(flight);
        } else {
            // It is about to say that it was lost.
            uplink.paused = Some(now + PAUSE);
        }
    }

    fn reported_state(&self) -> ReportedState {
        let open = self.desk.state().open_incidents().take(MOST_INCIDENTS).map(|incident| EdgeIncident {
            id: incident.id,
            rule: incident.rule.clone(),
            severity: incident.severity,
            since: incident.since,
            acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.clone()),
        });
        let clock = if self.clock.uncertainty().is_some() { Clock::Unset } else { Clock::Set };
        ReportedState { clock, rules: self.desk.rules_id(), incidents: open.collect() }
    }

    pub(super) fn uplink_event(&mut self, event: UplinkEvent) {
        match event {
            UplinkEvent::Connection(event) => self.connection_event(event),
            UplinkEvent::RulesTried(tried) => self.rules_installed(tried),
        }
    }

    fn connection_event(&mut self, event: Event) {
        let (boot, now) = (self.opened.boot, Instant::now());
        let Some(uplink) = &mut self.uplink else { return };
        match event {
            Event::Connected => {
                tracing::info!("connected to the cloud");
                uplink.state = UplinkState::Connected { since: now };
                (uplink.wanted, uplink.more, uplink.paused, uplink.in_flight) = (true, true, None, None);
            }
            Event::Lost { reason, retry_in } => {
                tracing::warn!(%reason, again_in = retry_in.as_secs(), "no connection to the cloud");
                uplink.state = UplinkState::Lost { reason, again: now + retry_in };
                uplink.in_flight = None;
            }
            Event::Confirmed => {
                let Some(flight) = uplink.in_flight.take() else { return };
                uplink.confirmed.add(&flight.taken, boot);
                uplink.reported = Some(flight.reported);
                uplink.due = now + AT_LEAST_EVERY;
                if let Err(error) = self.desk.store().confirm(flight.upto, flight.dropped) {
                    // It is sent again, and dropped there as known.
                    tracing::error!(%error, "that the cloud has what waited cannot be noted");
                    uplink.paused = Some(now + PAUSE);
                }
            }
            Event::Received(message) => self.obey(&message.payload),
        }
    }

    pub(super) fn uplink_status(&self) -> Option<UplinkStatus> {
        let uplink = self.uplink.as_ref()?;
        let (now, at) = (self.clock.now(), Instant::now());
        let mut status = UplinkStatus {
            endpoint: self.start.config.uplink.as_ref().map(|uplink| uplink.endpoint.clone()).unwrap_or_default(),
            connected_since: None,
            reason: None,
            again_at: None,
            backlog: self.desk.store().backlog().unwrap_or_default(),
            sent: uplink.number,
            rules_refused: uplink.refused.as_ref().map(|refused| refused.reason.clone()),
        };
        let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        match &uplink.state {
            UplinkState::Connecting => {}
            UplinkState::Connected { since } => {
                status.connected_since = Some(now.moved(-millis(at.duration_since(*since))));
            }
            UplinkState::Lost { reason, again } => {
                status.reason = Some(reason.clone());
                status.again_at = Some(now.moved(millis(again.duration_since(at))));
            }
        }
        Some(status)
    }
}

/// What goes into the next message, and what is to be noted once it is confirmed.
fn next_part(
    desk: &Desk,
    confirmed: &ConfirmedReadings,
    boot: u64,
    now: Time,
    reported: ReportedState,
) -> Result<(Vec<SourceReport>, InFlight), StoreError> {
    let store = desk.store();
    let (positions, mut taken): (Vec<u64>, Vec<Queued>) = store.queued(MOST_READINGS + 1)?.into_iter().unzip();
    let waiting = taken.len();
    taken.truncate(fitting(&taken, confirmed));
    let upto = taken.len().checked_sub(1).and_then(|last| positions.get(last)).copied();
    let is_last = taken.len() == waiting;
    let going_on = match upto {
        Some(upto) if !is_last => {
            let sources = taken.iter().map(|queued| queued.reading.source.clone()).collect();
            store.queued_behind(upto, sources)?
        }
        _ => BTreeSet::new(),
    };
    let sources = parts(&taken, confirmed, boot, now, &going_on, is_last);
    let dropped = store.backlog()?.dropped;
    Ok((sources, InFlight { upto, taken, dropped, reported }))
}

//! The connection to the cloud, and what is known of the reports and rules on their way.

use std::time::Instant;

use dag_config::{Config, Mode, Uplink};
use dag_engine::{Id, Name};
use dag_uplink::{ClockState, DroppedReadings, EdgeIncident, RefusedRules, SignedRules};
use tokio::task::JoinHandle;

use crate::{
    clock::ClockCorrection,
    mqtt::Event,
    store::QueuedReading,
    uplink::{ConfirmedReadings, Connection},
};

/// The uplink: its connection, and what is known of the reports and rules on their way.
#[derive(Debug)]
pub(super) struct CloudUplink {
    pub connection: Connection,
    pub state: UplinkState,
    /// The number of the last message of this boot.
    pub number: u64,
    pub confirmed_readings: ConfirmedReadings,
    /// The report that is not confirmed yet.
    pub in_flight: Option<InFlight>,
    /// A report is due although nothing changed: the connection is new, or the cloud asked for one.
    pub is_requested: bool,
    /// The state in the last confirmed report.
    pub confirmed_state: Option<ReportedState>,
    /// The time of the next report if nothing changes before.
    pub due: Instant,
    /// The queue may hold readings.
    pub may_have_more: bool,
    /// The end of the pause after the queue could not be read or cleared.
    pub paused_until: Option<Instant>,
    /// The rules from the cloud that are being tried, and those that arrived meanwhile.
    pub install_job: Option<JoinHandle<TriedRules>>,
    pub next_rules: Option<SignedRules>,
    /// The last rules from the cloud, if they were refused.
    pub refused_rules: Option<RefusedRules>,
}

/// The state of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UplinkState {
    Connecting,
    Connected { since: Instant },
    Lost { reason: String, retry_at: Instant },
}

/// The content of a report besides readings. A change of it is reported at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReportedState {
    pub clock: ClockState,
    pub rules: Id,
    pub incidents: Vec<EdgeIncident>,
}

/// A report that is not confirmed yet.
#[derive(Debug)]
pub(super) struct InFlight {
    /// The position in the queue of its last reading, and all its readings.
    pub upto: Option<u64>,
    pub readings: Vec<QueuedReading>,
    pub dropped: Option<DroppedReadings>,
    pub state: ReportedState,
}

impl CloudUplink {
    fn start(device: &Name, section: &Uplink) -> CloudUplink {
        CloudUplink {
            connection: Connection::start(device, section),
            state: UplinkState::Connecting,
            number: 0,
            confirmed_readings: ConfirmedReadings::default(),
            in_flight: None,
            is_requested: true,
            confirmed_state: None,
            due: Instant::now(),
            may_have_more: true,
            paused_until: None,
            install_job: None,
            next_rules: None,
            refused_rules: None,
        }
    }

    /// Connects anew, by another configuration.
    pub fn reconnect(&mut self, device: &Name, section: &Uplink) {
        self.connection = Connection::start(device, section);
        self.state = UplinkState::Connecting;
        self.in_flight = None;
    }

    /// Returns when a report is due if nothing happens before.
    pub fn wakes_at(&self) -> Option<Instant> {
        let can_send = matches!(self.state, UplinkState::Connected { .. }) && self.in_flight.is_none();
        let paused = self.paused_until.filter(|_| can_send);
        paused.or(Some(self.due).filter(|_| can_send))
    }

    /// Moves the times of the readings that are sent again, and of those under way, which may have to be.
    pub fn clock_set(&mut self, set: &ClockCorrection) {
        self.confirmed_readings.clock_set(set);
        for queued in self.in_flight.iter_mut().flat_map(|flight| &mut flight.readings) {
            let at = &mut queued.reading.reading.at;
            *at = set.apply(*at);
        }
    }
}

/// Returns the section `[uplink]`, which a device needs in the mode `cloud`; `None` in the mode `standalone`.
///
/// # Errors
/// The section is missing.
pub(super) fn section(config: &Config) -> Result<Option<&Uplink>, String> {
    match (config.mode, &config.uplink) {
        (Mode::Standalone, _) => Ok(None),
        (Mode::Cloud, Some(uplink)) => Ok(Some(uplink)),
        (Mode::Cloud, None) => {
            let text = "config.toml: in the mode `cloud` a device reports to a broker, and none is named: add a \
                        section `[uplink]` with `endpoint`, `certificate` and `key`, or use `mode = \"standalone\"`";
            Err(text.to_owned())
        }
    }
}

/// Starts to connect, in the mode `cloud`.
///
/// # Errors
/// The section `[uplink]` is missing.
pub(super) fn start(device: &Name, config: &Config) -> Result<Option<CloudUplink>, String> {
    Ok(section(config)?.map(|section| CloudUplink::start(device, section)))
}

/// An event of the uplink.
#[derive(Debug)]
pub(super) enum UplinkEvent {
    /// An event of its connection.
    Connection(Event),
    /// Rules from the cloud were tried; `None` where the attempt was cut short.
    RulesTried(Option<TriedRules>),
}

/// Rules from the cloud, and the result of trying them.
pub(super) type TriedRules = (SignedRules, Result<(), String>);

/// Waits for the next event, for ever where there is no uplink.
///
/// # Cancel safety
/// Cancel safe. The job that tries rules goes on, and an event that was not returned stays in its channel.
pub(super) async fn next_event(uplink: &mut Option<CloudUplink>) -> UplinkEvent {
    let Some(CloudUplink { connection, install_job, .. }) = uplink else { return std::future::pending().await };
    let installed = async {
        match install_job {
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

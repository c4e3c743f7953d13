//! The daemon's side of the uplink: decides when a report is due and what it contains. `commands` obeys the cloud.

mod commands;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use dag_engine::Time;
use dag_uplink::{ClockState, DeviceReport, EdgeIncident, MOST_READINGS, SourceReport, VERSION};

use super::{
    cloud_uplink::{InFlight, ReportedState, UplinkEvent, UplinkState},
    durable_engine::DurableEngine,
    state::Daemon,
    status::UplinkStatus,
};
use crate::{
    mqtt::Event,
    store::{QueuedReading, StoreError},
    uplink::{ConfirmedReadings, compose_parts, count_fitting},
};

/// The longest time between two reports: a device without news reports that it is there. The cloud learns of a lost
/// connection from the broker, so that four messages a day are enough.
const AT_LEAST_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// The pause after the queue could not be read or cleared: a failing disk is not read in every turn of the loop.
const PAUSE: Duration = Duration::from_secs(10);

/// The most incidents in one report: the broker limits its length.
const MOST_INCIDENTS: usize = 100;

impl Daemon {
    /// Sends the next report if one is due. There is one at a time: the next follows when it is confirmed.
    pub(super) fn report(&mut self) {
        let reported = self.reported_state();
        let (now, at) = (Instant::now(), self.clock.now());
        let is_durable = self.engine.is_durable();
        let Some(uplink) = &mut self.uplink else { return };
        uplink.may_have_more |= self.engine.take_enqueued();
        let connected = matches!(uplink.state, UplinkState::Connected { .. });
        let paused = uplink.paused_until.is_some_and(|until| now < until);
        // Only what is durable is reported. While the store is behind, the clock may be too, and ages would be wrong.
        if !connected || !is_durable || paused || uplink.in_flight.is_some() {
            return;
        }
        let due = uplink.is_requested || uplink.due <= now || uplink.confirmed_state.as_ref() != Some(&reported);
        if !due && !uplink.may_have_more {
            return;
        }
        uplink.paused_until = None;
        let (sources, flight) =
            match next_report(&self.engine, &uplink.confirmed_readings, self.store_info.boot, at, reported) {
                Ok(part) => part,
                Err(error) => {
                    tracing::error!(%error, "the queue of readings for the cloud cannot be read");
                    uplink.paused_until = Some(now + PAUSE);
                    return;
                }
            };
        uplink.may_have_more = flight.upto.is_some();
        if !due && flight.upto.is_none() && flight.dropped.is_none() {
            return;
        }
        uplink.number += 1;
        let report = DeviceReport {
            v: VERSION,
            device: self.device.id.clone(),
            incarnation: self.store_info.incarnation,
            boot: self.store_info.boot,
            number: uplink.number,
            sent_at: at,
            clock: flight.state.clock,
            rules: Some(flight.state.rules),
            refused: uplink.refused_rules.clone(),
            incidents: flight.state.incidents.clone(),
            dropped: flight.dropped,
            sources,
        };
        // Cannot fail: there are only strings, numbers and maps with strings for keys.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        if uplink.connection.send(bytes) {
            uplink.is_requested = false;
            uplink.in_flight = Some(flight);
        } else {
            // The connection is lost, and its event is on the way.
            uplink.paused_until = Some(now + PAUSE);
        }
    }

    fn reported_state(&self) -> ReportedState {
        let open = self.engine.state().open_incidents().take(MOST_INCIDENTS).map(|incident| EdgeIncident {
            id: incident.id,
            rule: incident.rule.clone(),
            severity: incident.severity,
            since: incident.since,
            acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.clone()),
        });
        let clock = if self.clock.uncertainty().is_some() { ClockState::Unset } else { ClockState::Set };
        ReportedState { clock, rules: self.engine.rules_id(), incidents: open.collect() }
    }

    pub(super) fn uplink_event(&mut self, event: UplinkEvent) {
        match event {
            UplinkEvent::Connection(event) => self.connection_event(event),
            UplinkEvent::RulesTried(tried) => self.rules_tried(tried),
        }
    }

    fn connection_event(&mut self, event: Event) {
        let (boot, now) = (self.store_info.boot, Instant::now());
        let Some(uplink) = &mut self.uplink else { return };
        match event {
            Event::Connected => {
                tracing::info!("connected to the cloud");
                uplink.state = UplinkState::Connected { since: now };
                (uplink.is_requested, uplink.may_have_more, uplink.paused_until, uplink.in_flight) =
                    (true, true, None, None);
            }
            Event::Lost { reason, retry_in } => {
                tracing::warn!(%reason, again_in = retry_in.as_secs(), "no connection to the cloud");
                uplink.state = UplinkState::Lost { reason, retry_at: now + retry_in };
                uplink.in_flight = None;
            }
            Event::Confirmed => {
                let Some(flight) = uplink.in_flight.take() else { return };
                uplink.confirmed_readings.add(&flight.readings, boot);
                uplink.confirmed_state = Some(flight.state);
                uplink.due = now + AT_LEAST_EVERY;
                if let Err(error) = self.engine.store().confirm(flight.upto, flight.dropped) {
                    // The readings are sent again, and the cloud ignores them as duplicates.
                    tracing::error!(%error, "readings that the cloud has cannot be removed from the queue");
                    uplink.paused_until = Some(now + PAUSE);
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
            backlog: self.engine.store().backlog().unwrap_or_default(),
            sent: uplink.number,
            rules_refused: uplink.refused_rules.as_ref().map(|refused| refused.reason.clone()),
        };
        let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        match &uplink.state {
            UplinkState::Connecting => {}
            UplinkState::Connected { since } => {
                status.connected_since = Some(now.moved(-millis(at.duration_since(*since))));
            }
            UplinkState::Lost { reason, retry_at } => {
                status.reason = Some(reason.clone());
                status.again_at = Some(now.moved(millis(retry_at.duration_since(at))));
            }
        }
        Some(status)
    }
}

/// Returns the readings of the next report, and what is kept of it until it is confirmed.
fn next_report(
    engine: &DurableEngine,
    confirmed: &ConfirmedReadings,
    boot: u64,
    now: Time,
    reported: ReportedState,
) -> Result<(Vec<SourceReport>, InFlight), StoreError> {
    let store = engine.store();
    let (positions, mut taken): (Vec<u64>, Vec<QueuedReading>) =
        store.queued_readings(MOST_READINGS + 1)?.into_iter().unzip();
    let waiting = taken.len();
    taken.truncate(count_fitting(&taken, confirmed));
    let upto = taken.len().checked_sub(1).and_then(|last| positions.get(last)).copied();
    let is_last = taken.len() == waiting;
    let going_on = match upto {
        Some(upto) if !is_last => {
            let sources = taken.iter().map(|queued| queued.reading.source.clone()).collect();
            store.queued_behind(upto, sources)?
        }
        _ => BTreeSet::new(),
    };
    let sources = compose_parts(&taken, confirmed, boot, now, &going_on, is_last);
    let dropped = store.backlog()?.dropped;
    Ok((sources, InFlight { upto, readings: taken, dropped, state: reported }))
}

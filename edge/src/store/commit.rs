//! The results of one step of the engine.

use dag_engine::{ClockShift, Decision, Id, Name, Report, Time};
use serde::Serialize;

use super::{
    reading::{QueuedReading, StoredReading},
    uplink_queue::QueueUpdate,
};
use crate::clock::KnownBoot;

/// The results of one step, which become durable all together or not at all.
///
/// ```
/// use dag::store::Commit;
/// use dag_engine::Time;
///
/// let step = Commit::at(Time::from_millis(0)).state("cottage", &"the engine's state")?;
/// # assert!(!format!("{step:?}").is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    pub(super) at: Time,
    pub(super) state: Option<(Name, Vec<u8>)>,
    pub(super) readings: Vec<StoredReading>,
    pub(super) decisions: Vec<Decision>,
    pub(super) outbox: Vec<OutboxChange>,
    pub(super) uplink: QueueUpdate,
    pub(super) boots: Option<Vec<KnownBoot>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutboxChange {
    pub id: Id,
    pub entry: Vec<u8>,
    pub is_finished: bool,
}

impl Commit {
    /// Returns a step at `now` without results.
    pub const fn at(now: Time) -> Self {
        let uplink = QueueUpdate { keep: None, added: Vec::new(), shifts: Vec::new() };
        Commit {
            at: now,
            state: None,
            readings: Vec::new(),
            decisions: Vec::new(),
            outbox: Vec::new(),
            uplink,
            boots: None,
        }
    }

    /// Sets the state of `device` after the step.
    ///
    /// # Errors
    /// Values that JSON cannot hold, such as a map whose keys are not strings.
    pub fn state(mut self, device: &str, state: &impl Serialize) -> serde_json::Result<Self> {
        self.state = Some((device.into(), serde_json::to_vec(state)?));
        Ok(self)
    }

    /// Adds the readings that the step applied.
    pub fn report(mut self, report: &Report) -> Self {
        let numbered = report.readings.iter().zip(report.first..);
        self.readings.extend(numbered.map(|(reading, number)| StoredReading {
            source: report.source.clone(),
            boot: report.boot,
            number,
            reading: reading.clone(),
        }));
        self
    }

    /// Appends readings to the queue for the cloud, which is limited to `keep` bytes.
    pub fn enqueue(mut self, readings: impl IntoIterator<Item = QueuedReading>, keep: u64) -> Self {
        self.uplink.added.extend(readings);
        self.uplink.keep = Some(keep);
        self
    }

    /// Moves the times in the queue for the cloud, because the clock was set. The shifts are applied one after the
    /// other.
    pub fn shift_queue(mut self, shifts: impl IntoIterator<Item = ClockShift>) -> Self {
        self.uplink.shifts.extend(shifts);
        self
    }

    /// Notes the boots of the machine, instead of those noted before.
    pub fn boots(mut self, boots: Vec<KnownBoot>) -> Self {
        self.boots = Some(boots);
        self
    }

    /// Adds the decisions of the step, in order.
    pub fn decisions(mut self, decisions: impl IntoIterator<Item = Decision>) -> Self {
        self.decisions.extend(decisions);
        self
    }

    /// Stores an outbox entry. One that is not finished is kept in the outbox, where it replaces the entry with this id
    /// and keeps its place. One that is finished leaves the outbox and is appended to the log.
    ///
    /// # Errors
    /// Values that JSON cannot hold. The step is as before then.
    pub fn store_entry(&mut self, id: Id, entry: &impl Serialize, is_finished: bool) -> serde_json::Result<()> {
        self.outbox.push(OutboxChange { id, entry: serde_json::to_vec(entry)?, is_finished });
        Ok(())
    }
}

//! What one step of the engine leaves behind.

use dag_engine::{ClockShift, Decision, Id, Name, Report, Time};
use serde::Serialize;

use super::{
    reading::{Queued, StoredReading},
    uplink_queue::QueueUpdate,
};

/// Everything that one step makes durable, at once or not at all.
///
/// ```
/// use dag::store::Commit;
/// use dag_engine::Time;
///
/// let step = Commit::at(Time::from_millis(0)).state("cottage", &"what the engine knows")?;
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
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutboxChange {
    pub id: Id,
    pub entry: Vec<u8>,
    pub finished: bool,
}

impl Commit {
    /// A step at `now`, with nothing in it yet.
    pub const fn at(now: Time) -> Self {
        let uplink = QueueUpdate { keep: None, added: Vec::new(), shift: None };
        Commit { at: now, state: None, readings: Vec::new(), decisions: Vec::new(), outbox: Vec::new(), uplink }
    }

    /// The state of `device` after the step.
    ///
    /// # Errors
    /// What JSON cannot hold, such as a map whose keys are no strings.
    pub fn state(mut self, device: &str, state: &impl Serialize) -> serde_json::Result<Self> {
        self.state = Some((device.into(), serde_json::to_vec(state)?));
        Ok(self)
    }

    /// The readings that the step applied.
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

    /// What the cloud is to be told, in a queue that may hold `keep` bytes.
    pub fn enqueue(mut self, readings: impl IntoIterator<Item = Queued>, keep: u64) -> Self {
        self.uplink.added.extend(readings);
        self.uplink.keep = Some(keep);
        self
    }

    /// The clock was set: moves the times of what waits for the cloud and was noted since `began`.
    pub fn shift_queue(mut self, began: Time, shift_ms: i64) -> Self {
        self.uplink.shift = Some(ClockShift { began, shift_ms });
        self
    }

    /// What the step decided, in order.
    pub fn decisions(mut self, decisions: impl IntoIterator<Item = Decision>) -> Self {
        self.decisions.extend(decisions);
        self
    }

    /// Puts an outbox entry, or what has become of it: queued, leased, to be tried again. It keeps its place among the
    /// others.
    ///
    /// # Errors
    /// What JSON cannot hold.
    pub fn queue(mut self, id: Id, entry: &impl Serialize) -> serde_json::Result<Self> {
        self.outbox(id, entry, false)?;
        Ok(self)
    }

    /// Takes an entry out of the outbox, as it is now: delivered, withdrawn, undelivered. It goes to the log.
    ///
    /// # Errors
    /// What JSON cannot hold.
    pub fn finish(mut self, id: Id, entry: &impl Serialize) -> serde_json::Result<Self> {
        self.outbox(id, entry, true)?;
        Ok(self)
    }

    /// [`queue`](Commit::queue), or [`finish`](Commit::finish) if it is `finished`. After an error nothing is changed.
    pub(crate) fn outbox(&mut self, id: Id, entry: &impl Serialize, finished: bool) -> serde_json::Result<()> {
        self.outbox.push(OutboxChange { id, entry: serde_json::to_vec(entry)?, finished });
        Ok(())
    }
}

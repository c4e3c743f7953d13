//! What surrounds the consumer, as small traits: `aws/` implements them for AWS, [`Memory`](crate::Memory) for tests and
//! load.

use std::future::Future;

use dag_delivery::{Entry, Failure, Prepared, Receipt};
use dag_engine::{Decision, Id, Millis, Name, Notification, Time};
use dag_uplink::{Command, SignedRules};
use serde::{Deserialize, Serialize};

use crate::{item::DeviceItem, registry::Registration};

/// Broken infrastructure: the record is tried again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} failed: {error}")]
pub struct Fault {
    /// What was tried.
    pub what: &'static str,
    /// What went wrong.
    pub error: String,
}

/// A device item with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The item.
    pub item: DeviceItem,
    /// One higher at each commit.
    pub version: u64,
}

/// Everything that one step changes, written in one transaction or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The item as it is now. Its entries come without what they say.
    pub item: DeviceItem,
    /// The version that it was read with; 0 if it was not there.
    pub version: u64,
    /// The time of the step.
    pub at: Time,
    /// What was decided.
    pub decisions: Vec<Decision>,
    /// What messages say, rendered at their first attempt.
    pub prepared: Vec<(Id, Prepared)>,
    /// Messages that came to their end: they are kept in the log, and what they say is forgotten.
    pub finished: Vec<Entry>,
    /// The addresses that mail is about to go to. None of them may be on the suppression list.
    pub unsuppressed: Vec<String>,
}

impl Commit {
    /// The item as it is once this is made.
    pub fn stored(self) -> Stored {
        Stored { item: self.item, version: self.version + 1 }
    }
}

/// Why a commit was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Somebody else wrote the item: read it again.
    #[error("the item was changed by another")]
    Conflict,
    /// One of the addresses is on the suppression list.
    #[error("{address} is on the suppression list: {}", suppression.text)]
    Suppressed {
        /// The address.
        address: String,
        /// Why.
        suppression: Suppression,
    },
    /// The table cannot be written.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why no mail goes to an address any more: its entry in the suppression list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Since when.
    pub at: Time,
    /// Why, for people.
    pub text: String,
}

/// A device whose time has come, or will soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The device.
    pub device: Name,
    /// When.
    pub at: Time,
    /// When the timer message goes off that was sent last.
    pub armed: Option<Time>,
}

/// How many parts the index of deadlines has.
pub const SHARDS: u8 = 16;

/// In which part of the index a device is.
pub fn shard(device: &str) -> u8 {
    Id::of(&[b"shard", device.as_bytes()]).as_bytes().first().copied().unwrap_or_default() % SHARDS
}

/// The table.
pub trait Store: Send + Sync {
    /// The item of a device.
    fn load(&self, device: &str) -> impl Future<Output = Result<Option<Stored>, Fault>> + Send;

    /// Makes a step durable, if nobody else wrote the item since it was read.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// What a message says, where an attempt was made before.
    fn prepared(&self, device: &str, message: Id) -> impl Future<Output = Result<Option<Prepared>, Fault>> + Send;

    /// The devices of a shard whose time has come by `until`, the longest due first; some thousands at most.
    fn due(&self, shard: u8, until: Time) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;

    /// What the registry has of a device, with the addresses of its account.
    fn registration(&self, device: &str) -> impl Future<Output = Result<Option<Registration>, Fault>> + Send;

    /// Rules for devices, by what names them.
    fn rules(&self, hash: Id) -> impl Future<Output = Result<Option<SignedRules>, Fault>> + Send;

    /// Puts an address on the suppression list: no mail goes to it any more.
    fn suppress(&self, address: &str, suppression: &Suppression) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queues.
pub trait Queues: Send + Sync {
    /// Puts records into `events`, each to appear after so long: at most 900 s.
    fn events(&self, records: Vec<(String, Millis)>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts records into `deliveries`.
    fn deliveries(&self, records: Vec<String>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts a record that cannot be processed into the dead-letter queue, with the reason.
    fn dead_letter(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The way to the devices.
pub trait Devices: Send + Sync {
    /// Publishes a command. Whether the device takes it is not known: it is sent again when a report shows that it is needed.
    fn command(&self, device: &str, command: &Command) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The way to people.
pub trait Messenger: Send + Sync {
    /// Makes one attempt.
    fn send(
        &self,
        notification: &Notification,
        prepared: &Prepared,
        now: Time,
    ) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// The services around a consumer, each by its own trait.
pub trait World: Send + Sync {
    /// The table.
    fn store(&self) -> &impl Store;

    /// The queues.
    fn queues(&self) -> &impl Queues;

    /// The way to the devices.
    fn devices(&self) -> &impl Devices;

    /// The way to people.
    fn messenger(&self) -> &impl Messenger;

    /// The time now.
    fn now(&self) -> Time;
}

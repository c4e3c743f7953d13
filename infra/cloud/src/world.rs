//! The services that the consumer uses, as small traits. `aws/` implements them on AWS, and
//! `infra/tests/memory.rs` in memory for tests and the benchmark.

use std::future::Future;

use dag_delivery::{Entry, Failure, MessageContent, Receipt};
use dag_engine::{Decision, Id, Millis, Name, Notification, Time};
use dag_uplink::{Command, SignedRules};
use serde::{Deserialize, Serialize};

use crate::{item::DeviceItem, registry::Registration};

/// An infrastructure failure. The record is tried again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} failed: {error}")]
pub struct Fault {
    /// The operation that failed.
    pub what: &'static str,
    /// The error's text.
    pub error: String,
}

/// A device item with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The item.
    pub item: DeviceItem,
    /// A counter that each commit increments.
    pub version: u64,
}

/// All changes of one step, which are written in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The item after the step. Its entries are without their prepared messages.
    pub item: DeviceItem,
    /// The version that the item was read with; 0 for a new item.
    pub version: u64,
    /// The time of the step.
    pub at: Time,
    /// The decisions of the step.
    pub decisions: Vec<Decision>,
    /// The prepared messages that were rendered in this step, at their first attempt.
    pub prepared: Vec<(Id, MessageContent)>,
    /// The messages that ended. They move to the log, and their prepared messages are deleted.
    pub finished: Vec<Entry>,
    /// The addresses that mail is about to go to. None of them may be on the suppression list.
    pub unsuppressed: Vec<String>,
}

impl Commit {
    /// Returns the item as the table has it after the commit.
    pub fn stored(self) -> Stored {
        Stored { item: self.item, version: self.version + 1 }
    }
}

/// The reasons why a commit was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another writer changed the item: read it again.
    #[error("another writer changed the item")]
    Conflict,
    /// One of the addresses is on the suppression list.
    #[error("{address} is on the suppression list: {}", suppression.text)]
    Suppressed {
        /// The address.
        address: String,
        /// Why.
        suppression: Suppression,
    },
    /// The table could not be written.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why no mail goes to an address any more: its entry in the suppression list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// When it was added.
    pub at: Time,
    /// The reason, as text for people.
    pub text: String,
}

/// A device with a deadline that has passed or comes soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The device.
    pub device: Name,
    /// The deadline.
    pub at: Time,
    /// When the last timer message that was sent arrives.
    pub armed: Option<Time>,
}

/// The number of shards of the index of deadlines.
pub const SHARDS: u8 = 16;

/// Returns the shard that a device is in.
pub fn shard(device: &str) -> u8 {
    Id::of(&[b"shard", device.as_bytes()]).as_bytes().first().copied().unwrap_or_default() % SHARDS
}

/// The table.
pub trait Store: Send + Sync {
    /// Returns the item of a device.
    fn load(&self, device: &str) -> impl Future<Output = Result<Option<Stored>, Fault>> + Send;

    /// Makes a step durable, unless another writer changed the item since it was read.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Returns the prepared message of an earlier attempt.
    fn prepared(&self, device: &str, message: Id)
    -> impl Future<Output = Result<Option<MessageContent>, Fault>> + Send;

    /// Returns the devices of a shard that are due by `until`, the longest overdue first. The number is limited to some
    /// thousands.
    fn due(&self, shard: u8, until: Time) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;

    /// Returns the registration of a device, with the addresses of its account.
    fn registration(&self, device: &str) -> impl Future<Output = Result<Option<Registration>, Fault>> + Send;

    /// Returns the signed rules with this hash.
    fn rules(&self, hash: Id) -> impl Future<Output = Result<Option<SignedRules>, Fault>> + Send;

    /// Puts an address on the suppression list: no mail goes to it any more.
    fn suppress(&self, address: &str, suppression: &Suppression) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The queues.
pub trait Queues: Send + Sync {
    /// Puts records into `events`. Each has a delay of at most 900 s before it is delivered.
    fn events(&self, records: Vec<(String, Millis)>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts records into `deliveries`.
    fn deliveries(&self, records: Vec<String>) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Puts a record that cannot be processed into the dead-letter queue, with the reason.
    fn dead_letter(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The connection to the devices.
pub trait Devices: Send + Sync {
    /// Publishes a command. Nothing shows whether the device receives it. It is sent again when a report shows the
    /// need.
    fn command(&self, device: &str, command: &Command) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The channels to people.
pub trait Messenger: Send + Sync {
    /// Makes one attempt to send a message.
    fn send(
        &self,
        notification: &Notification,
        prepared: &MessageContent,
        now: Time,
    ) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// The services around a consumer, each by its own trait.
pub trait World: Send + Sync {
    /// The table.
    fn store(&self) -> &impl Store;

    /// The queues.
    fn queues(&self) -> &impl Queues;

    /// The connection to the devices.
    fn devices(&self) -> &impl Devices;

    /// The channels to people.
    fn messenger(&self) -> &impl Messenger;

    /// The time now.
    fn now(&self) -> Time;
}

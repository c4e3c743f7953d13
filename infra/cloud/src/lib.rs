//! The cloud side of detectordag: the consumer. It processes the records that the broker and the schedule put into its
//! queue, decides with the same engine as the device, and sends the messages.
//!
//! ```text
//! reports, presence ─▶ events ─▶ Event ─▶ DeviceTransaction ─▶ Commit, the leases in it ─▶ send, settle ─▶ people
//!                        ▲                                         │  ▲
//!                        └── timers, at most 900 s ahead ──────────┘  │
//!                                   what failed before ─▶ deliveries ─┘
//! ```
//!
//! `event.rs` and `feedback.rs` parse records. `device_transaction.rs` applies events to one device's item, without
//! waiting for anything. `consumer.rs` loads, commits and hands over, and `deliver.rs` sends. `presence.rs` orders the
//! broker's events, and `incarnations.rs` the boots of a device. `world.rs` describes the services as small traits.
//! `aws/` implements them on AWS.
//!
//! Nothing is lost: a record that failed comes again, the sweep finds a lost hand-over, and a lease expires. A record
//! that comes twice changes nothing, or sends the same message under the same id.

pub mod aws;
mod consumer;
mod deliver;
mod device_transaction;
mod event;
mod feedback;
mod incarnations;
mod item;
mod presence;
mod registry;
mod world;

pub use consumer::{Consumer, Record};
pub use device_transaction::{AfterCommit, DeviceTransaction, LONGEST_DELAY};
pub use event::{Event, EventError, Request, SWEEP};
pub use feedback::{Feedback, UnknownMail};
pub use incarnations::Incarnations;
pub use item::DeviceItem;
pub use presence::{ConnectionChange, Presence, PresenceEvent, Stale};
pub use registry::{Account, Registration, Signing};
pub use world::{
    Commit, CommitError, Devices, Due, Fault, Messenger, Queues, SHARDS, Store, Stored, Suppression, World, shard,
};

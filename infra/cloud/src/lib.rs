//! The cloud side of detectordag: the consumer. It takes what the broker and the schedule put into its queue, has the same
//! engine decide as the device does, and sends the messages.
//!
//! ```text
//! reports, presence ──▶ events ──▶ Event ─▶ Work ─▶ Commit (one transaction) ─▶ HandOver
//!                         ▲                                                      │     │
//!                         └─────────────── timers, at most 900 s ahead ──────────┘     ▼
//!                                             deliveries ──▶ lease, send, settle ──▶ people
//! ```
//!
//! `event.rs` reads records, `work.rs` does one step on one device's item (pure), `consumer.rs` loads, commits and hands
//! over, `deliver.rs` sends, `presence.rs` puts the broker's events in order, `incarnations.rs` the boots of a device, `feedback.rs` reads what became of mails.
//! `world.rs` says in small traits what surrounds all this; `aws/` is that on AWS, `memory.rs` a world for tests and load.
//!
//! What is lost on the way is found again: a record that was not done comes again, a hand-over that was lost is found by the
//! sweep, a lease runs out. What comes twice changes nothing, or sends the same message under the same id.

pub mod aws;
mod consumer;
mod deliver;
mod event;
mod feedback;
mod incarnations;
mod item;
mod memory;
mod presence;
mod registry;
mod work;
mod world;

pub use consumer::{Consumer, Record};
pub use event::{Event, EventError, Request, SWEEP};
pub use feedback::{Feedback, UnknownMail, tags};
pub use incarnations::Incarnations;
pub use item::DeviceItem;
pub use memory::{Memory, MemoryState, SentMessage};
pub use presence::{ConnectionChange, Presence, PresenceEvent, Stale};
pub use registry::{Account, Registration, Signing};
pub use work::{HandOver, LONGEST_DELAY, Work};
pub use world::{
    Commit, CommitError, Devices, Due, Fault, Messenger, Queues, SHARDS, Store, Stored, Suppression, World, shard,
};

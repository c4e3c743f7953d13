//! The messages between devices and the cloud over MQTT, in one place for both ends and for the template that
//! connects them.
//!
//! A device publishes a [`DeviceReport`] to `dag/<device>/report`. Topic rules, the SQL [`STATEMENTS`], pass it and
//! the broker's presence events on to the consumer's queue. The cloud publishes a [`Command`] to `dag/<device>/cmd`.
//! Rules are sent as [`SignedRules`].
//!
//! Nothing here opens a connection. Both ends refuse messages that they do not understand with a [`MessageError`].
//! They ignore keys that they do not know, so that either end may be updated first.

mod command;
mod report;
mod signed;
mod topics;

pub use command::Command;
pub use report::{
    ClockState, DeviceReport, DroppedReadings, EdgeIncident, LONGEST_REPORT, MOST_COUNTED, MOST_READINGS, MessageError,
    PRESENCE, RefusedRules, SourceReport, UplinkReading, VERSION,
};
pub use signed::{KeyError, PublicKey, SignError, SignedRules, SigningKey};
pub use topics::{SQL_VERSION, STATEMENTS, Statement, Topics};

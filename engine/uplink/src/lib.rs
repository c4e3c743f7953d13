//! What devices and the cloud say to each other over MQTT, in one place for both ends and for the template that connects
//! them.
//!
//! A device publishes a [`DeviceReport`] to `dag/<device>/report`; topic rules, the SQL [`STATEMENTS`], hand it and the
//! broker's presence events on to the consumer's queue; the cloud publishes a [`Command`] to `dag/<device>/cmd`. Rules
//! travel as a [`SignedRules`].
//!
//! Nothing here connects to anything. Both ends refuse what they do not understand, by [`MessageError`], and ignore keys that
//! they do not know, so that either end may be updated first.

mod command;
mod report;
mod signed;
mod topics;

pub use command::Command;
pub use report::{
    Clock, DeviceReport, Dropped, EdgeIncident, LONGEST_REASON, LONGEST_REPORT, MOST_COUNTED, MOST_READINGS,
    MessageError, PRESENCE, RefusedRules, SourceReport, UplinkReading, VERSION,
};
pub use signed::{KeyError, PublicKey, SignError, SignedRules, SigningKey};
pub use topics::{SQL_VERSION, STATEMENTS, Statement, Topics};

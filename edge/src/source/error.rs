//! Mistakes in the configuration and the use of sources.

use dag_engine::{FactKind, Millis, Name, Value};

use super::gpio::PinError;

/// An error that keeps the sources from starting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// `connection` was given a source.
    #[error("`connection` cannot have a source: only the cloud knows it; remove its line from `[device]`")]
    OnlyCloud,
    /// `battery_mv` was given a source.
    #[error("`battery_mv` cannot have a source of its own: it comes with `battery`; remove its line from `[device]`")]
    WithBattery,
    /// A pin was given as the source of a number.
    #[error("`{fact}` cannot come from a pin: a pin is on or off, `{fact}` is a number")]
    NotFromPin {
        /// The fact.
        fact: Name,
    },
    /// A UPS was given as the source of a fact that no UPS has.
    #[error("`{fact}` cannot come from a UPS: a UPS gives `power` and `battery`")]
    NotFromUps {
        /// The fact.
        fact: Name,
    },
    /// One pin was given as the source of two facts.
    #[error("pin {pin} is the source of both `{other}` and `{fact}`: give each its own pin")]
    PinTwice {
        /// The pin, by its BCM number.
        pin: u8,
        /// The second fact.
        fact: Name,
        /// The first fact.
        other: Name,
    },
    /// The pin cannot be watched.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The UPS's name cannot be one.
    #[error(
        "`{ups}` is not a UPS's name: it is the word in square brackets in the server's ups.conf, of letters, digits, \
         `-`, `_` and `.`"
    )]
    UpsName {
        /// The name given.
        ups: String,
    },
    /// The UPS is to be polled too often.
    #[error("`poll = \"{poll}\"` is too short: a UPS is asked every 10ms at most, and every 2s is enough")]
    Poll {
        /// The interval given.
        poll: Millis,
    },
}

/// An error of [`Sources::simulate`](super::Sources::simulate).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// The fact has another source, or none.
    #[error(
        "`{fact}` is not simulated here; to try an outage out, set `{fact} = {{ source = \"simulated\" }}` for this \
         device in config.toml and save"
    )]
    NotSimulated {
        /// The fact.
        fact: Name,
    },
    /// The fact takes no such value.
    #[error("`{fact}` cannot be {value}: it is {}", match kind {
        FactKind::Number => "a number from 0 to 100",
        _ => "on or off",
    })]
    Value {
        /// The fact.
        fact: Name,
        /// The value given.
        value: Value,
        /// The values that it takes.
        kind: FactKind,
    },
    /// Too many events wait for the daemon.
    #[error("too many changes wait already: try again in a moment")]
    Busy,
}

//! What a user can get wrong about sources.

use dag_engine::{FactKind, Millis, Name, Value};

use super::gpio::PinError;

/// Why the sources cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// `connection` was given a source.
    #[error("`connection` cannot have a source: only the cloud knows it; remove its line from `[device]`")]
    OnlyCloud,
    /// `battery_mv` was given a source.
    #[error("`battery_mv` cannot have a source of its own: it comes with `battery`; remove its line from `[device]`")]
    WithBattery,
    /// A number was to come from a pin.
    #[error("`{fact}` cannot come from a pin: a pin is on or off, `{fact}` is a number")]
    NotFromPin {
        /// The fact.
        fact: Name,
    },
    /// A UPS was to give what no UPS gives.
    #[error("`{fact}` cannot come from a UPS: a UPS gives `power` and `battery`")]
    NotFromUps {
        /// The fact.
        fact: Name,
    },
    /// Two facts were to come from one pin.
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
    /// The UPS's name is none.
    #[error(
        "`{ups}` is not a UPS's name: it is the word in square brackets in the server's ups.conf, of letters, digits, \
         `-`, `_` and `.`"
    )]
    UpsName {
        /// The name given.
        ups: String,
    },
    /// The UPS was to be asked too often.
    #[error("`poll = \"{poll}\"` is too short: a UPS is asked every 10ms at most, and every 2s is enough")]
    Poll {
        /// The length given.
        poll: Millis,
    },
}

/// Why a fact cannot be simulated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// The fact has another source, or none.
    #[error(
        "`{fact}` is not simulated here; to try an outage out, set `{fact} = {{ source = \"simulated\" }}` for this \
         device in config.toml and start dag again"
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
        /// What it takes instead.
        kind: FactKind,
    },
    /// The daemon has not caught up with earlier events.
    #[error("too many changes wait already: try again in a moment")]
    Busy,
}

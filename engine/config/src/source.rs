//! Where a device's facts come from.

use dag_engine::Millis;
use serde::Deserialize;

/// The source of one fact, as `[device.NAME]` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "source", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// No source: the fact is never known.
    None,
    /// A value that `dag unplug` and `dag plug` set.
    Simulated,
    /// An input pin of a Raspberry Pi.
    Gpio {
        /// The pin, by its BCM number.
        pin: u8,
        /// At which level the fact is `on`.
        #[serde(default)]
        on_when: Level,
        /// Changes that do not last this long are glitches of the line, not readings.
        #[serde(default = "default_glitch")]
        glitch: Millis,
    },
    /// A UPS behind a server of Network UPS Tools.
    Nut {
        /// The server, as `host:port`.
        #[serde(default = "default_nut")]
        address: String,
        /// The UPS's name there.
        #[serde(default = "default_ups")]
        ups: String,
        /// How often it is asked.
        #[serde(default = "default_poll")]
        poll: Millis,
    },
}

/// The level of an input pin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// About the supply voltage.
    #[default]
    High,
    /// About ground.
    Low,
}

fn default_glitch() -> Millis {
    Millis::new(50)
}

fn default_poll() -> Millis {
    Millis::new(2_000)
}

fn default_nut() -> String {
    "127.0.0.1:3493".to_owned()
}

fn default_ups() -> String {
    "ups".to_owned()
}

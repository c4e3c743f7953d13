//! What happens to the devices of a fleet.

use dag_cloud::Registration;
use dag_engine::{Millis, Name, Value};
use dag_uplink::SignedRules;

/// What happens to a device.
#[derive(Clone, Debug)]
pub enum Act {
    Read(&'static str, Option<Value>),
    /// Its network is gone, and comes back.
    Lose,
    Back,
    Restart,
    /// It starts with a new memory card.
    NewCard,
    /// Somebody takes its open incident on.
    Acknowledge,
    /// A record of any kind comes.
    Put(String),
    /// The registry is told something of a device.
    Register(Name, Registration),
    /// These rules are to be had for devices.
    Publish(SignedRules),
}

/// What happens when, to which device.
pub type Story = Vec<(Millis, &'static str, Act)>;

pub const DEVICES: [&str; 3] = ["cottage", "barn", "mill"];

pub const fn minutes(minutes: i64) -> Millis {
    Millis::new(minutes * 60_000)
}

pub const fn seconds(seconds: i64) -> Millis {
    Millis::new(seconds * 1_000)
}

pub const ON: Option<Value> = Some(Value::On);
pub const OFF: Option<Value> = Some(Value::Off);

/// Every device is there, and its mains are on.
pub fn all_well() -> Story {
    let well = |(at, id): (usize, &'static str)| {
        let at = seconds(i64::try_from(at).unwrap());
        [(at, id, Act::Back), (at, id, Act::Read("power", ON))]
    };
    DEVICES.into_iter().enumerate().flat_map(well).collect()
}

/// What happens to one device, after all was well: minutes, and what.
pub fn story(device: &'static str, acts: impl IntoIterator<Item = (i64, Act)>) -> Story {
    let mut story = all_well();
    story.extend(acts.into_iter().map(|(at, act)| (minutes(at), device, act)));
    story
}

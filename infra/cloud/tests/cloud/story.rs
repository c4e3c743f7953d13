//! Stories of a fleet's devices.

use dag_cloud::Registration;
use dag_engine::{Millis, Name, Value};
use dag_uplink::SignedRules;

/// An act of a story.
#[derive(Clone, Debug)]
pub enum Act {
    Read(&'static str, Option<Value>),
    /// It loses its network, and gets it back.
    Lose,
    Back,
    Restart,
    /// It starts with a new memory card.
    NewCard,
    /// Somebody acknowledges its open incident.
    Acknowledge,
    /// A record of any kind comes.
    Put(String),
    /// The registration of a device changes.
    Register(Name, Registration),
    /// Signed rules are stored in the table.
    Publish(SignedRules),
}

/// The acts of a story, with their times and devices.
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

/// Connects every device, with its mains on.
pub fn all_well() -> Story {
    let well = |(at, id): (usize, &'static str)| {
        let at = seconds(i64::try_from(at).unwrap());
        [(at, id, Act::Back), (at, id, Act::Read("power", ON))]
    };
    DEVICES.into_iter().enumerate().flat_map(well).collect()
}

/// Returns the story of one device: acts at these minutes, after a quiet start.
pub fn story(device: &'static str, acts: impl IntoIterator<Item = (i64, Act)>) -> Story {
    let mut story = all_well();
    story.extend(acts.into_iter().map(|(at, act)| (minutes(at), device, act)));
    story
}

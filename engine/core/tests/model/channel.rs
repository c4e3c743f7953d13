//! Channels of an incident, and the firings that each of them got or missed.

use dag_engine::{Id, Kind, Time};

use crate::{
    model::Incident,
    rules::{ChannelKey, Place, Step},
};

/// The state of one channel of an incident.
#[derive(Clone, Debug)]
pub struct Channel {
    pub who: ChannelKey,
    /// The position among the incident's channels in the order in which they were told; none if it was not told.
    pub order: Option<usize>,
    /// Its address when it was last told or missed a message.
    pub place: Option<Place>,
    pub attempted: bool,
    /// Messages that may still be withdrawn.
    pub queue: Vec<Id>,
    /// The firings that were queued for it or withheld by the script, with their times.
    pub firings: Vec<(Time, Firing)>,
    /// The time of the last firing.
    pub last: Option<Time>,
    pub missed_firings: Vec<Firing>,
    pub failing: Option<Time>,
    /// The last outcome of an attempt was a delivery.
    pub delivered: bool,
    pub final_message: Option<Kind>,
}

/// One firing of a step or of a repeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    pub key: Key,
    /// The position of the step.
    pub position: u32,
    pub repeat: u32,
}

/// The key by which a fired step is found again after a reload.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Name(&'static str),
    Position(u32),
}

impl Key {
    pub fn of(step: &Step, position: u32) -> Self {
        step.name.map_or(Key::Position(position), Key::Name)
    }

    pub fn is(&self, step: &Step, position: u32) -> bool {
        match self {
            Key::Name(name) => step.name == Some(name),
            Key::Position(known) => *known == position,
        }
    }

    /// The bytes that go into ids.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Key::Name(name) => name.as_bytes().to_vec(),
            Key::Position(position) => position.to_be_bytes().to_vec(),
        }
    }
}

impl Firing {
    pub fn kind(&self) -> Kind {
        match (self.position, self.repeat) {
            (0, 0) => Kind::Opened,
            (_, 0) => Kind::Escalated,
            (_, _) => Kind::Reminder,
        }
    }
}

impl Incident {
    pub fn channel(&mut self, who: &ChannelKey) -> &mut Channel {
        if let Some(place) = self.channels.iter().position(|channel| channel.who == *who) {
            return &mut self.channels[place];
        }
        self.channels.push(Channel {
            who: who.clone(),
            order: None,
            place: None,
            attempted: false,
            queue: Vec::new(),
            firings: Vec::new(),
            last: None,
            missed_firings: Vec::new(),
            failing: None,
            delivered: false,
            final_message: None,
        });
        self.channels.last_mut().unwrap()
    }

    /// Returns the channels that were told, in the order in which they first were told or missed a message.
    pub fn told_channels(&self) -> Vec<&Channel> {
        self.channels.iter().filter(|channel| channel.order.is_some()).collect()
    }

    /// Returns since when no delivery to a recipient has worked.
    pub fn fails_since(&self, name: &str) -> Option<Time> {
        let channels: Vec<&Channel> = self.channels.iter().filter(|channel| channel.who.0 == name).collect();
        if channels.iter().any(|channel| channel.delivered) {
            return None;
        }
        channels.iter().filter_map(|channel| channel.failing).min()
    }
}

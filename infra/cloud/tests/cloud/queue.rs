//! A queue with the behaviour of SQS: a record that was not deleted comes again, and one that came too often is a dead
//! letter.

use dag_engine::{Millis, Time};

use crate::plan::Dice;

/// The visibility timeout: how long a received record is hidden from other receivers.
pub const VISIBILITY: Millis = Millis::new(180_000);

/// The number of receives after which a record is a dead letter.
pub const MOST_RECEIVES: u32 = 10;

#[derive(Clone, Debug)]
pub struct Message {
    pub id: u64,
    pub body: String,
    pub visible: Time,
    pub receives: u32,
}

#[derive(Debug, Default)]
pub struct Queue {
    pub messages: Vec<Message>,
    /// The dead letters.
    pub dead: Vec<Message>,
    next: u64,
}

impl Queue {
    pub fn send(&mut self, body: String, visible: Time) {
        self.next += 1;
        self.messages.push(Message { id: self.next, body, visible, receives: 0 });
    }

    /// Receives up to `most` records, and hides them from other receivers for a while.
    pub fn receive(&mut self, now: Time, most: usize, shuffle: Option<&mut Dice>) -> Vec<Message> {
        let (dead, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition(|message| message.visible <= now && message.receives >= MOST_RECEIVES);
        self.dead.extend(dead);
        self.messages = left;
        if let Some(dice) = shuffle {
            for at in (1..self.messages.len()).rev() {
                self.messages.swap(at, dice.below(at as u64 + 1) as usize);
            }
        }
        let there = self.messages.iter_mut().filter(|message| message.visible <= now).take(most);
        let take = |message: &mut Message| {
            message.receives += 1;
            message.visible = now + VISIBILITY;
            message.clone()
        };
        there.map(take).collect()
    }

    pub fn delete(&mut self, id: u64) {
        self.messages.retain(|message| message.id != id);
    }

    /// Returns when the next record is visible.
    pub fn next(&self) -> Option<Time> {
        self.messages.iter().map(|message| message.visible).min()
    }
}

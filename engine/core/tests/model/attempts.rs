//! The outcomes of delivery attempts.

use dag_engine::{MessageRef, Time};

use crate::{channel::Channel, model::Model};

impl Model {
    pub fn record_attempt(&mut self, message: &MessageRef) {
        self.attempt(message);
    }

    pub fn record_delivery(&mut self, message: &MessageRef) {
        if let Some(channel) = self.attempt(message) {
            channel.failing = None;
            channel.delivered = true;
        }
        if message.incident.is_some() {
            self.trouble_of_delivery_over(&message.recipient, message.channel);
        }
    }

    pub fn record_failure(&mut self, message: &MessageRef, last: bool) {
        let now: Time = self.now;
        if let Some(channel) = self.attempt(message) {
            channel.failing.get_or_insert(now);
            channel.delivered = false;
        }
        if last && message.incident.is_some() {
            self.trouble_of_delivery(&message.recipient, message.channel);
        }
    }

    /// The channel that the message went to, where it is known; what is still queued for it was attempted with it.
    fn attempt(&mut self, message: &MessageRef) -> Option<&mut Channel> {
        let incident = self.incidents.iter_mut().find(|incident| Some(incident.id) == message.incident)?;
        let who = (message.recipient.to_string(), message.channel);
        let channel = incident.channels.iter_mut().find(|channel| channel.who == who)?;
        if channel.queue.contains(&message.notification) {
            channel.attempted = true;
            channel.queue.clear();
        }
        Some(channel)
    }
}

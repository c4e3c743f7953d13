//! Attempts to deliver messages, and their results.

use crate::{
    Cause, MessageRef,
    state::{ChannelRecord, Contact},
    step::Step,
};

impl Step<'_> {
    /// A message left the queue: from now on its receiver may know of the incident.
    pub(crate) fn attempted(&mut self, message: &MessageRef) -> Option<&mut ChannelRecord> {
        let id = message.incident?;
        let incident = self.state.incidents.iter_mut().find(|incident| incident.id == id)?;
        let record = incident.channel((&message.recipient, message.channel))?;
        if record.queued.contains(&message.notification) {
            record.queued.clear();
            record.attempted = true;
        }
        Some(record)
    }

    /// A message arrived.
    pub(crate) fn delivered(&mut self, message: &MessageRef) {
        if let Some(record) = self.attempted(message) {
            record.contact = Contact::Delivered;
        }
        if message.incident.is_some() {
            let (recipient, channel) = (message.recipient.clone(), message.channel);
            self.trouble_over(&Cause::Delivery { recipient, channel }.key());
        }
    }

    /// A message did not arrive, as far as is known: it may have told somebody all the same.
    pub(crate) fn failed(&mut self, message: &MessageRef, last: bool) {
        let now = self.now;
        if let Some(record) = self.attempted(message)
            && !matches!(record.contact, Contact::Failing(_))
        {
            record.contact = Contact::Failing(now);
        }
        // Of who is not among the rules nobody need be told.
        let known = self.leads((&message.recipient, message.channel)).is_some();
        if last && known && message.incident.is_some() {
            let (recipient, channel) = (message.recipient.clone(), message.channel);
            self.trouble(Cause::Delivery { recipient, channel }, now);
        }
    }
}

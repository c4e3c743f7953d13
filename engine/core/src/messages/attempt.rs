//! What became of messages.

use crate::{
    Cause, MessageRef,
    state::{Contact, Told},
    step::Step,
};

impl Step<'_> {
    /// A message left the queue: from now on its receiver may know of the incident.
    pub(crate) fn attempted(&mut self, message: &MessageRef) -> Option<&mut Told> {
        let id = message.incident?;
        let incident = self.state.incidents.iter_mut().find(|incident| incident.id == id)?;
        let told = incident.told((&message.recipient, message.channel))?;
        if told.queued.contains(&message.notification) {
            told.queued.clear();
            told.attempted = true;
        }
        Some(told)
    }

    /// A message arrived.
    pub(crate) fn delivered(&mut self, message: &MessageRef) {
        if let Some(told) = self.attempted(message) {
            told.contact = Contact::Delivered;
        }
        if message.incident.is_some() {
            let (recipient, channel) = (message.recipient.clone(), message.channel);
            self.trouble_over(&Cause::Delivery { recipient, channel }.key());
        }
    }

    /// A message did not arrive, as far as is known: it may have told somebody all the same.
    pub(crate) fn failed(&mut self, message: &MessageRef, last: bool) {
        let now = self.now;
        if let Some(told) = self.attempted(message)
            && !matches!(told.contact, Contact::Failing(_))
        {
            told.contact = Contact::Failing(now);
        }
        // Of who is not among the rules nobody need be told.
        let known = self.leads((&message.recipient, message.channel)).is_some();
        if last && known && message.incident.is_some() {
            let (recipient, channel) = (message.recipient.clone(), message.channel);
            self.trouble(Cause::Delivery { recipient, channel }, now);
        }
    }
}

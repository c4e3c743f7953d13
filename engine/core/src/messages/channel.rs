//! Channels: where each leads, and what an incident remembers of it.

use crate::{
    Channel, Name,
    rules::Reachable,
    state::{ChannelRecord, Contact, Incident},
    step::Step,
};

impl Step<'_> {
    /// Returns where a channel leads by the rules and the account of now; `None` if it is gone.
    pub(crate) fn leads(&self, (recipient, channel): (&Name, Channel)) -> Option<Reachable> {
        let reached = if self.rules.recipients.contains_key(recipient) {
            self.rules.reach([recipient], &self.state.device)
        } else {
            self.rules.reach([&crate::rules::ACCOUNT.into()], &self.state.device)
        };
        reached.into_iter().find(|reachable| reachable.key() == (recipient, channel))
    }

    /// Returns where a channel that was told leads. It leads where it led when it was told last, if it is gone or the
    /// rule of the incident was removed.
    pub(super) fn channel(&self, incident: &Incident, record: &ChannelRecord) -> Reachable {
        let now = if incident.is_of_removed_rule() { None } else { self.leads(record.key()) };
        now.unwrap_or_else(|| Reachable {
            recipient: record.recipient.clone(),
            address: record.address.clone(),
            timezone: record.timezone.clone(),
        })
    }
}

impl Incident {
    /// Returns the record of a channel; a new one, where there is none.
    pub(super) fn record(&mut self, to: &Reachable) -> &mut ChannelRecord {
        let at = self.channels.iter().position(|record| record.key() == to.key());
        let record = at.map_or_else(|| ChannelRecord::new(to), |at| self.channels.remove(at));
        self.channels.insert_mut(at.unwrap_or(self.channels.len()), record)
    }
}

impl ChannelRecord {
    /// Remembers where the channel leads: it is told there, or misses something there.
    pub(super) fn lead_to(&mut self, to: &Reachable) {
        (self.address, self.timezone) = (to.address.clone(), to.timezone.clone());
    }

    fn new(to: &Reachable) -> ChannelRecord {
        let Reachable { recipient, address, timezone } = to.clone();
        ChannelRecord {
            recipient,
            address,
            timezone,
            attempted: false,
            queued: Vec::new(),
            firings: Vec::new(),
            last_firing_at: None,
            missed_firing: None,
            contact: Contact::Untried,
            final_message: None,
        }
    }
}

//! Channels: where each leads, and what an incident remembers of it.

use crate::{
    Channel, Name,
    rules::Reachable,
    state::{Contact, Incident, Told},
    step::Step,
};

impl Step<'_> {
    /// Where a channel leads by the rules and the account of now; `None` if it is gone.
    pub(crate) fn leads(&self, (recipient, channel): (&Name, Channel)) -> Option<Reachable> {
        let reached = if self.rules.recipients.contains_key(recipient) {
            self.rules.reach([recipient], &self.state.device)
        } else {
            self.rules.reach([&crate::rules::ACCOUNT.into()], &self.state.device)
        };
        reached.into_iter().find(|reachable| reachable.key() == (recipient, channel))
    }

    /// Where a channel that was told leads. Of a rule that was removed, and where the channel is gone, it leads where it led
    /// when it was told last.
    pub(super) fn channel(&self, incident: &Incident, told: &Told) -> Reachable {
        let now = if incident.ended_by.is_none() { self.leads(told.key()) } else { None };
        now.unwrap_or_else(|| Reachable {
            recipient: told.recipient.clone(),
            address: told.address.clone(),
            timezone: told.timezone.clone(),
        })
    }
}

impl Incident {
    /// What is remembered of a channel, with where it leads now.
    pub(super) fn noted(&mut self, to: &Reachable) -> &mut Told {
        let at = self.told.iter().position(|told| told.key() == to.key());
        let mut told = at.map_or_else(|| Told::new(to), |at| self.told.remove(at));
        (told.address, told.timezone) = (to.address.clone(), to.timezone.clone());
        self.told.insert_mut(at.unwrap_or(self.told.len()), told)
    }
}

impl Told {
    fn new(to: &Reachable) -> Told {
        let Reachable { recipient, address, timezone } = to.clone();
        Told {
            recipient,
            address,
            timezone,
            attempted: false,
            queued: Vec::new(),
            heard: Vec::new(),
            heard_at: None,
            missed: None,
            contact: Contact::Untried,
            last_word: None,
        }
    }
}

//! Fallbacks of recipients whom no delivery reaches.

use std::rc::Rc;

use dag_engine::{Id, Millis, Outcome};

use crate::{channel::Firing, model::Model, rules::ChannelKey};

impl Model {
    /// Returns the firings for the fallback of the first recipient who cannot be reached, unless the fallback has them.
    pub fn fall_back(&mut self, id: Id) -> Vec<(ChannelKey, Firing)> {
        let rules = Rc::clone(&self.rules);
        let incident = self.incident(id).clone();
        let mut recipients: Vec<String> = Vec::new();
        for channel in incident.told_channels() {
            if !recipients.contains(&channel.who.0) {
                recipients.push(channel.who.0.clone());
            }
        }
        for name in recipients {
            let mut fallen = Vec::new();
            let Some(recipient) = rules.recipient(&name) else { continue };
            let Some(to) = recipient.fallback else { continue };
            let Some(since) = incident.fails_since(&name) else { continue };
            if self.now < since + recipient.fallback_after.unwrap_or(Millis::new(5 * 60_000)) {
                continue;
            }
            let failing =
                incident.told_channels().into_iter().find(|channel| channel.who.0 == name && channel.failing.is_some());
            let Some((queued, firing)) = failing.and_then(|channel| channel.firings.last().cloned()) else { continue };
            let firing = Firing { position: self.position_of(id, &firing.key), ..firing };
            for who in rules.channels(&[to], &self.device) {
                let has_it = incident.channels.iter().filter(|channel| channel.who == who).any(|channel| {
                    let later = |had: &Firing| had.key == firing.key && had.repeat >= firing.repeat;
                    !channel.missed_firings.is_empty()
                        || channel.firings.iter().any(|(_, had)| later(had))
                        || channel.last.is_some_and(|last| last >= queued)
                });
                if !has_it {
                    fallen.push((who, firing.clone()));
                }
            }
            if !fallen.is_empty() {
                self.decide_of(id, &Outcome::FellBack { recipient: name.as_str().into(), to: to.into() });
                return fallen;
            }
        }
        Vec::new()
    }
}

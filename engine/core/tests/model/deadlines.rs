//! The moments at which time alone may decide something. A moment too many is harmless.

use std::rc::Rc;

use dag_engine::{Millis, Time, zone};

use crate::{
    model::{Model, PATIENCE},
    reports::WAIT,
    trouble::PAUSE,
    wall_clock,
};

impl Model {
    pub fn next_deadline(&self) -> Option<Time> {
        let mut moments: Vec<Time> = self.next_episode().into_iter().collect();
        moments.extend(self.waiting_reports.iter().map(|waiting| waiting.came + WAIT));
        moments.extend(self.incomplete_since.map(|since| since + PATIENCE));
        moments.extend(self.silences.iter().flat_map(|made| [made.silence.from, made.silence.until]));
        moments.extend(self.trouble_sent_at.values().map(|told| *told + PAUSE));
        moments.extend(self.quiet_ends());
        for incident in &self.incidents {
            moments.extend(self.due_dates(incident.id));
            moments.extend(incident.snooze.as_ref().map(|snooze| snooze.until));
            let lapse = self.lapses_after(incident.id);
            moments.extend(incident.acknowledgement.as_ref().and_then(|given| lapse.map(|lapse| given.at + lapse)));
            for recipient in &self.rules.recipients {
                let after = recipient.fallback_after.unwrap_or(Millis::new(5 * 60_000));
                moments.extend(incident.fails_since(recipient.name).map(|since| since + after));
            }
        }
        moments.into_iter().filter(|moment| *moment > self.now).min()
    }

    /// Returns when quiet hours end, if a message may wait for that.
    fn quiet_ends(&self) -> Vec<Time> {
        if self.incidents.is_empty() && self.troubles.is_empty() {
            return Vec::new();
        }
        let rules = Rc::clone(&self.rules);
        let quiet = rules.recipients.iter().filter_map(|recipient| Some((recipient.zone, recipient.quiet.as_ref()?)));
        let ends = quiet.filter_map(|(own, quiet)| {
            let zone = zone(own.unwrap_or(rules.zone)).unwrap();
            wall_clock::next(&zone, &[quiet.to], self.now)
        });
        ends.collect()
    }
}

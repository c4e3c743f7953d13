//! Incidents to people: who is told what. Decided at `now`, never back-dated.
//!
//! `due.rs` says which steps are due, `holding.rs` what holds an incident or a channel back, `open.rs` tells of an
//! incident that lasts, `last_word.rs` of one that is over, `fallback.rs` finds who stands in for whom, `people.rs` takes
//! acknowledgements, snoozes and silences, `attempt.rs` what became of messages, `channel.rs` knows where they go, and
//! `compose.rs` makes them.

mod attempt;
mod channel;
mod compose;
mod due;
mod fallback;
mod holding;
mod last_word;
mod open;
mod people;

pub(crate) use compose::Message;
pub(crate) use due::Firing;

use crate::{Hold, Time, engine::Step, state::Incident};

/// So many incidents that are over may wait for the end of quiet hours.
const MOST_OVER: usize = 64;

impl Step<'_> {
    /// Decides the messages of every incident and about every trouble, and forgets what is over and told.
    pub(crate) fn messages(&mut self) {
        let rules = self.rules;
        // An inhibitor comes before what it inhibits.
        for rank in 0..=rules.highest_rank {
            for at in 0..self.state.incidents.len() {
                let rule = self.state.incidents.get(at).map(|incident| rules.rule(&incident.rule));
                if rule.is_some_and(|rule| rule.map_or(0, |rule| rule.rank) == rank) {
                    self.with_incident(at, |step, incident| match incident.ended {
                        Some(_) => step.end(incident),
                        None => step.escalate(incident),
                    });
                }
            }
        }
        self.state.incidents.retain(|incident| incident.ended.is_none() || !incident.told.is_empty());
        self.make_room();
        self.troubles();
    }

    /// Lends an incident out. Meanwhile the others can be looked at: one may inhibit it.
    fn with_incident<T>(&mut self, at: usize, run: impl FnOnce(&mut Self, &mut Incident) -> T) -> T {
        let mut incident = self.state.incidents.remove(at);
        let answer = run(self, &mut incident);
        self.state.incidents.insert(at, incident);
        answer
    }

    /// Ends the wait of the oldest incidents that are over, where too many wait.
    fn make_room(&mut self) {
        let over = self.state.incidents.iter().filter(|incident| incident.ended.is_some()).count();
        for _ in MOST_OVER..over {
            let Some(at) = self.state.incidents.iter().position(|incident| incident.ended.is_some()) else { return };
            self.with_incident(at, Step::end_at_once);
            self.state.incidents.remove(at);
        }
    }

    /// When the messages of an incident are due next, if time alone makes them so.
    pub(crate) fn next_message(&self) -> Option<Time> {
        self.state.incidents.iter().filter_map(|incident| self.next_of(incident)).min()
    }

    fn next_of(&self, incident: &Incident) -> Option<Time> {
        let severity = incident.severity;
        if incident.ended.is_some() {
            return incident.told.iter().filter_map(|told| self.quiet_until(&told.recipient, severity)).min();
        }
        let rule = self.rules.rule(&incident.rule)?;
        let escalation = self.rules.escalation(rule)?;
        let due = || due::times(escalation, incident, self.now).map(|(at, _)| at).filter(|at| *at > self.now).min();
        let hold = self.hold(incident);
        let release = match hold {
            Some(Hold::Acknowledged) => incident.lapses(escalation.ack_lapses_after),
            Some(Hold::Snoozed) => incident.snoozed_until(),
            Some(Hold::Silenced) => self.silent_until(incident),
            // The end of this holding is a deadline of its own.
            Some(Hold::Closing | Hold::Inhibited) => None,
            None => {
                let missed = incident.told.iter().filter(|told| told.missed.is_some());
                let released = missed.filter_map(|told| self.quiet_until(&told.recipient, severity));
                released.chain(self.next_fallback(incident)).filter(|at| *at > self.now).min()
            }
        };
        // That something is held is noted once.
        let due = if hold.is_some() && incident.held == hold { None } else { due() };
        release.into_iter().chain(due).min()
    }
}

//! Incidents to people: who is told what. Decided at `now`, never back-dated.
//!
//! `due.rs` finds the steps that are due, `holding.rs` what holds an incident or a channel back. `open.rs` tells of an
//! incident that lasts, `final_message.rs` of one that is over. `fallback.rs` finds who stands in for whom. `people.rs`
//! applies acknowledgements, snoozes and silences, `attempt.rs` what became of messages. `channel.rs` knows where
//! messages go, and `compose.rs` makes them. `standing.rs` says how an incident stands, and changes nothing.

mod attempt;
mod channel;
mod compose;
mod due;
mod fallback;
mod final_message;
mod holding;
mod open;
mod people;
mod standing;

pub(crate) use compose::Message;
pub(crate) use due::Firing;

use crate::{Hold, Time, state::Incident, step::Step};

/// The most incidents that are over and wait for the end of quiet hours, or for missing reports.
const MOST_OVER: usize = 64;

/// The most incidents that are put in order without a list.
const FEW: usize = 32;

impl Step<'_> {
    /// Decides the messages of every incident and about every trouble, and forgets what is over and told.
    pub(crate) fn messages(&mut self) {
        let rank = |step: &Self, at: usize| {
            let rule = step.state.incidents.get(at).and_then(|incident| step.rule(&incident.rule));
            rule.map_or(0, |rule| rule.rank)
        };
        // An inhibitor comes before what it inhibits. Few incidents are not worth a list.
        if self.state.incidents.len() <= FEW {
            let mut next = Some(0);
            while let Some(current) = next.take() {
                for at in 0..self.state.incidents.len() {
                    match rank(self, at) {
                        rank if rank == current => self.message(at),
                        rank if rank > current => next = Some(next.map_or(rank, |next: u32| next.min(rank))),
                        _ => {}
                    }
                }
            }
        } else {
            let mut order: Vec<usize> = (0..self.state.incidents.len()).collect();
            order.sort_by_key(|at| rank(self, *at));
            order.into_iter().for_each(|at| self.message(at));
        }
        self.forget_told();
        self.make_room();
        self.troubles();
    }

    fn message(&mut self, at: usize) {
        self.with_incident(at, |step, incident| match incident.ended {
            Some(_) => step.send_final_messages(incident),
            None => step.escalate(incident),
        });
    }

    fn forget_told(&mut self) {
        self.state.incidents.retain(|incident| incident.ended.is_none() || !incident.channels.is_empty());
    }

    /// Sends the final messages of incidents that are over while reports are missing, where too many wait: what ended
    /// in readings that were applied is certain.
    pub(crate) fn make_room_for_readings(&mut self) {
        let untold = |incident: &Incident| incident.ended.is_some() && !incident.final_messages_decided;
        if self.state.incidents.iter().filter(|incident| untold(incident)).count() < MOST_OVER {
            return;
        }
        for at in 0..self.state.incidents.len() {
            if self.state.incidents.get(at).is_some_and(untold) {
                self.message(at);
            }
        }
        self.forget_told();
        self.make_room();
    }

    /// Lends an incident out. Meanwhile the others can be looked at: one may inhibit it.
    fn with_incident(&mut self, at: usize, run: impl FnOnce(&mut Self, &mut Incident)) {
        let Some(place) = self.state.incidents.get_mut(at) else { return };
        let mut incident = std::mem::replace(place, Incident::lent());
        run(self, &mut incident);
        if let Some(place) = self.state.incidents.get_mut(at) {
            *place = incident;
        }
    }

    /// Ends the wait of the oldest incidents that are over, where too many wait.
    fn make_room(&mut self) {
        let over = self.state.incidents.iter().filter(|incident| incident.final_messages_decided).count();
        let mut excess = over.saturating_sub(MOST_OVER);
        if excess == 0 {
            return;
        }
        for at in 0..self.state.incidents.len() {
            if excess > 0 && self.state.incidents.get(at).is_some_and(|incident| incident.final_messages_decided) {
                excess -= 1;
                self.with_incident(at, Step::send_final_messages_at_once);
            }
        }
        self.forget_told();
    }

    /// When the messages of an incident are due next, if time alone makes them so.
    pub(crate) fn next_message(&self) -> Option<Time> {
        let incidents = &self.state.incidents;
        let next = incidents.iter().filter_map(|incident| self.next_of(incident));
        // Where something is held back already, a silence that begins is another reason.
        let silences = self.state.silences.iter().map(|silenced| silenced.silence.from);
        next.chain(silences.filter(|from| *from > self.now && !incidents.is_empty())).min()
    }

    fn next_of(&self, incident: &Incident) -> Option<Time> {
        let severity = incident.severity;
        if incident.ended.is_some() {
            return incident.channels.iter().filter_map(|record| self.quiet_until(&record.recipient, severity)).min();
        }
        let rule = self.rule(&incident.rule)?;
        let escalation = self.rules.escalation(rule)?;
        let due = || due::times(escalation, incident, self.now).map(|(at, _)| at).filter(|at| *at > self.now).min();
        let hold = self.hold(incident);
        let release = match hold {
            Some(Hold::Snoozed) => incident.snoozed_until(),
            Some(Hold::Silenced) => self.silent_until(incident),
            // The end of this holding is a deadline of its own.
            Some(Hold::Closing | Hold::Acknowledged | Hold::Inhibited) => None,
            None => {
                let missed_firing = incident.channels.iter().filter(|record| record.missed_firing.is_some());
                let released = missed_firing.filter_map(|record| self.quiet_until(&record.recipient, severity));
                released.chain(self.next_fallback(incident)).filter(|at| *at > self.now).min()
            }
        };
        // That something is held is noted once.
        let due = if hold.is_some() && incident.last_hold == hold { None } else { due() };
        let lapses = incident.lapses(escalation.ack_lapses_after);
        release.into_iter().chain(lapses).chain(due).min()
    }
}

//! Incidents to people: what is due, what holds it, and what each channel gets.

use std::rc::Rc;

use dag_engine::{Hold, Id, Kind, Millis, Outcome, Severity, Time, Withholding};

use crate::{
    ids,
    model::{Fired, Incident, Model},
    rules::{Hook, Place, Rule, Script, Step, Who},
    said::{About, Message},
};

/// What an incident remembers of a channel.
#[derive(Clone, Debug)]
pub struct Channel {
    pub who: Who,
    /// Which of the incident's channels to be told this was; none where it was not told.
    pub told: Option<usize>,
    /// Where it led when it was told, or missed something, last.
    pub place: Option<Place>,
    pub attempted: bool,
    /// Messages that may still be withdrawn.
    pub queue: Vec<Id>,
    /// What was queued for it or withheld by the script, and when.
    pub firings: Vec<(Time, Firing)>,
    /// When anything came last.
    pub last: Option<Time>,
    pub missed: Vec<Firing>,
    pub failing: Option<Time>,
    /// The last outcome of an attempt was a delivery.
    pub delivered: bool,
    pub last_word: Option<Kind>,
}

/// A step or its repeat, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    pub key: Key,
    /// Where the step stands.
    pub position: u32,
    pub repeat: u32,
}

/// What a step that fired is known by.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Name(&'static str),
    Position(u32),
}

impl Key {
    fn of(step: &Step, position: u32) -> Self {
        step.name.map_or(Key::Position(position), Key::Name)
    }

    pub fn is(&self, step: &Step, position: u32) -> bool {
        match self {
            Key::Name(name) => step.name == Some(name),
            Key::Position(known) => *known == position,
        }
    }

    /// What ids hold of it.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Key::Name(name) => name.as_bytes().to_vec(),
            Key::Position(position) => position.to_be_bytes().to_vec(),
        }
    }
}

impl Firing {
    pub fn kind(&self) -> Kind {
        match (self.position, self.repeat) {
            (0, 0) => Kind::Opened,
            (_, 0) => Kind::Escalated,
            (_, _) => Kind::Reminder,
        }
    }
}

impl Incident {
    pub fn channel(&mut self, who: &Who) -> &mut Channel {
        if let Some(place) = self.channels.iter().position(|channel| channel.who == *who) {
            return &mut self.channels[place];
        }
        self.channels.push(Channel {
            who: who.clone(),
            told: None,
            place: None,
            attempted: false,
            queue: Vec::new(),
            firings: Vec::new(),
            last: None,
            missed: Vec::new(),
            failing: None,
            delivered: false,
            last_word: None,
        });
        self.channels.last_mut().unwrap()
    }

    /// Those that were told. They stand in the order in which they first were told or missed something.
    pub fn told(&self) -> Vec<&Channel> {
        self.channels.iter().filter(|channel| channel.told.is_some()).collect()
    }
}

/// A message that goes out, unless the script withholds it.
struct Outgoing {
    who: Who,
    kind: Kind,
    firing: Firing,
}

impl Model {
    /// Where 64 incidents are over and undecided while reports are missing, those alone.
    pub fn send_last_words_of_many(&mut self) {
        let undecided = self.incidents.iter().filter(|incident| incident.ended.is_some() && !incident.decided);
        let undecided: Vec<Id> = undecided.map(|incident| incident.id).collect();
        if undecided.len() >= 64 {
            undecided.into_iter().for_each(|id| self.send_last_words(id));
            self.limit_those_that_wait();
        }
    }

    pub fn send_messages(&mut self) {
        let mut order: Vec<(usize, usize, Id)> = Vec::new();
        for (place, incident) in self.incidents.iter().enumerate() {
            order.push((self.rules.rank(&incident.rule), place, incident.id));
        }
        order.sort();
        for (_, _, id) in order {
            if self.seen(id).ended.is_some() {
                self.send_last_words(id);
            } else {
                self.send_open(id);
            }
        }
        self.limit_those_that_wait();
        self.send_troubles();
    }

    pub fn seen(&self, id: Id) -> &Incident {
        self.incidents.iter().find(|incident| incident.id == id).unwrap()
    }

    pub fn incident(&mut self, id: Id) -> &mut Incident {
        self.incidents.iter_mut().find(|incident| incident.id == id).unwrap()
    }

    /// Decides something about an incident's messages.
    pub fn decide_of(&mut self, id: Id, outcome: &Outcome) {
        let rule = self.seen(id).rule.clone();
        self.decide(self.now, Some(&rule), Some(id), outcome);
    }

    pub fn withhold(&mut self, id: Id, kind: Kind, who: &Who, reason: Withholding) {
        self.decide_of(id, &Outcome::Withheld { kind, recipient: who.0.as_str().into(), channel: who.1, reason });
    }

    fn send_open(&mut self, id: Id) {
        let rules = Rc::clone(&self.rules);
        let name = self.seen(id).rule.clone();
        let rule = rules.rule(&name).unwrap();
        self.lapse(id, rule);
        let due = self.due(id, rule);
        if let Some(reason) = self.hold(id) {
            return self.held(id, due.first(), reason);
        }
        if let Some(first) = due.first().filter(|(firing, _)| firing.position == 0 && firing.repeat == 0) {
            let reached = self.reached(id, rule, &first.1);
            if !reached.is_empty() && reached.iter().all(|who| self.inhibited(id, who)) {
                return self.held(id, Some(first), Hold::Inhibited);
            }
        }
        if !due.is_empty() {
            self.incident(id).held = None;
        }
        // In the order of their first appearance: what fires now for a channel.
        let mut firings: Vec<(Who, Vec<Firing>)> = Vec::new();
        for (firing, step) in &due {
            for who in self.fire(id, rule, firing, step) {
                add(&mut firings, who, firing.clone());
            }
        }
        for channel in self.seen(id).channels.clone() {
            if !channel.missed.is_empty() && firings.iter().all(|(who, _)| *who != channel.who) {
                firings.push((channel.who, Vec::new()));
            }
        }
        self.serve(id, firings);
        loop {
            let fallen = self.fall_back(id);
            if fallen.is_empty() {
                break;
            }
            self.serve(id, fallen.into_iter().map(|(who, firing)| (who, vec![firing])).collect());
        }
    }

    fn serve(&mut self, id: Id, firings: Vec<(Who, Vec<Firing>)>) {
        let mut outgoing = Vec::new();
        for (who, now) in firings {
            outgoing.extend(self.choose(id, who, &now));
        }
        self.send(id, outgoing);
    }

    fn lapse(&mut self, id: Id, rule: &Rule) {
        let now = self.now;
        let lapse = self.rules.escalations[rule.escalation].ack_lapses_after;
        let Some(given) = &mut self.incident(id).acknowledgement else { return };
        if given.holds && lapse.is_some_and(|lapse| given.at + lapse <= now) {
            given.holds = false;
            let by = given.by.clone();
            self.decide_of(id, &Outcome::AcknowledgementLapsed { by });
        }
    }

    /// What is due of the escalation's steps, in their order.
    fn due(&self, id: Id, rule: &Rule) -> Vec<(Firing, Step)> {
        let mut due = Vec::new();
        for (firing, at, step) in self.dates(id, rule) {
            if at <= self.now {
                due.push((firing, step));
            }
        }
        due
    }

    /// When each step, or its last repeat up to now, or its next one, is due.
    fn dates(&self, id: Id, rule: &Rule) -> Vec<(Firing, Time, Step)> {
        let now = self.now;
        let steps = self.rules.escalations[rule.escalation].steps.clone();
        let incident = self.seen(id);
        let mut dates = Vec::new();
        for (position, step) in (0..).zip(steps) {
            let fired = incident.fired.iter().find(|fired| fired.key.is(&step, position));
            // A step goes on under the name, or without one, that it had when it first fired.
            let key = fired.map_or(Key::of(&step, position), |fired| fired.key.clone());
            let firing = |repeat| Firing { key: key.clone(), position, repeat };
            match fired {
                None => {
                    let at_once = position == 0 || step.after == Millis::ZERO;
                    let from = incident.alerted_at.map(|alerted| alerted + step.after);
                    let at = if position == 0 { Some(incident.opened_at) } else { from };
                    let at = at.or(at_once.then_some(incident.opened_at));
                    dates.extend(at.map(|at| (firing(0), at, step.clone())));
                }
                Some(fired) => {
                    let Some(repeat) = step.repeat else { continue };
                    let most = step.at_most.unwrap_or(u32::MAX);
                    let mut number = fired.repeat;
                    let mut at = fired.at;
                    let mut found = None;
                    // Moment by moment; those up to the last firing are gone by.
                    loop {
                        at = at + repeat;
                        if at <= fired.last {
                            continue;
                        }
                        if number >= most || (found.is_some() && at > now) || at == Time::MAX {
                            break;
                        }
                        number += 1;
                        found = Some((firing(number), at, step.clone()));
                    }
                    dates.extend(found);
                }
            }
        }
        dates
    }

    /// Where a step that fired stands now: at 0 where it stands nowhere.
    pub fn stands(&self, id: Id, key: &Key) -> u32 {
        let incident = self.seen(id);
        let rule = self.rules.rule(&incident.rule).filter(|_| !incident.removed);
        let steps = rule.map_or(&[][..], |rule| &self.rules.escalations[rule.escalation].steps);
        let place = (0..).zip(steps).find(|(position, step)| key.is(step, *position));
        place.map_or(0, |(position, _)| position)
    }

    /// Moments at which something may become due.
    pub fn due_dates(&self, id: Id) -> Vec<Time> {
        let rules = Rc::clone(&self.rules);
        let name = self.seen(id).rule.clone();
        let Some(rule) = rules.rule(&name) else { return Vec::new() };
        self.dates(id, rule).into_iter().map(|(_, at, _)| at).collect()
    }

    fn hold(&self, id: Id) -> Option<Hold> {
        let (now, rule) = (self.now, self.seen(id).rule.clone());
        let closing = self.is_closing(&rule);
        let silenced = self.silenced(&rule);
        let incident = self.seen(id);
        let acknowledged = incident.acknowledgement.as_ref().is_some_and(|given| given.holds);
        let snoozed = incident.snooze.as_ref().is_some_and(|snooze| now < snooze.until);
        let holds = [
            (closing, Hold::Closing),
            (acknowledged, Hold::Acknowledged),
            (snoozed, Hold::Snoozed),
            (silenced, Hold::Silenced),
        ];
        holds.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
    }

    fn held(&mut self, id: Id, due: Option<&(Firing, Step)>, reason: Hold) {
        let Some((firing, _)) = due else { return };
        let held = Some(reason);
        if self.seen(id).held != held {
            self.incident(id).held = held;
            self.decide_of(id, &Outcome::Held { step: firing.position, reason });
        }
    }

    /// Whom a step reaches: those whom it names, or whom the script names.
    pub fn reached(&mut self, id: Id, rule: &Rule, step: &Step) -> Vec<Who> {
        let battery = if rule.script == Some(Script::People) { self.facts.get("battery") } else { None };
        match Hook::by(battery) {
            Hook::AnswersItsOwn => self.rules.channels(&["nor"], &self.device),
            hook => {
                if hook == Hook::Fails {
                    self.hook_failed_of(id, "recipients");
                }
                let channels = self.rules.channels(&step.notify, &self.device);
                // Whoever reaches nobody has failed.
                if hook == Hook::LeavesIt && rule.script == Some(Script::People) && channels.is_empty() {
                    self.hook_failed_of(id, "recipients");
                }
                channels
            }
        }
    }

    fn fire(&mut self, id: Id, rule: &Rule, firing: &Firing, step: &Step) -> Vec<Who> {
        let now = self.now;
        let Firing { key, position, repeat } = firing.clone();
        self.decide_of(id, &Outcome::Fired { step: position, repeat });
        let incident = self.incident(id);
        match incident.fired.iter_mut().find(|fired| fired.key.is(step, position)) {
            Some(fired) => (fired.repeat, fired.last) = (repeat, now),
            None => incident.fired.push(Fired { key, at: now, last: now, repeat }),
        }
        if position == 0 {
            incident.alerted_at.get_or_insert(now);
        }
        let reached = self.reached(id, rule, step);
        if reached.is_empty() {
            self.decide_of(id, &Outcome::NobodyToTell { step: position });
        }
        reached
    }

    /// What fires for the fallback of the first of those who cannot be reached, where it does not know.
    fn fall_back(&mut self, id: Id) -> Vec<(Who, Firing)> {
        let rules = Rc::clone(&self.rules);
        let incident = self.seen(id).clone();
        let mut recipients: Vec<String> = Vec::new();
        for channel in incident.told() {
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
                incident.told().into_iter().find(|channel| channel.who.0 == name && channel.failing.is_some());
            let Some((queued, firing)) = failing.and_then(|channel| channel.firings.last().cloned()) else { continue };
            let firing = Firing { position: self.stands(id, &firing.key), ..firing };
            for who in rules.channels(&[to], &self.device) {
                let has_it = incident.channels.iter().filter(|channel| channel.who == who).any(|channel| {
                    let later = |had: &Firing| had.key == firing.key && had.repeat >= firing.repeat;
                    !channel.missed.is_empty()
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

    /// Takes what fires now for a channel: it misses it, or gets one message.
    fn choose(&mut self, id: Id, who: Who, now: &[Firing]) -> Option<Outgoing> {
        let severity = self.seen(id).severity;
        let quiet = self.rules.quiet(&who.0, severity, self.now);
        let inhibited = self.inhibited(id, &who);
        let was_told = self.seen(id).channels.iter().any(|channel| channel.who == who && channel.told.is_some());
        let released = if was_told { Kind::Reminder } else { Kind::Opened };
        if self.rules.place(&who, &self.device).is_none() {
            self.withhold(id, released, &who, Withholding::RecipientGone);
            self.incident(id).channel(&who).missed.clear();
            self.incident(id).channels.retain(|channel| channel.who != who || channel.told.is_some());
            return None;
        }
        if quiet || inhibited {
            let reason = if quiet { Withholding::Quiet } else { Withholding::Inhibited };
            let mut now = now.to_vec();
            now.sort_by_key(|firing| (firing.position, firing.repeat));
            for firing in now {
                self.withhold(id, firing.kind(), &who, reason);
                let place = self.rules.place(&who, &self.device);
                let channel = self.incident(id).channel(&who);
                channel.place = place;
                channel.missed.push(firing);
            }
            return None;
        }
        let known = self.incident(id).channels.iter_mut().find(|channel| channel.who == who);
        let missed = known.map_or(Vec::new(), |channel| std::mem::take(&mut channel.missed));
        let latest = now.iter().max_by_key(|firing| (firing.position, firing.repeat));
        let first = now.iter().find(|firing| firing.position == 0 && firing.repeat == 0);
        let (kind, firing) = match missed.last() {
            Some(missed) => {
                let missed = Firing { position: self.stands(id, &missed.key), ..missed.clone() };
                (released, latest.cloned().unwrap_or(missed))
            }
            None => {
                let firing = first.or(latest)?.clone();
                (firing.kind(), firing)
            }
        };
        for other in now.iter().filter(|other| **other != firing) {
            self.withhold(id, other.kind(), &who, Withholding::OneMessageAStep);
        }
        Some(Outgoing { who, kind, firing })
    }

    fn send(&mut self, id: Id, mut outgoing: Vec<Outgoing>) {
        let order = |out: &Outgoing| (out.firing.position, out.firing.repeat, out.kind);
        outgoing.sort_by_key(order);
        for group in outgoing.chunk_by(|a, b| order(a) == order(b)) {
            let allowed = self.allows(id);
            for Outgoing { who, kind, firing } in group {
                if !allowed {
                    self.withhold(id, *kind, who, Withholding::Script);
                }
                let now = self.now;
                let message = allowed.then(|| {
                    let place = self.rules.place(who, &self.device).unwrap();
                    self.tell(id, *kind, &firing.key.bytes(), (firing.position, firing.repeat), who, place)
                });
                let channel = self.incident(id).channel(who);
                channel.last = Some(now);
                channel.firings.push((now, firing.clone()));
                if let Some(message) = message {
                    self.note_told(id, who, message);
                }
            }
        }
    }

    /// A message was queued for a channel.
    pub fn note_told(&mut self, id: Id, who: &Who, message: Id) {
        let place = self.rules.place(who, &self.device);
        let incident = self.incident(id);
        let told = incident.channels.iter().filter_map(|channel| channel.told).max().map_or(0, |last| last + 1);
        let channel = incident.channel(who);
        channel.told.get_or_insert(told);
        channel.place = place.or(channel.place.take());
        if !channel.attempted {
            channel.queue.push(message);
        }
    }

    /// Whether the script lets messages of one step, repeat and kind go.
    pub fn allows(&mut self, id: Id) -> bool {
        // What ended with its rule is no rule's business any more.
        if self.seen(id).removed {
            return true;
        }
        let rule = self.seen(id).rule.clone();
        if self.rules.rule(&rule).is_none_or(|rule| rule.script != Some(Script::People)) {
            return true;
        }
        match Hook::by(self.facts.get("battery")) {
            Hook::Fails => {
                self.hook_failed_of(id, "allow");
                true
            }
            Hook::AnswersItsOwn => false,
            Hook::LeavesIt => true,
        }
    }

    /// Puts a message out. `step` is what its id holds of the step.
    pub fn tell(
        &mut self,
        id: Id,
        kind: Kind,
        step: &[u8],
        (position, repeat): (u32, u32),
        who: &Who,
        to: Place,
    ) -> Id {
        let now = self.now;
        let incident = self.seen(id).clone();
        let standing = self.standings.get(&incident.rule);
        let unseen = incident.ended.is_none() && standing.is_some_and(|standing| standing.answer.is_none());
        let acknowledged = incident.acknowledgement.as_ref().map(|given| (given.by.clone(), given.at, given.number));
        let message = ids::message(id, kind, step, repeat, &who.0, who.1);
        let about = About::Incident {
            rule: incident.rule.clone(),
            incident: id,
            number: incident.number,
            severity: incident.severity,
            since: incident.since,
            opened_at: incident.opened_at,
            ended: incident.ended,
            removed: incident.removed,
            acknowledged,
            unseen,
            uncertain: incident.since_uncertain || (incident.ended.is_some() && incident.ended_uncertain),
        };
        let told = Message {
            id: message,
            kind,
            step: position,
            repeat,
            recipient: who.0.as_str().into(),
            channel: who.1,
            to: to.address,
            zone: to.zone,
            at: now,
            about,
        };
        self.say(now, Some(&incident.rule), Some(id), format!("told {told}"));
        self.told.push(told);
        message
    }

    /// Whether another incident that the channel was told of inhibits this one.
    pub fn inhibited(&self, id: Id, who: &Who) -> bool {
        let Some(incident) = self.incidents.iter().find(|incident| incident.id == id) else { return false };
        self.incidents.iter().any(|other| {
            let rule = self.rules.rule(&other.rule);
            rule.is_some_and(|rule| rule.inhibits.iter().any(|inhibited| incident.rule == *inhibited))
                && other.ended.is_none()
                && other.severity >= incident.severity
                && other.channels.iter().any(|channel| channel.who == *who && channel.told.is_some())
        })
    }

    /// Whether it is quiet for what is of this severity.
    pub fn quiet(&self, who: &Who, severity: Severity) -> bool {
        self.rules.quiet(&who.0, severity, self.now)
    }
}

impl Incident {
    /// Since when a recipient has failed.
    pub fn fails_since(&self, name: &str) -> Option<Time> {
        let channels: Vec<&Channel> = self.channels.iter().filter(|channel| channel.who.0 == name).collect();
        if channels.iter().any(|channel| channel.delivered) {
            return None;
        }
        channels.iter().filter_map(|channel| channel.failing).min()
    }
}

fn add(firings: &mut Vec<(Who, Vec<Firing>)>, who: Who, firing: Firing) {
    match firings.iter_mut().find(|(other, _)| *other == who) {
        Some((_, firings)) => firings.push(firing),
        None => firings.push((who, vec![firing])),
    }
}

//! Trouble of the monitor itself: the operators are told of each cause once while it lasts.

use crate::{
    About, Cause, Channel, HeldMessage, Id, Kind, Millis, Name, Outcome, Refusal, Severity, Time, TroubleSnapshot,
    Withholding,
    messages::Message,
    rules::Reachable,
    state::{Phase, State, SystemTrouble},
    step::Step,
};

/// The time for which the operators are left in peace after a message about a cause.
const PEACE: Millis = Millis::new(6 * 3_600_000);

/// The longest word of a host for its trouble, and the longest text, in bytes.
const LONGEST_WORD: usize = 64;
const LONGEST_TEXT: usize = 1_000;

/// The severity of every trouble.
const SEVERITY: Severity = Severity::Warning;

impl Step<'_> {
    /// A trouble begins, unless it lasts already.
    pub(crate) fn trouble(&mut self, cause: Cause, since: Time) {
        let key = cause.key();
        let before = self.state.troubles.get_mut(&key);
        if let Some(trouble) = before {
            trouble.cause = cause.clone();
            if std::mem::replace(&mut trouble.lasts, true) {
                return;
            }
            trouble.since = since;
            trouble.announced = false;
        } else {
            let cause = cause.clone();
            let trouble = SystemTrouble {
                cause,
                since,
                lasts: true,
                announced: false,
                last_announced: None,
                waiting: Vec::new(),
            };
            self.state.troubles.insert(key, trouble);
        }
        let rule = match &cause {
            Cause::Script { rule, .. } => Some(rule.clone()),
            _ => None,
        };
        self.decide(since, rule.as_ref(), None, Outcome::Troubled { cause });
    }

    /// A trouble is over.
    pub(crate) fn trouble_over(&mut self, key: &str) {
        let Some(trouble) = self.state.troubles.get_mut(key).filter(|trouble| trouble.lasts) else { return };
        trouble.lasts = false;
        let waiting = std::mem::take(&mut trouble.waiting);
        self.decide(self.now, None, None, Outcome::TroubleOver { key: key.to_owned() });
        for (recipient, channel) in waiting {
            let reason = Withholding::TroubleOver;
            self.decide(self.now, None, None, Outcome::Withheld { kind: Kind::System, recipient, channel, reason });
        }
    }

    /// A fact became known, or unknown.
    pub(crate) fn sensor(&mut self, fact: &Name, was_known: bool, at: Time) {
        let cause = Cause::Sensor { fact: fact.clone(), rules: self.left_waiting(fact) };
        if was_known { self.trouble(cause, at) } else { self.trouble_over(&cause.key()) }
    }

    /// The rules that a fact leaves pending or closing.
    fn left_waiting(&self, fact: &Name) -> Vec<Name> {
        let readers = self.rules.readers.get(fact).into_iter().flatten();
        let rules = readers.filter_map(|position| self.rules.rules.get(*position));
        let waiting = rules.filter(|rule| {
            self.state.rules.get(&rule.name).is_some_and(|rule_state| {
                rule_state.unanswered && matches!(rule_state.phase, Phase::Pending { .. } | Phase::Closing { .. })
            })
        });
        waiting.map(|rule| rule.name.clone()).collect()
    }

    /// The host says what is wrong with itself, or that it no longer is.
    pub(crate) fn host_trouble(&mut self, about: Name, text: Option<String>) {
        if about.len() > LONGEST_WORD {
            return self.refuse(Refusal::TooLong, "a trouble of the host");
        }
        match text {
            Some(mut text) => {
                text.truncate(text.floor_char_boundary(LONGEST_TEXT));
                self.trouble(Cause::Host { about, text }, self.now);
            }
            None => self.trouble_over(&Cause::Host { about, text: String::new() }.key()),
        }
    }

    /// Under other rules no script has failed yet, and what is gone troubles nobody.
    pub(crate) fn forget_troubles(&mut self) {
        let gone = |trouble: &SystemTrouble| match &trouble.cause {
            Cause::Sensor { fact, .. } => self.rules.fact(fact).is_none(),
            Cause::Script { .. } => true,
            Cause::Delivery { recipient, channel } => self.leads((recipient, *channel)).is_none(),
            Cause::Host { .. } => false,
        };
        let gone = self.state.troubles.iter().filter(|(_, trouble)| trouble.lasts && gone(trouble));
        let gone: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.trouble_over(key));
        // What is over and may be told at once when it comes again need not be remembered. Elsewhere it is: steps that
        // nobody asked for, before a clock is set back, would else end a peace.
        let now = self.now;
        self.state.troubles.retain(|_, trouble| trouble.lasts || trouble.peace_until() > now);
    }

    /// Tells the operators.
    pub(crate) fn troubles(&mut self) {
        if self.state.troubles.is_empty() {
            return;
        }
        let now = self.now;
        let operators = self.rules.reach(&self.rules.operators, &self.state.device);
        let mut troubles = std::mem::take(&mut self.state.troubles);
        for (key, trouble) in troubles.iter_mut().filter(|(_, trouble)| trouble.lasts) {
            if trouble.is_unannounced() && trouble.peace_until() <= now && !operators.is_empty() {
                self.state.announcements += 1;
                trouble.announced = true;
                trouble.last_announced = Some((now, self.state.announcements));
                trouble.waiting = operators.iter().map(|channel| owned(channel.key())).collect();
            }
            self.tell_operators(key, trouble, &operators);
        }
        self.state.troubles = troubles;
    }

    /// Tells those who have not been told yet, and whom their quiet hours do not hold.
    fn tell_operators(&mut self, key: &str, trouble: &mut SystemTrouble, operators: &[Reachable]) {
        let Some((_, number)) = trouble.last_announced.filter(|_| !trouble.waiting.is_empty()) else { return };
        if let Cause::Sensor { fact, rules } = &mut trouble.cause {
            *rules = self.left_waiting(fact);
        }
        let about = About::Trouble(TroubleSnapshot { cause: trouble.cause.clone(), since: trouble.since, number });
        let message = Message { kind: Kind::System, step: 0, repeat: 0, about, wording: None };
        for (recipient, channel) in std::mem::take(&mut trouble.waiting) {
            if self.quiet_until(&recipient, SEVERITY).is_some() {
                trouble.waiting.push((recipient, channel));
                continue;
            }
            let Some(to) = operators.iter().find(|to| to.key() == (&recipient, channel)) else {
                let (kind, reason) = (Kind::System, Withholding::RecipientGone);
                self.decide(self.now, None, None, Outcome::Withheld { kind, recipient, channel, reason });
                continue;
            };
            let id = Id::of(&[
                b"system",
                self.state.device.id.as_bytes(),
                key.as_bytes(),
                &number.to_be_bytes(),
                recipient.as_bytes(),
                channel.as_str().as_bytes(),
            ]);
            let notification = self.notification(id, &message, to.clone(), self.state.fact_snapshots());
            self.decide(self.now, None, None, Outcome::Notify(Box::new(notification)));
        }
    }

    /// Returns the messages to the operators about the troubles of `state` that quiet hours hold back.
    pub(crate) fn held_announcements(&self, state: &State) -> impl Iterator<Item = HeldMessage> {
        let waiting = state.troubles.values().flat_map(|trouble| &trouble.waiting);
        waiting.filter_map(|(recipient, channel)| {
            Some(HeldMessage {
                recipient: recipient.clone(),
                channel: *channel,
                kind: Kind::System,
                until: self.quiet_until(recipient, SEVERITY)?,
                incident: None,
            })
        })
    }

    /// When an operator is told next, if time alone makes it so.
    pub(crate) fn next_trouble(&self) -> Option<Time> {
        let lasting = self.state.troubles.values().filter(|trouble| trouble.lasts);
        let next = lasting.flat_map(|trouble| {
            let peace = trouble.is_unannounced().then(|| trouble.peace_until());
            let quiet = trouble.waiting.iter().filter_map(|(recipient, _)| self.quiet_until(recipient, SEVERITY));
            peace.into_iter().chain(quiet)
        });
        next.filter(|at| *at > self.now).min()
    }
}

impl SystemTrouble {
    fn is_unannounced(&self) -> bool {
        !self.announced
    }

    /// Until when no further message about it is sent.
    fn peace_until(&self) -> Time {
        self.last_announced.map_or(Time::MIN, |(at, _)| at + PEACE)
    }
}

fn owned((recipient, channel): (&Name, Channel)) -> (Name, Channel) {
    (recipient.clone(), channel)
}

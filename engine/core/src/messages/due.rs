//! The steps of an escalation that are due, and when.

use crate::{
    Kind, Millis, Name, Time,
    rules::{Escalation, Rule, Ruleset},
    state::{FiredStep, FiringKey, Incident, StepKey},
};

/// A step that fires, or a repeat of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Firing {
    /// By what the step is known again.
    pub key: StepKey,
    /// Where it stands now.
    pub step: u32,
    /// 0 for the step itself.
    pub repeat: u32,
}

impl Firing {
    /// The first step itself.
    pub fn first(escalation: &Escalation) -> Firing {
        let name = escalation.steps.first().and_then(|step| step.name.clone());
        Firing { key: name.map_or(StepKey::Position(0), StepKey::Name), step: 0, repeat: 0 }
    }

    pub fn kind(&self) -> Kind {
        match (self.step, self.repeat) {
            (0, 0) => Kind::Opened,
            (_, 0) => Kind::Escalated,
            _ => Kind::Reminder,
        }
    }

    pub fn firing_key(&self) -> FiringKey {
        FiringKey(self.key.clone(), self.repeat)
    }
}

/// Returns what each step fires next, and when: itself, or the next of its repeats. Where several repeats are due at
/// `now`, it is the latest: repeats that were missed collapse into the last.
pub(super) fn times<'a>(
    escalation: &'a Escalation,
    incident: &'a Incident,
    now: Time,
) -> impl Iterator<Item = (Time, Firing)> + 'a {
    escalation.steps.iter().zip(0_u32..).filter_map(move |(step, position)| {
        let Some(fired) = fired(incident, step.name.as_ref(), position) else {
            let at = match incident.alerted_at {
                Some(alerted_at) => alerted_at + step.after,
                // The first step, and those that follow it without delay.
                None if step.after == Millis::ZERO => incident.opened_at,
                None => return None,
            };
            let key = step.name.clone().map_or(StepKey::Position(position), StepKey::Name);
            return Some((at, Firing { key, step: position, repeat: 0 }));
        };
        let every = step.repeat?;
        let times = |until: Time| u32::try_from(until.since(fired.at).get() / every.get().max(1)).unwrap_or(u32::MAX);
        // Counted on from the last one, so that a `repeat` that was made longer leaves no long silence.
        let passed = times(fired.last);
        let missed = times(now).saturating_sub(passed).max(1);
        let left = step.at_most.unwrap_or(u32::MAX).saturating_sub(fired.repeats);
        let more = missed.min(left);
        let firing = Firing { key: fired.step.clone(), step: position, repeat: fired.repeats.saturating_add(more) };
        let at = fired.at + every.times(passed.saturating_add(more));
        // At the calendar's end the next one would be due as the last one fires, and so without an end.
        (more > 0 && at > fired.last).then_some((at, firing))
    })
}

/// Notes that a step fired.
pub(super) fn note_fired(incident: &mut Incident, firing: &Firing, now: Time) {
    if firing.step == 0 && firing.repeat == 0 {
        // Another step may have come to stand first: the later ones count from the first alert all the same.
        incident.alerted_at.get_or_insert(now);
    }
    match incident.fired_steps.iter_mut().find(|fired| fired.step == firing.key) {
        Some(fired) => (fired.repeats, fired.last) = (firing.repeat, now),
        None => incident.fired_steps.push(FiredStep { step: firing.key.clone(), at: now, last: now, repeats: 0 }),
    }
}

/// A firing that was remembered, where its step stands now. A step that is gone stands first.
pub(super) fn recalled(rules: &Ruleset, rule: Option<&Rule>, key: &FiringKey) -> Firing {
    let FiringKey(key, repeat) = key.clone();
    let step = rule.and_then(|rule| position(rules, rule, &key)).unwrap_or(0);
    Firing { key, step, repeat }
}

/// The step that first fired last, and its repeat: what an incident's last messages carry.
pub(super) fn last(rules: &Ruleset, rule: Option<&Rule>, incident: &Incident) -> Firing {
    let last = incident.fired_steps.iter().max_by_key(|fired| fired.at);
    let last = last.map(|fired| FiringKey(fired.step.clone(), fired.repeats));
    recalled(rules, rule, &last.unwrap_or(FiringKey(StepKey::Position(0), 0)))
}

fn fired<'a>(incident: &'a Incident, name: Option<&Name>, position: u32) -> Option<&'a FiredStep> {
    incident.fired_steps.iter().find(|fired| is(&fired.step, name, position))
}

/// Returns where a step that fired stands in the rules of today.
fn position(rules: &Ruleset, rule: &Rule, key: &StepKey) -> Option<u32> {
    let steps = rules.escalation(rule)?.steps.iter().zip(0_u32..);
    steps.into_iter().find_map(|(step, position)| is(key, step.name.as_ref(), position).then_some(position))
}

/// Returns whether this is the step that has this name, if any, and stands here. A step that had no name is known by
/// its position, also after it was given one.
fn is(key: &StepKey, name: Option<&Name>, position: u32) -> bool {
    match key {
        StepKey::Name(fired) => Some(fired) == name,
        StepKey::Position(fired) => *fired == position,
    }
}

//! Reloads: what carries over to other rules.

use std::rc::Rc;

use dag_engine::{EndedBy, Outcome};

use crate::{
    episodes::{Cause, Phase, RuleState, TurnedFalse, Wait},
    model::Model,
    rules::{Rule, Rules},
};

impl Model {
    pub fn reload(&mut self, rules: &Rc<Rules>) {
        self.rules = Rc::clone(rules);
        self.record(self.now, None, None, "rules changed".to_owned());
        // Also of those that run elsewhere: their counts keep ids apart.
        for rule in &rules.rules {
            self.rename(rule);
        }
        self.put_removed_rules_to_rest();
        self.end_troubles_of_old_rules();
        for rule in rules.running() {
            self.work_out_again(rule);
        }
        self.ask_all_or_later(self.now, Cause::Edit);
    }

    fn rename(&mut self, rule: &Rule) {
        let Some(was) = rule.was else { return };
        let quiet = |name: &str| self.rule_states.get(name).is_none_or(|state| state.phase == Phase::Quiet);
        let [old, new] = [was, rule.name].map(|name| self.counts.get(name).copied().unwrap_or(0));
        if !quiet(rule.name) || (quiet(was) && old <= new) {
            return;
        }
        let state = self.rule_states.remove(was).unwrap_or_else(RuleState::new);
        self.rule_states.insert(rule.name.into(), state);
        for name in [was, rule.name] {
            self.counts.insert(name.into(), old.max(new));
        }
        // Those too that are over and wait for quiet hours.
        for incident in self.incidents.iter_mut().filter(|incident| incident.rule == was) {
            incident.rule = rule.name.into();
        }
        let incident = self.incident_of(rule.name).map(|incident| incident.id);
        self.decide(self.now, Some(rule.name), incident, &Outcome::Renamed { was: was.into() });
    }

    fn put_removed_rules_to_rest(&mut self) {
        for name in self.rule_states.keys().cloned().collect::<Vec<_>>() {
            if self.rules.rule(&name).is_some() {
                continue;
            }
            let state = self.rule_state(&name);
            let phase = std::mem::replace(&mut state.phase, Phase::Quiet);
            state.asked = None;
            match phase {
                Phase::Quiet => {}
                Phase::Pending(wait) => self.decide(self.now, Some(&name), None, &Outcome::Dip { since: wait.since }),
                Phase::Open | Phase::Closing(..) => {
                    let wait = Wait { since: self.now, due: self.now, uncertain: self.uncertain, reported: None };
                    let turned = TurnedFalse { by: Some(EndedBy::RuleRemoved), ..TurnedFalse::default() };
                    self.end(&name, &wait, turned);
                }
            }
            self.rule_states.remove(&name);
        }
    }

    fn work_out_again(&mut self, rule: &Rule) {
        if let Some(incident) = self.incident_of(rule.name) {
            incident.severity = rule.severity;
        }
        let Some(state) = self.rule_states.get(rule.name).cloned() else { return };
        let phase = match state.phase {
            Phase::Quiet | Phase::Open => return,
            Phase::Pending(wait) => {
                let length = self.wait(rule, "open_after", rule.open_after, wait.since);
                Phase::Pending(Wait { due: wait.since + length, ..wait })
            }
            Phase::Closing(wait, turned) => {
                let length = self.wait(rule, "close_after", rule.close_after, wait.since);
                Phase::Closing(Wait { due: wait.since + length, ..wait }, turned)
            }
        };
        self.rule_state(rule.name).phase = phase;
    }
}

//! A reload: what is under way by the old rules goes on by the new.

use crate::{
    Id, Name, Outcome,
    asked::Asked,
    rules::Rule,
    script::Hook,
    state::{Phase, RuleState},
    step::Step,
};

impl Step<'_> {
    /// Carries the state of every rule over to rules that changed.
    pub(crate) fn rules_changed(&mut self, rules: Id) {
        self.decide(self.now, None, None, Outcome::RulesChanged { rules });
        let all = self.rules;
        for rule in &all.rules {
            if let Some(was) = &rule.was {
                self.rename(was, &rule.name);
            }
        }
        self.put_removed_to_rest();
        // Before the hooks of the new rules are asked.
        self.forget_troubles();
        for rule in &all.rules {
            self.work_out_again(rule);
        }
        self.ask_all(self.now, Asked::Edit);
    }

    /// Lets a rule go on under its new name, unless that has incidents of its own. The old name keeps the count, in
    /// case it ever comes back: ids are not given twice.
    fn rename(&mut self, was: &Name, name: &Name) {
        let rule_states = &mut self.state.rules;
        let Some(old) = rule_states.get(was) else { return };
        let (quiet, count) = rule_states.get(name).map_or((true, 0), |new| (new.phase == Phase::Quiet, new.count));
        if !quiet || (old.phase == Phase::Quiet && old.count <= count) {
            return;
        }
        let count = count.max(old.count);
        let left = RuleState { count, ..RuleState::default() };
        let Some(old) = rule_states.insert(was.clone(), left) else { return };
        rule_states.insert(name.clone(), RuleState { count, ..old });
        let incidents = self.state.incidents.iter_mut().filter(|incident| incident.rule == *was);
        incidents.for_each(|incident| incident.rule = name.clone());
        let incident = self.state.open_incident(name).map(|incident| incident.id);
        self.decide(self.now, Some(name), incident, Outcome::Renamed { was: was.clone() });
    }

    /// Ends what is under way of rules that are gone, or run elsewhere now.
    fn put_removed_to_rest(&mut self) {
        let runs = |name: &Name| self.rules.rule(name).is_some_and(|rule| self.runs(rule));
        let removed: Vec<Name> = self.state.rules.keys().filter(|name| !runs(name)).cloned().collect();
        for name in removed {
            self.put_to_rest(&name);
            // Its count keeps the ids of later incidents apart, should it come back.
            match self.state.rules.get_mut(&name) {
                Some(rule_state) if rule_state.count > 0 => {
                    *rule_state = RuleState { count: rule_state.count, ..RuleState::default() };
                }
                _ => drop(self.state.rules.remove(&name)),
            }
        }
    }

    /// Works the deadline of a rule out again: it counts from when its phase was entered, by the new length.
    fn work_out_again(&mut self, rule: &Rule) {
        let Some(rule_state) = self.state.rules.get(&rule.name) else { return };
        let phase = match rule_state.phase {
            Phase::Pending { since, uncertain, reported, .. } => {
                let due = since + self.wait(rule, Hook::OpenAfter, rule.open_after, since);
                Phase::Pending { since, due, uncertain, reported }
            }
            Phase::Closing { since, uncertain, .. } => {
                let due = since + self.wait(rule, Hook::CloseAfter, rule.close_after, since);
                Phase::Closing { since, due, uncertain }
            }
            other => other,
        };
        if let Some(rule_state) = self.state.rules.get_mut(&rule.name) {
            rule_state.phase = phase;
        }
        if let Some(incident) = self.state.open_incident(&rule.name) {
            incident.severity = rule.severity;
        }
    }
}

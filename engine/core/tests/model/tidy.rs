//! Random rules without what the compiler would refuse.

use dag_engine::{FactKind, Millis, Value};

use crate::{
    condition::Condition,
    rules::{RECIPIENTS, Recipient, Rule, Rules},
};

impl Rules {
    /// Removes what the compiler would refuse.
    pub fn tidy(mut self) -> Self {
        let mut kept: Vec<Rule> = Vec::new();
        for rule in self.rules {
            if kept.iter().all(|other| other.name != rule.name) {
                kept.push(rule);
            }
        }
        self.rules = kept;
        let mut people: Vec<Recipient> = Vec::new();
        for recipient in self.recipients {
            if people.iter().all(|other| other.name != recipient.name) {
                people.push(recipient);
            }
        }
        self.recipients = people;
        self.tidy_rules();
        self.tidy_people();
        self
    }

    fn tidy_rules(&mut self) {
        let names: Vec<(&str, bool)> = self.rules.iter().map(|rule| (rule.name, rule.cloud)).collect();
        let mut renamed = Vec::new();
        let mut edges: Vec<(&str, &str)> = Vec::new();
        for rule in &mut self.rules {
            rule.escalation %= self.escalations.len();
            if self.door != Some(FactKind::Switch) && rule.when.reads("door") {
                rule.when = Condition::Is { fact: "power", not: false, value: Value::Off };
            }
            rule.was = rule.was.filter(|was| names.iter().all(|(name, _)| name != was) && !renamed.contains(was));
            renamed.extend(rule.was);
            let mut inhibits = Vec::new();
            for other in &rule.inhibits {
                let may = names.contains(&(*other, rule.cloud)) && !leads(&edges, other, rule.name);
                if may && !inhibits.contains(other) {
                    inhibits.push(*other);
                    edges.push((rule.name, other));
                }
            }
            rule.inhibits = inhibits;
        }
    }

    fn tidy_people(&mut self) {
        let names: Vec<&str> = self.recipients.iter().map(|recipient| recipient.name).collect();
        let mut edges = Vec::new();
        for recipient in &mut self.recipients {
            recipient.email |= !recipient.webhook;
            let name = recipient.name;
            recipient.fallback = recipient.fallback.filter(|to| names.contains(to) && !leads(&edges, to, name));
            edges.extend(recipient.fallback.map(|to| (name, to)));
            if recipient.fallback.is_none() {
                recipient.fallback_after = None;
            }
            recipient.quiet.take_if(|quiet| quiet.from == quiet.to);
        }
        for escalation in &mut self.escalations {
            let mut used = Vec::new();
            for (at, step) in escalation.steps.iter_mut().enumerate() {
                step.notify.retain(|name| names.contains(name) || !RECIPIENTS.contains(name));
                // The group `friends` has no other members than these.
                step.notify.retain(|name| *name != "friends" || names.contains(&"kim") || names.contains(&"pager"));
                if step.notify.is_empty() {
                    step.notify.push("nor");
                }
                step.name = step.name.filter(|name| !used.contains(name));
                used.extend(step.name);
                if at == 0 {
                    step.after = Millis::ZERO;
                }
                if step.repeat.is_none() {
                    step.at_most = None;
                }
            }
        }
    }
}

/// Returns whether the edges lead from one name to another, or both are the same.
fn leads(edges: &[(&str, &str)], from: &str, to: &str) -> bool {
    from == to || edges.iter().any(|(start, end)| *start == from && leads(edges, end, to))
}

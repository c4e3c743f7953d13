//! The sections `[rule]` and `[escalation]` of a rules file.

use std::collections::BTreeSet;

use toml::{Spanned, de::DeValue};

use super::{
    compile::{Compiling, NameUse, can_be_name},
    document::{Document, Table, content_start},
    escalation::{Escalation, EscalationStep},
    rule::Rule,
};
use crate::{
    Millis, Name, Severity,
    condition::Condition,
    problem::did_you_mean,
    runs::RunOn,
    script::{Script, SpannedProblem, lower},
};

impl<'a> Compiling<'a> {
    pub(super) fn rule(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        name: &'a str,
        value: &'a Spanned<DeValue<'a>>,
    ) {
        let Some(mut table) = Table::at(document, value, "a rule") else { return };
        let when = table.required_string("when", "a rule");
        let when = when.and_then(|when| self.condition(document, &when));
        let escalation = table.required_string("escalation", "a rule");
        if let Some(escalation) = &escalation {
            self.escalations_used.push(NameUse::new(name, file, escalation));
        }
        let script = table.string("script");
        let script = script.and_then(|name| self.script_of(document, &name));
        let severity = severity(&mut table, "severity");
        let places = [RunOn::Edge, RunOn::Cloud, RunOn::Anywhere].map(|one| (one.as_str(), one));
        let run_on = table.word("run_on", &places);
        let open_after = table.parsed("open_after");
        let close_after = table.parsed("close_after");
        let inhibits = self.inhibits(document, file, name, &mut table);
        let was = table.string("was");
        let was = was.and_then(|was| self.was(document, file, name, &was));
        table.finish();
        let (Some(when), Some(escalation)) = (when, escalation) else { return };
        self.rules.push(Rule {
            name: name.into(),
            when,
            open_after: open_after.unwrap_or_default(),
            close_after: close_after.unwrap_or_default(),
            severity: severity.unwrap_or_default(),
            escalation: (*escalation.get_ref()).into(),
            script,
            run_on: run_on.unwrap_or_default(),
            inhibits,
            // Known once all rules are.
            inhibited_by: Vec::new(),
            rank: 0,
            was,
        });
    }

    fn inhibits(
        &mut self,
        document: &Document<'_>,
        file: usize,
        rule: &'a str,
        table: &mut Table<'a, 'a>,
    ) -> Vec<Name> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut inhibits = Vec::new();
        for inhibited in table.strings("inhibits").unwrap_or_default() {
            let name = *inhibited.get_ref();
            if names.insert(name) {
                self.inhibits_used.push(NameUse::new(rule, file, &inhibited));
                inhibits.push(name.into());
            } else {
                document.problem(inhibited.span(), format!("`{name}` stands here twice"), Some("leave one out".into()));
            }
        }
        inhibits
    }

    fn was(&mut self, document: &Document<'_>, file: usize, rule: &'a str, was: &Spanned<&'a str>) -> Option<Name> {
        if *was.get_ref() == rule {
            let help = "`was` is the name that the rule had before: leave it out if it had none";
            document.problem(was.span(), "this is the rule's own name", Some(help.into()));
            return None;
        }
        let can_be = can_be_name(document, was.get_ref(), &was.span());
        can_be.then(|| {
            self.was_used.push(NameUse::new(rule, file, was));
            (*was.get_ref()).into()
        })
    }

    fn condition(&self, document: &Document<'_>, when: &Spanned<&str>) -> Option<Condition> {
        let start = content_start(document, when);
        let tell = |problems: Vec<SpannedProblem>| {
            for SpannedProblem { span, message, help } in problems {
                // Behind escapes places cannot be counted: the whole string is shown.
                let span = start.map_or(when.span(), |start| start + span.start..start + span.end);
                document.problem(span, message, help);
            }
        };
        lower(when.get_ref(), &self.facts).map_err(tell).ok()
    }

    fn script_of(&mut self, document: &Document<'_>, name: &Spanned<&'a str>) -> Option<Script> {
        self.scripts_used.insert(name.get_ref());
        match self.scripts.get(name.get_ref()) {
            Some(script) => script.clone(),
            None => {
                let help = did_you_mean(name.get_ref(), self.scripts.keys().copied());
                let help = help.unwrap_or_else(|| {
                    "scripts are files beside this one, like `outage.rhai`; copy one of `examples/` here to use it"
                        .into()
                });
                document.problem(name.span(), format!("there is no script `{}`", name.get_ref()), Some(help));
                None
            }
        }
    }

    pub(super) fn escalation(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        name: &'a str,
        value: &'a Spanned<DeValue<'a>>,
    ) {
        let mut ack_lapses_after = None;
        let list = match value.get_ref() {
            DeValue::Array(_) => Some(value),
            DeValue::Table(_) => Table::at(document, value, "an escalation").and_then(|mut table| {
                ack_lapses_after = table.parsed("ack_lapses_after");
                let steps = table.value("steps");
                if steps.is_none() {
                    document.problem(table.span(), "an escalation needs `steps`", None);
                }
                table.finish();
                steps
            }),
            _ => {
                let help = "write a list of steps: [{ after = \"0s\", notify = [\"owners\"] }]";
                document.problem(value.span(), "this is no escalation", Some(help.into()));
                None
            }
        };
        let Some(list) = list else { return };
        let Some(items) = list.get_ref().as_array() else {
            document.problem(list.span(), "`steps` is a list of steps", None);
            return;
        };
        let mut steps: Vec<EscalationStep> = Vec::new();
        let mut names: BTreeSet<Name> = BTreeSet::new();
        for item in items.iter() {
            if let Some(step) = self.step(document, file, name, item, steps.last().is_none()) {
                if step.name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
                    document.problem(item.span(), "another step has the same name", Some("rename one".into()));
                }
                steps.push(step);
            }
        }
        if items.is_empty() {
            let help = "write at least one: { after = \"0s\", notify = [\"owners\"] }";
            document.problem(list.span(), "an escalation without steps tells nobody", Some(help.into()));
        }
        self.escalations.insert(name.into(), Escalation { steps, ack_lapses_after });
    }

    fn step(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        by: &'a str,
        item: &'a Spanned<DeValue<'a>>,
        first: bool,
    ) -> Option<EscalationStep> {
        let mut table = Table::at(document, item, "a step")?;
        let name = table.string("name").map(|name| Name::new(name.get_ref()));
        let after_at = table.value("after").map(Spanned::span);
        let after: Millis = table.parsed("after").unwrap_or_default();
        if first && after != Millis::ZERO {
            let help = "the first step fires when the incident opens; to wait longer, raise the rule's `open_after`";
            document.problem(
                after_at.clone().unwrap_or(item.span()),
                "the first step's `after` is 0s",
                Some(help.into()),
            );
        }
        if !first && after_at.is_none() {
            document.problem(item.span(), "a later step needs `after`", Some("like after = \"30m\"".into()));
        }
        let notify = table.strings("notify");
        match &notify {
            Some(names) if names.is_empty() => document.problem(item.span(), "this step tells nobody", None),
            None if table.value("notify").is_none() => {
                document.problem(item.span(), "a step needs `notify`", Some("like notify = [\"owners\"]".into()));
            }
            _ => {}
        }
        for name in notify.iter().flatten() {
            self.targets_used.push(NameUse::new(by, file, name));
        }
        let repeat_at = table.value("repeat").map(Spanned::span);
        let repeat: Option<Millis> = table.parsed("repeat");
        if repeat == Some(Millis::ZERO) {
            document.problem(repeat_at.unwrap_or(item.span()), "`repeat` is above zero", None);
        }
        let at_most = table.count("at_most");
        if at_most.is_some() && repeat.is_none() {
            document.problem(item.span(), "`at_most` counts repeats, and there is no `repeat`", None);
        }
        table.finish();
        let notify = notify.unwrap_or_default().iter().map(|name| Name::new(name.get_ref())).collect();
        Some(EscalationStep { name, after, notify, repeat: repeat.filter(|every| *every > Millis::ZERO), at_most })
    }
}

pub(super) fn severity(table: &mut Table<'_, '_>, key: &'static str) -> Option<Severity> {
    let words = [Severity::Info, Severity::Warning, Severity::Critical].map(|one| (one.as_str(), one));
    table.word(key, &words)
}

//! Looks up every name that was used, now that everything is defined.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    compile::{Compiling, NameUse},
    document::Document,
    order::in_order,
    recipient::ACCOUNT,
    rule::Rule,
};
use crate::{Millis, Name, Severity, problem::did_you_mean, script::Hook};

impl<'a> Compiling<'a> {
    pub(super) fn resolve(&mut self, documents: &[Document<'_>]) {
        self.escalations(documents);
        self.targets(documents);
        self.members(documents);
        self.fallbacks(documents);
        let renamed = self.renamed(documents);
        self.inhibition(documents, &renamed);
        self.first_messages(documents);
    }

    fn escalations(&self, documents: &[Document<'_>]) {
        for used in &self.escalations_used {
            if !self.is_defined("escalation", used.name) {
                let known = self.escalations.keys().map(Name::as_str);
                let define =
                    format!("define it: [escalation] {} = [{{ after = \"0s\", notify = [\"...\"] }}]", used.name);
                unknown(documents, used, "escalation", known, define);
            }
        }
    }

    fn targets(&self, documents: &[Document<'_>]) {
        for used in &self.targets_used {
            if used.name != ACCOUNT && !self.is_defined("recipient", used.name) {
                let known = self.recipients.keys().chain(self.groups.keys()).map(Name::as_str).chain([ACCOUNT]);
                let define = format!("define it: [recipient.{}]", used.name);
                unknown(documents, used, "recipient or group", known, define);
            }
        }
    }

    fn members(&self, documents: &[Document<'_>]) {
        for used in &self.members_used {
            if self.groups.contains_key(used.name) {
                let own = used.name == used.by;
                let help = if own { "leave it out" } else { "list its members here instead" };
                let message = format!("`{}` is a group, and a group holds recipients only", used.name);
                tell(documents, used, message, Some(help.into()));
            } else if used.name != ACCOUNT && !self.is_defined("recipient", used.name) {
                let known = self.recipients.keys().map(Name::as_str).chain([ACCOUNT]);
                unknown(documents, used, "recipient", known, format!("define it: [recipient.{}]", used.name));
            }
        }
    }

    fn fallbacks(&self, documents: &[Document<'_>]) {
        for used in &self.fallbacks_used {
            if used.name == ACCOUNT {
                let message = format!("`{ACCOUNT}` may stand for many, and a fallback is one recipient");
                tell(documents, used, message, Some("name a recipient".into()));
            } else if self.groups.contains_key(used.name) {
                let message = format!("`{}` is a group, and a fallback is one recipient", used.name);
                tell(documents, used, message, Some("name one of its members".into()));
            } else if !self.is_defined("recipient", used.name) {
                let known = self.recipients.keys().map(Name::as_str);
                unknown(documents, used, "recipient", known, format!("define it: [recipient.{}]", used.name));
            }
        }
        in_order(&self.fallbacks_used, |cycle, closing| tell_cycle(documents, cycle, closing, "falls back on"));
    }

    /// The rules by the names that they had before.
    fn renamed(&self, documents: &[Document<'_>]) -> BTreeMap<&'a str, &'a str> {
        let mut renamed = BTreeMap::new();
        for used in &self.was_used {
            if self.is_defined("rule", used.name) {
                let help = "`was` is for the rule that takes its place: rename or remove that one, or leave this out";
                tell(documents, used, format!("there is still a rule `{}`", used.name), Some(help.into()));
            }
            if let Some(other) = renamed.insert(used.name, used.by) {
                let message = format!("the rule `{other}` was `{}` too", used.name);
                tell(documents, used, message, Some("only one can go on with its incidents: leave one out".into()));
            }
        }
        renamed
    }

    fn inhibition(&mut self, documents: &[Document<'_>], renamed: &BTreeMap<&str, &str>) {
        let rules: BTreeMap<&str, &Rule> = self.rules.iter().map(|rule| (rule.name.as_str(), rule)).collect();
        for used in &self.inhibits_used {
            if !self.is_defined("rule", used.name) {
                let known = self.rules.iter().map(|rule| rule.name.as_str());
                match renamed.get(used.name) {
                    Some(now) => {
                        let help = format!("it is called `{now}` now");
                        tell(documents, used, format!("there is no rule `{}`", used.name), Some(help));
                    }
                    None => unknown(documents, used, "rule", known, format!("define it: [rule.{}]", used.name)),
                }
            }
            // A rule with mistakes of its own is defined, and not among these.
            if let (Some(by), Some(inhibited)) = (rules.get(used.by), rules.get(used.name)) {
                check_inhibition(documents, used, by, inhibited);
            }
        }
        let order = in_order(&self.inhibits_used, |cycle, closing| tell_cycle(documents, cycle, closing, "inhibits"));

        let mut ranks: BTreeMap<Name, u32> = BTreeMap::new();
        let mut inhibitors: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        for rule in order.iter().filter_map(|name| rules.get(name)) {
            let below = ranks.get(&rule.name).map_or(1, |rank| rank + 1);
            for inhibited in &rule.inhibits {
                inhibitors.entry(inhibited.clone()).or_default().push(rule.name.clone());
                let rank = ranks.entry(inhibited.clone()).or_default();
                *rank = below.max(*rank);
            }
        }
        for rule in &mut self.rules {
            rule.rank = ranks.get(&rule.name).copied().unwrap_or_default();
            rule.inhibited_by = inhibitors.remove(&rule.name).unwrap_or_default();
        }
    }

    /// Warns of critical rules whose first message may have to wait for the morning.
    ///
    /// Only where all who are told at once have the same quiet hours: others overlap in part, and by their zones.
    fn first_messages(&self, documents: &[Document<'_>]) {
        let own_hours = |name: &Name| {
            let recipient = self.recipients.get(name)?;
            let quiet = recipient.quiet.filter(|quiet| quiet.unless.is_none())?;
            Some((quiet.span, &recipient.timezone))
        };
        // Each group and each escalation is gone through once, however many use it.
        let groups = self.groups.iter().map(|(name, members)| (name, same(members.iter().map(own_hours))));
        let groups: BTreeMap<&Name, _> = groups.collect();
        let hours = |name: &Name| groups.get(name).copied().unwrap_or_else(|| own_hours(name));
        let escalations = self.escalations.iter().map(|(name, escalation)| {
            let at_once = escalation.steps.iter().filter(|step| step.after == Millis::ZERO);
            (name.as_str(), same(at_once.flat_map(|step| &step.notify).map(hours)))
        });
        let escalations: BTreeMap<&str, _> = escalations.collect();

        let critical = self.rules.iter().filter(|rule| rule.severity == Severity::Critical);
        // Whom a script tells is not known before it is asked.
        let critical = critical.filter(|rule| !rule.script.as_ref().is_some_and(|script| script.has(Hook::Recipients)));
        let critical: BTreeSet<&str> = critical.map(|rule| rule.name.as_str()).collect();
        for used in self.escalations_used.iter().filter(|used| critical.contains(used.by)) {
            let quiet = escalations.get(used.name).copied().flatten();
            if let (Some((span, _)), Some(document)) = (quiet, documents.get(used.file)) {
                let (from, to) = (span.from.strftime("%H:%M"), span.to.strftime("%H:%M"));
                let message = format!("from {from} on, the first message of this critical rule waits until {to}");
                let help = "all whom it tells at once are quiet then: add unless = \"critical\" to their `quiet`, or \
                            tell somebody else too";
                document.warning(used.span.clone(), message, Some(help.into()));
            }
        }
    }
}

/// Returns what all have, if all have the same.
fn same<T: PartialEq>(mut all: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn check_inhibition(documents: &[Document<'_>], used: &NameUse<'_>, by: &Rule, inhibited: &Rule) {
    if by.run_on != inhibited.run_on {
        let (here, there) = (by.run_on.as_str(), inhibited.run_on.as_str());
        let message = format!("`{}` has run_on = \"{there}\", and this rule \"{here}\"", inhibited.name);
        let help = "they may run on different hosts, which decide apart: give both the same `run_on`";
        tell(documents, used, message, Some(help.into()));
    }
    if let Some(document) = documents.get(used.file)
        && inhibited.severity > by.severity
    {
        let (above, below) = (inhibited.severity.as_str(), by.severity.as_str());
        let message = format!("this holds nothing: `{}` is {above}, and this rule {below}", inhibited.name);
        let help = "a rule holds messages of its own severity and lower ones: raise it, or leave this out";
        document.warning(used.span.clone(), message, Some(help.into()));
    }
}

/// The most names of a cycle that are shown; what a user wrote by hand is shorter.
const LONGEST_CYCLE: usize = 8;

/// `a` inhibits `b` inhibits `a`.
fn tell_cycle(documents: &[Document<'_>], cycle: &[&str], closing: &NameUse<'_>, leads_to: &str) {
    let shown = cycle.iter().take(LONGEST_CYCLE).map(|name| format!("`{name}` {leads_to} "));
    let left_out = cycle.len().saturating_sub(LONGEST_CYCLE);
    let rest = if left_out > 0 { format!("... {left_out} more ... ") } else { String::new() };
    let way: String = shown.chain([rest]).collect();
    let message = format!("this closes a cycle: {way}`{}`", closing.name);
    let or = if cycle.len() > 1 { ", or break the cycle elsewhere" } else { "" };
    tell(documents, closing, message, Some(format!("leave `{}` out here{or}", closing.name)));
}

fn tell(documents: &[Document<'_>], used: &NameUse<'_>, message: String, help: Option<String>) {
    if let Some(document) = documents.get(used.file) {
        document.problem(used.span.clone(), message, help);
    }
}

/// Nothing has the name: the nearest of `known` is told, else how to define it.
fn unknown<'n>(
    documents: &[Document<'_>],
    used: &NameUse<'_>,
    what: &str,
    known: impl IntoIterator<Item = &'n str>,
    define: String,
) {
    let full = documents.get(used.file).is_none_or(Document::is_full);
    let help = if full { None } else { did_you_mean(used.name, known) };
    tell(documents, used, format!("there is no {what} `{}`", used.name), help.or(Some(define)));
}

#[cfg(test)]
mod tests {
    use crate::{Ruleset, Sources};

    /// The ranks of rules that inhibit others, by name.
    fn ranks(rules: &[(&str, &[&str])]) -> Vec<(String, u32)> {
        let rule = |(name, inhibits): &(&str, &[&str])| {
            format!("[rule.{name}]\nwhen = 'power == off'\nescalation = 'all'\ninhibits = {inhibits:?}\n")
        };
        let all = "[escalation]\nall = [{ notify = ['@account'] }]".to_owned();
        let text = rules.iter().map(rule).chain([all]).collect();
        let files = [("rules.toml".to_owned(), text)].into();
        let rules = Ruleset::compile(&Sources { files, timezone: "UTC".into(), ..Sources::default() });
        let rules = rules.unwrap_or_else(|problems| panic!("{problems}"));
        rules.rules.iter().map(|rule| (rule.name.to_string(), rule.rank)).collect()
    }

    #[test]
    fn the_rank_of_a_rule_is_the_longest_row_of_rules_above_it() {
        // `bottom` is three below `top` by one way, and one below it by another.
        let diamond = ranks(&[
            ("bottom", &[]),
            ("right", &["bottom"]),
            ("left", &["right"]),
            ("top", &["bottom", "right", "left"]),
            ("other", &["bottom"]),
        ]);
        let expected = [("bottom", 3), ("right", 2), ("left", 1), ("top", 0), ("other", 0)];
        assert_eq!(diamond, expected.map(|(name, rank)| (name.to_owned(), rank)));
    }

    #[test]
    fn ten_thousand_rules_in_a_row_have_their_ranks() {
        let names: Vec<String> = (0..10_000).map(|at| format!("r{at}")).collect();
        let next: Vec<Vec<&str>> =
            (1..=10_000).map(|at| names.get(at).map(String::as_str).into_iter().collect()).collect();
        let row: Vec<(&str, &[&str])> =
            names.iter().zip(&next).map(|(name, next)| (name.as_str(), next.as_slice())).collect();
        assert!(ranks(&row).iter().map(|(_, rank)| *rank).eq(0..10_000));
    }
}

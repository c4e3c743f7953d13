//! The compiled rules, and what is looked up in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{
    declared_webhook::DeclaredWebhook,
    escalation::Escalation,
    recipient::{ACCOUNT, Reachable, Recipient},
    rule::Rule,
};
use crate::{Address, Channel, Device, FactKind, Id, Name, Problem, Runs, script::Hook};

/// Rules, escalations, recipients and groups, compiled and checked against each other.
#[derive(Debug)]
pub struct Ruleset {
    /// In the order of file name, then position.
    pub(crate) rules: Vec<Rule>,
    /// The rules that read a fact, as positions in `rules`.
    pub(crate) readers: BTreeMap<Name, Vec<usize>>,
    pub(crate) positions: BTreeMap<Name, usize>,
    pub(crate) escalations: BTreeMap<Name, Escalation>,
    pub(crate) recipients: BTreeMap<Name, Recipient>,
    pub(crate) groups: BTreeMap<Name, Vec<Name>>,
    pub(crate) webhooks: Vec<DeclaredWebhook>,
    pub(crate) facts: BTreeMap<Name, FactKind>,
    /// The groups that are told when the monitor itself is in trouble.
    pub(crate) operators: Vec<Name>,
    pub(crate) timezone: Name,
    pub(crate) zone: TimeZone,
    pub(crate) hash: Id,
    pub(crate) warnings: Vec<Problem>,
}

/// Whom the steps of a rule's escalation reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReach<'r> {
    /// The name of the escalation.
    pub escalation: &'r Name,
    /// Whether a script decides who is told.
    pub scripted: bool,
    /// Whether each step reaches somebody.
    pub reaching: Vec<bool>,
}

impl Ruleset {
    /// Returns the hash of everything that was compiled: the same for the same files and configuration.
    pub fn hash(&self) -> Id {
        self.hash
    }

    /// Returns the warnings: of what is allowed and probably not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Returns the names of the rules, in the order in which they are evaluated.
    pub fn rules(&self) -> impl Iterator<Item = &Name> {
        self.rules.iter().map(|rule| &rule.name)
    }

    /// Returns each rule, the facts that it reads, and whether a host that `runs` so runs it.
    pub fn needs(&self, runs: Runs) -> impl Iterator<Item = (&Name, impl Iterator<Item = &Name>, bool)> {
        self.rules.iter().map(move |rule| (&rule.name, rule.when.reads.iter(), runs.takes(rule.run_on)))
    }

    /// Returns, for each rule that a host that `runs` so runs, which steps of its escalation reach somebody from
    /// `device`.
    pub fn reach_of_steps<'r>(&'r self, runs: Runs, device: &'r Device) -> impl Iterator<Item = StepReach<'r>> {
        let rules = self.rules.iter().filter(move |rule| runs.takes(rule.run_on));
        rules.map(move |rule| {
            let steps = self.escalation(rule).map(|escalation| escalation.steps.as_slice()).unwrap_or_default();
            StepReach {
                escalation: &rule.escalation,
                scripted: rule.script.as_ref().is_some_and(|script| script.has(Hook::Recipients)),
                reaching: steps.iter().map(|step| !self.reach(&step.notify, device).is_empty()).collect(),
            }
        })
    }

    /// Returns the kind of a fact; `None` if there is no such fact.
    pub fn fact(&self, name: &str) -> Option<FactKind> {
        self.facts.get(name).copied()
    }

    /// Returns the names of all facts.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.facts.keys().map(Name::as_str)
    }

    /// Returns the webhooks of the recipients, each with its place, in the order of files and lines.
    pub fn webhooks(&self) -> &[DeclaredWebhook] {
        &self.webhooks
    }

    /// Returns the names of the rules about an outage of the mains: their condition is `power == off`, in any spelling.
    pub fn mains_outages(&self) -> impl Iterator<Item = &Name> {
        self.rules.iter().filter(|rule| rule.when.is_mains_outage()).map(|rule| &rule.name)
    }

    /// Returns the names that `notify` can have: recipients and groups.
    pub fn targets(&self) -> impl Iterator<Item = &Name> {
        self.recipients.keys().chain(self.groups.keys())
    }

    /// Returns everybody whom `target` stands for on `device`, by every channel, each once: a recipient, a group, or
    /// `@account`. Returns `None` if there is no such name.
    pub fn reachable(&self, target: &Name, device: &Device) -> Option<Vec<Reachable>> {
        self.is_target(target).then(|| self.reach([target], device))
    }

    /// Returns everybody whom a host that `runs` so may have to tell, by every channel, each once.
    ///
    /// A host that decides by itself may tell every recipient, since scripts choose among them. In the mode `cloud` a
    /// device tells those of its own rules, their fallbacks and the operators: it does not have the secrets of others.
    pub fn receivers(&self, runs: Runs, device: &Device) -> Vec<Reachable> {
        if runs != Runs::Device {
            return self.reach(self.recipients.keys().chain([&Name::new_static(ACCOUNT)]), device);
        }
        let here = self.rules.iter().filter(|rule| runs.takes(rule.run_on));
        let steps = here.filter_map(|rule| self.escalation(rule)).flat_map(|escalation| &escalation.steps);
        let named: Vec<&Name> = steps.flat_map(|step| &step.notify).chain(&self.operators).collect();
        let recipients = self.reach(named.iter().copied(), device);
        let recipients = recipients.iter().filter_map(|reachable| self.recipients.get(&reachable.recipient));
        let fallbacks = recipients.filter_map(|recipient| recipient.fallback.as_ref()).map(|(name, _)| name);
        self.reach(named.iter().copied().chain(fallbacks), device)
    }

    pub(crate) fn rule(&self, name: &str) -> Option<&Rule> {
        self.positions.get(name).and_then(|at| self.rules.get(*at))
    }

    pub(crate) fn escalation(&self, rule: &Rule) -> Option<&Escalation> {
        self.escalations.get(&rule.escalation)
    }

    /// Returns whether `name` can stand in `notify`.
    pub(crate) fn is_target(&self, name: &str) -> bool {
        name == ACCOUNT || self.recipients.contains_key(name) || self.groups.contains_key(name)
    }

    /// Returns everybody whom `names` stand for, by every channel, each once, in the order in which they are named.
    pub(crate) fn reach<'a>(&self, names: impl IntoIterator<Item = &'a Name>, device: &Device) -> Vec<Reachable> {
        let mut reached: Vec<Reachable> = Vec::new();
        let mut seen: BTreeSet<(Name, Channel)> = BTreeSet::new();
        let mut add = |reachable: Reachable| {
            let (name, channel) = reachable.key();
            if seen.insert((name.clone(), channel)) {
                reached.push(reachable);
            }
        };
        for name in names {
            let members = self.groups.get(name).map_or(std::slice::from_ref(name), Vec::as_slice);
            for member in members {
                if member == ACCOUNT {
                    // An address of the account is its own recipient: its name holds an `@`, so it is nobody else's.
                    for email in &device.account_emails {
                        let timezone = device.timezone.as_ref().unwrap_or(&self.timezone).clone();
                        add(Reachable { recipient: email.into(), address: Address::Email(email.clone()), timezone });
                    }
                }
                let Some(recipient) = self.recipients.get(member) else { continue };
                for address in &recipient.addresses {
                    let timezone = recipient.timezone.as_ref().unwrap_or(&self.timezone).clone();
                    add(Reachable { recipient: member.clone(), address: address.clone(), timezone });
                }
            }
        }
        reached
    }

    /// Returns the zone of a device: its own, else the site's.
    pub(crate) fn zone(&self, device: &Device) -> TimeZone {
        let own = device.timezone.as_ref().filter(|name| **name != self.timezone);
        own.and_then(|name| crate::zone(name).ok()).unwrap_or_else(|| self.zone.clone())
    }
}

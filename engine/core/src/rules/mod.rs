//! The rules as the engine runs them: what users wrote in `rules/`, compiled and checked.

mod compile;
mod declared;
pub(crate) mod document;
mod order;
mod people;
mod resolve;
mod sections;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::tz::TimeZone;

pub(crate) use declared::Declared;

use crate::{
    Address, Channel, Device, FactKind, Id, Millis, Name, Runs, Severity,
    condition::Condition,
    problem::{Problem, Problems},
    script::Script,
    wall::WallSpan,
};

/// What the compiler is given: the files of `rules/` and what the configuration says about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The `*.toml` and `*.rhai` files, by their path from `rules/`, with their text. Others are left alone.
    pub files: BTreeMap<String, String>,
    /// The facts that devices declare beside the built-in ones.
    pub facts: BTreeMap<Name, FactKind>,
    /// Whether there are devices that the configuration does not know. Then a name that nobody here declares is not a mistake
    /// but a digital input of one of those, which stays unknown here.
    pub other_devices: bool,
    /// The IANA name of the site's time zone, for devices and recipients without one of their own.
    pub timezone: Name,
    /// The groups that are told when the monitor itself is in trouble. Each must exist.
    pub operators: Vec<Name>,
}

/// Rules, escalations, recipients and groups, compiled and checked against each other.
#[derive(Debug)]
pub struct Ruleset {
    /// In the order of file name, then position.
    pub(crate) rules: Vec<Rule>,
    /// Which rules read a fact, as positions in `rules`.
    pub(crate) readers: BTreeMap<Name, Vec<usize>>,
    pub(crate) positions: BTreeMap<Name, usize>,
    pub(crate) escalations: BTreeMap<Name, Escalation>,
    pub(crate) recipients: BTreeMap<Name, Recipient>,
    pub(crate) groups: BTreeMap<Name, Vec<Name>>,
    pub(crate) facts: BTreeMap<Name, FactKind>,
    /// The groups that are told when the monitor itself is in trouble.
    pub(crate) operators: Vec<Name>,
    pub(crate) timezone: Name,
    pub(crate) zone: TimeZone,
    hash: Id,
    warnings: Vec<Problem>,
}

/// One rule: `[rule.NAME]`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: Name,
    pub when: Condition,
    pub open_after: Millis,
    pub close_after: Millis,
    pub severity: Severity,
    pub escalation: Name,
    pub script: Option<Script>,
    pub run_on: RunOn,
    /// The rules whose messages an incident of this one holds back.
    pub inhibits: Vec<Name>,
    /// The rules that hold this one's messages back.
    pub inhibited_by: Vec<Name>,
    /// How many rules inhibit one another in a row down to this one: inhibitors are decided first.
    pub rank: u32,
    /// The name that the rule had before.
    pub was: Option<Name>,
}

/// On which host a rule is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunOn {
    Edge,
    Cloud,
    /// The device when it is standalone, the consumer in cloud mode.
    #[default]
    Anywhere,
}

impl RunOn {
    /// The word that rules use.
    const fn as_str(self) -> &'static str {
        match self {
            RunOn::Edge => "edge",
            RunOn::Cloud => "cloud",
            RunOn::Anywhere => "anywhere",
        }
    }
}

/// One list of steps: a key of `[escalation]`.
#[derive(Debug)]
pub(crate) struct Escalation {
    pub steps: Vec<Step>,
    pub ack_lapses_after: Option<Millis>,
}

/// One step of an escalation.
#[derive(Debug)]
pub(crate) struct Step {
    pub name: Option<Name>,
    /// How long after the first step it fires.
    pub after: Millis,
    /// Recipients, groups and `@account`.
    pub notify: Vec<Name>,
    pub repeat: Option<Millis>,
    /// How many repeats there are; `None` for as long as it lasts.
    pub at_most: Option<u32>,
}

/// A person or system: `[recipient.NAME]`.
#[derive(Debug)]
pub(crate) struct Recipient {
    pub addresses: Vec<Address>,
    pub timezone: Option<Name>,
    /// That zone's clock; the site's where none is given.
    pub zone: Option<TimeZone>,
    pub quiet: Option<Quiet>,
    /// Who is told instead while messages fail, and after how long.
    pub fallback: Option<(Name, Millis)>,
}

/// When a recipient is left in peace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub span: WallSpan,
    /// This severity and above come through.
    pub unless: Option<Severity>,
}

/// The name that stands for the addresses of the device's account.
pub(crate) const ACCOUNT: &str = "@account";

/// Somebody who can be told by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reachable {
    pub recipient: Name,
    pub address: Address,
    pub timezone: Name,
}

impl Reachable {
    pub fn key(&self) -> (&Name, Channel) {
        (&self.recipient, self.address.channel())
    }
}

impl Ruleset {
    /// Compiles the rules, or says everything that is wrong with them at once.
    ///
    /// # Errors
    /// Every problem of every file: syntax, unknown keys and names, values that cannot be, names that nothing defines.
    pub fn compile(sources: &Sources) -> Result<Ruleset, Problems> {
        compile::compile(sources)
    }

    /// Compiles the rules of a story. Its operators are its own group `operators`, where it has one: those that the
    /// configuration names are people of other rules.
    pub(crate) fn of_a_story(mut sources: Sources) -> Result<Ruleset, Problems> {
        sources.operators.clear();
        let mut rules = Ruleset::compile(&sources)?;
        let group = Name::new_static("operators");
        rules.operators.extend(rules.groups.contains_key(&group).then_some(group));
        Ok(rules)
    }

    /// The hash of everything that was compiled: the same for the same files and configuration.
    pub fn hash(&self) -> Id {
        self.hash
    }

    /// What is allowed and probably not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The names of the rules, in the order in which they are evaluated.
    pub fn rules(&self) -> impl Iterator<Item = &Name> {
        self.rules.iter().map(|rule| &rule.name)
    }

    /// The facts that a rule reads, and whether a host that `runs` so runs it.
    pub fn needs(&self, runs: Runs) -> impl Iterator<Item = (&Name, impl Iterator<Item = &Name>, bool)> {
        self.rules.iter().map(move |rule| (&rule.name, rule.when.reads.iter(), runs.takes(rule.run_on)))
    }

    /// What values a fact may take; `None` if there is no such fact.
    pub fn fact(&self, name: &str) -> Option<FactKind> {
        self.facts.get(name).copied()
    }

    /// The names of all facts.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.facts.keys().map(Name::as_str)
    }

    /// The body templates that webhooks name, each once.
    pub fn webhook_templates(&self) -> impl Iterator<Item = &Name> {
        let addresses = self.recipients.values().flat_map(|recipient| &recipient.addresses);
        addresses.filter_map(|address| match address {
            Address::Webhook { template, .. } => template.as_ref(),
            Address::Email(_) => None,
        })
    }

    pub(crate) fn rule(&self, name: &str) -> Option<&Rule> {
        self.positions.get(name).and_then(|at| self.rules.get(*at))
    }

    pub(crate) fn escalation(&self, rule: &Rule) -> Option<&Escalation> {
        self.escalations.get(&rule.escalation)
    }

    /// Whether `name` can stand in `notify`.
    pub(crate) fn is_target(&self, name: &str) -> bool {
        name == ACCOUNT || self.recipients.contains_key(name) || self.groups.contains_key(name)
    }

    /// Everybody whom `names` stand for, by every channel, each once, in the order in which they are named.
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

    /// The zone of a device: its own, else the site's.
    pub(crate) fn zone(&self, device: &Device) -> TimeZone {
        let own = device.timezone.as_ref().filter(|name| **name != self.timezone);
        own.and_then(|name| crate::zone(name).ok()).unwrap_or_else(|| self.zone.clone())
    }
}

impl Sources {
    /// Whether a file of `rules/` is one that the compiler reads: `*.toml` and `*.rhai` of the folder itself.
    pub fn is_rules_file(path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let top = path.parent().is_none_or(|parent| parent.as_os_str().is_empty());
        top && matches!(extension, Some("toml" | "rhai"))
    }
}

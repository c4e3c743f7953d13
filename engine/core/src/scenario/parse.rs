//! From a scenario's file to its steps, with everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Act, OtherRules, Scenario, Step};
use crate::{
    Address, Device, Engine, Millis, Name, Problem, Problems, Ruleset, Time, did_you_mean,
    rules::document::{Document, Span, Table},
};

impl Scenario {
    /// The devices that a scenario's file names; none where it cannot be read.
    pub fn devices(text: &str) -> BTreeSet<Name> {
        fn collect(value: &DeValue<'_>, found: &mut BTreeSet<Name>) {
            match value {
                DeValue::Array(values) => values.iter().for_each(|value| collect(value.get_ref(), found)),
                DeValue::Table(table) => {
                    for (key, value) in table {
                        if let (true, Some(name)) = (key.get_ref() == "device", value.get_ref().as_str()) {
                            found.insert(Name::new(name));
                        }
                        collect(value.get_ref(), found);
                    }
                }
                _ => {}
            }
        }
        let mut found = BTreeSet::new();
        if let Ok(table) = DeTable::parse(text) {
            collect(&DeValue::Table(table.into_inner()), &mut found);
        }
        found
    }

    /// Reads a scenario for one of `devices`. `engine` has the rules that it begins with, `others` those that it may
    /// put in force later.
    ///
    /// # Errors
    /// Everything that is wrong with the file, with its place, and with the rules of a folder that it names.
    pub fn parse(
        file: &str,
        text: &str,
        engine: &Engine,
        devices: &BTreeMap<Name, Device>,
        others: &dyn OtherRules,
    ) -> Result<Scenario, Problems> {
        let document = Document::new(file, text);
        let entries = document.parse();
        let mut table = Table::new(&document, &entries, 0..0);
        let name = table.required_string("name", "a scenario").map(|name| name.get_ref().to_string());
        let device = device(&mut table, devices);
        let start = table.required_string("start", "a scenario").and_then(|start| {
            let time = start.get_ref().parse().ok();
            if time.is_none() {
                let help = "write it as \"2026-01-10T18:00:00Z\"".to_owned();
                document.problem(start.span(), "this is no time", Some(help));
            }
            time
        });
        let mut reader = Reader {
            document: &document,
            engine,
            devices,
            others,
            device: device.as_ref(),
            start: start.unwrap_or_default(),
            reloads: BTreeMap::new(),
            in_force: None,
            elsewhere: Vec::new(),
        };
        let mut steps: Vec<Step> = Vec::new();
        match table.value("step").map(|list| (list, list.get_ref().as_array())) {
            Some((_, Some(items))) => {
                for item in items.iter() {
                    let last = steps.last().map_or(Millis::ZERO, |step| step.at);
                    steps.extend(reader.step(item, last));
                }
            }
            Some((list, None)) => document.problem(list.span(), "steps are written as [[step]]", None),
            None => document.problem(0..0, "a scenario without steps shows nothing", Some("add a [[step]]".into())),
        }
        table.finish();
        let Reader { reloads, elsewhere, .. } = reader;
        let mut problems = document.take_problems();
        problems.extend(elsewhere);
        match (name, device, start) {
            (Some(name), Some(device), Some(start)) if problems.is_empty() => {
                let reloads = reloads.into_iter().filter_map(|(folder, engine)| Some((folder, engine?))).collect();
                Ok(Scenario { name, device, start, steps, reloads, file: file.to_owned(), text: text.to_owned() })
            }
            _ => Err(Problems(problems)),
        }
    }
}

/// Reads the steps, one after the other: what a name may be depends on the rules in force at that step.
pub(super) struct Reader<'d, 'a> {
    pub document: &'d Document<'a>,
    pub engine: &'d Engine,
    pub devices: &'d BTreeMap<Name, Device>,
    pub others: &'d dyn OtherRules,
    pub device: Option<&'d Device>,
    pub start: Time,
    /// The folders named so far; `None` for one that cannot be used.
    pub reloads: BTreeMap<String, Option<Engine>>,
    /// The folder whose rules are in force; `None` before the first reload.
    pub in_force: Option<String>,
    /// The problems in those folders.
    pub elsewhere: Vec<Problem>,
}

impl<'d, 'a> Reader<'d, 'a> {
    fn step(&mut self, item: &'d Spanned<DeValue<'a>>, last: Millis) -> Option<Step> {
        let mut table = Table::at(self.document, item, "a step")?;
        let at = length(&mut table, "at", "a step");
        if let (Some(at), Some(value)) = (at, table.value("at"))
            && at < last
        {
            self.document.problem(value.span(), "a step is not earlier than the one before it", None);
        }
        // Where the step's own time is not known, no other is too late for it.
        let now = at.map_or(Time::MAX, |at| self.start + at);
        // The acts of a step happen in this order, however it is written.
        type Read<'d, 'a> = fn(&mut Reader<'d, 'a>, &mut Table<'d, 'a>, Time) -> Option<(Span, Act)>;
        let sayings: [Read<'d, 'a>; 10] = [
            Self::rules,
            Self::readings,
            Self::set,
            Self::fail,
            Self::ack,
            Self::snooze,
            Self::silence,
            Self::told,
            Self::not_told,
            Self::expect,
        ];
        let acts = sayings.iter().filter_map(|read| read(self, &mut table, now)).collect();
        table.finish();
        Some(Step { at: at?, span: item.span(), acts })
    }

    /// Returns the rules in force at the step that is being read; `None` if they cannot be used.
    pub fn rules_in_force(&self) -> Option<&Ruleset> {
        let engine = match &self.in_force {
            None => Some(self.engine),
            Some(folder) => self.reloads.get(folder).and_then(Option::as_ref),
        };
        engine.map(Engine::rules)
    }

    /// Returns the rules that the scenario begins with and those of the reloads so far, as far as they can be used.
    pub fn rules_so_far(&self) -> impl Iterator<Item = &Ruleset> {
        self.reloads.values().flatten().chain([self.engine]).map(Engine::rules)
    }

    /// The rule that a table names, one of those in force.
    pub fn rule(&self, table: &mut Table<'d, 'a>) -> Option<Name> {
        let rule = table.string("rule")?;
        if let Some(rules) = self.rules_in_force().filter(|rules| rules.rule(rule.get_ref()).is_none()) {
            let help = self.in_force.as_ref().map(|folder| format!("here the rules of `{folder}` are in force"));
            self.unknown(&rule, "rule", rules.rules().map(Name::as_str), help);
        }
        Some(Name::new(rule.get_ref()))
    }

    pub fn unknown<'n>(
        &self,
        name: &Spanned<&str>,
        what: &str,
        known: impl Iterator<Item = &'n str>,
        help: Option<String>,
    ) {
        unknown(self.document, name, what, known, help);
    }
}

/// Returns the device that a scenario is about: the one that it names, or else the first of the configuration. If the
/// scenario gives addresses, they are those of its account.
fn device(table: &mut Table<'_, '_>, devices: &BTreeMap<Name, Device>) -> Option<Device> {
    let document = table.document;
    let device = match (table.value("device"), table.string("device")) {
        (None, _) => {
            let first = devices.values().next();
            if first.is_none() {
                document.problem(0..0, "there is no device: config.toml declares none", None);
            }
            first
        }
        (_, Some(name)) => {
            let known = devices.get(*name.get_ref());
            if known.is_none() {
                unknown_device(document, &name, devices);
            }
            known
        }
        _ => None,
    };
    let emails = table.strings("account");
    for email in emails.iter().flatten().filter(|email| !Address::is_email(email.get_ref())) {
        let help = "write it as user@host, without a name".to_owned();
        document.problem(email.span(), format!("`{}` is not an email address", email.get_ref()), Some(help));
    }
    let device = device?.clone();
    let emails = emails.map(|emails| emails.iter().map(|email| email.get_ref().to_string()).collect());
    Some(Device { account_emails: emails.unwrap_or(device.account_emails), ..device })
}

/// A name that nothing has: the nearest that something has, else `help`.
fn unknown<'n>(
    document: &Document<'_>,
    name: &Spanned<&str>,
    what: &str,
    known: impl Iterator<Item = &'n str>,
    help: Option<String>,
) {
    let near = if document.is_full() { None } else { did_you_mean(name.get_ref(), known) };
    document.problem(name.span(), format!("there is no {what} `{}`", name.get_ref()), near.or(help));
}

pub(super) fn unknown_device(document: &Document<'_>, device: &Spanned<&str>, devices: &BTreeMap<Name, Device>) {
    let help = "devices are declared in config.toml".to_owned();
    unknown(document, device, "device", devices.keys().map(Name::as_str), Some(help));
}

/// A length of time that `what` has to give.
pub(super) fn length(table: &mut Table<'_, '_>, key: &'static str, what: &str) -> Option<Millis> {
    table.required_string(key, what)?;
    table.parsed(key)
}

//! The compiler: from the text of `rules/` to a [`Ruleset`].

use std::collections::{BTreeMap, BTreeSet};

use toml::{Spanned, de::DeTable};

use super::{
    declared_facts::DeclaredFacts,
    declared_webhook::DeclaredWebhook,
    document::{Document, LONGEST_FILE, Span, Table},
    escalation::Escalation,
    recipient::Recipient,
    rule::Rule,
    ruleset::Ruleset,
    sources::Sources,
};
use crate::{
    BUILT_IN, Id, Name,
    problem::{Problem, Problems, did_you_mean},
    script::{Script, SpannedProblem},
};

/// A name as it was used somewhere, to be looked up when everything is known.
pub(super) struct NameUse<'a> {
    /// The rule, escalation, recipient or group that uses it.
    pub by: &'a str,
    pub name: &'a str,
    pub file: usize,
    pub span: Span,
}

impl<'a> NameUse<'a> {
    pub fn new(by: &'a str, file: usize, name: &Spanned<&'a str>) -> Self {
        NameUse { by, name: name.get_ref(), file, span: name.span() }
    }
}

#[derive(Default)]
pub(super) struct Compiling<'a> {
    pub rules: Vec<Rule>,
    pub escalations: BTreeMap<Name, Escalation>,
    pub recipients: BTreeMap<Name, Recipient>,
    pub groups: BTreeMap<Name, Vec<Name>>,
    pub webhooks: Vec<DeclaredWebhook>,
    pub facts: DeclaredFacts,
    pub scripts: BTreeMap<&'a str, Option<Script>>,
    /// The file in which each name was first defined, by section and name.
    defined: BTreeMap<(&'static str, String), usize>,
    pub escalations_used: Vec<NameUse<'a>>,
    pub targets_used: Vec<NameUse<'a>>,
    pub members_used: Vec<NameUse<'a>>,
    /// The rules that rules inhibit; none is said twice by the same rule.
    pub inhibits_used: Vec<NameUse<'a>>,
    pub fallbacks_used: Vec<NameUse<'a>>,
    /// The names that rules had before.
    pub was_used: Vec<NameUse<'a>>,
    pub scripts_used: BTreeSet<&'a str>,
}

impl Ruleset {
    /// Compiles the rules, or says everything that is wrong with them at once.
    ///
    /// # Errors
    /// Every problem of every file: syntax, unknown keys and names, values that cannot be, names that nothing defines.
    pub fn compile(sources: &Sources) -> Result<Ruleset, Problems> {
        compile(sources)
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
}

fn compile(sources: &Sources) -> Result<Ruleset, Problems> {
    let built_in = BUILT_IN.map(|(name, kind)| (name.into(), kind));
    let facts = DeclaredFacts::new(sources.facts.clone().into_iter().chain(built_in), sources.other_devices);
    let mut compiling = Compiling { facts, ..Compiling::default() };

    let documents: Vec<Document<'_>> = sources.files.iter().map(|(file, text)| Document::new(file, text)).collect();
    for document in documents.iter().filter(|document| document.file.ends_with(".rhai")) {
        let script = compiling.script(document);
        compiling.scripts.insert(document.file, script);
    }
    let tables: Vec<(usize, DeTable<'_>)> = documents
        .iter()
        .enumerate()
        .filter(|(_, document)| document.file.ends_with(".toml"))
        .map(|(at, document)| (at, document.parse()))
        .collect();
    for (at, table) in &tables {
        if let Some(document) = documents.get(*at) {
            compiling.file(document, *at, table);
        }
    }
    compiling.resolve(&documents);

    let mut problems: Vec<Problem> = operators(sources, &compiling.groups).into_iter().collect();
    let zone = crate::zone(&sources.timezone);
    let zone = zone.map_err(|error| problems.push(Problem::without_place("config.toml", error, None))).ok();
    for document in &documents {
        if document.file.ends_with(".rhai") && !compiling.scripts_used.contains(document.file) {
            let help = format!("name it in a rule: script = \"{}\"", document.file);
            document.warning(0..0, "no rule uses this script", Some(help));
        }
    }
    let hash = hash(sources);
    problems.extend(documents.iter().flat_map(Document::take_problems));
    let warnings = documents.iter().flat_map(Document::take_warnings).collect();
    match zone {
        Some(zone) if problems.is_empty() => Ok(compiling.finish(sources, zone, hash, warnings)),
        _ => Err(Problems(problems)),
    }
}

/// Each file behind its name, then what the configuration adds.
fn hash(sources: &Sources) -> Id {
    let mut parts: Vec<&[u8]> = Vec::new();
    for (file, text) in &sources.files {
        parts.extend([file.as_bytes(), text.as_bytes()]);
    }
    parts.push(sources.timezone.as_bytes());
    for (fact, kind) in &sources.facts {
        parts.extend([fact.as_bytes(), kind.describe().as_bytes()]);
    }
    // An empty part divides the lists: no name is empty.
    parts.push(b"");
    parts.extend(sources.operators.iter().map(|group| group.as_bytes()));
    Id::of(&parts)
}

fn operators(sources: &Sources, groups: &BTreeMap<Name, Vec<Name>>) -> Vec<Problem> {
    let missing = sources.operators.iter().filter(|group| !groups.contains_key(*group));
    let problems = missing.map(|group| {
        let help = did_you_mean(group, groups.keys().map(Name::as_str));
        let help = help.unwrap_or_else(|| format!("define it in rules/: [group] {group} = [\"...\"]"));
        let message = format!("`operators` in `[site]` names the group `{group}`, which no rules file defines");
        Problem::without_place("config.toml", message, Some(help))
    });
    problems.collect()
}

/// Returns whether rules, escalations, recipients and groups can have this name; adds a problem where they cannot.
pub(super) fn can_be_name(document: &Document<'_>, name: &str, span: &Span) -> bool {
    let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let can_be = !name.is_empty() && name.len() <= 64 && name.chars().all(fits);
    if !can_be {
        let help = "names are made of letters, digits, `-` and `_`, 64 bytes at most";
        document.problem(span.clone(), format!("`{name}` cannot be a name"), Some(help.into()));
    }
    can_be
}

impl<'a> Compiling<'a> {
    fn script(&mut self, document: &Document<'_>) -> Option<Script> {
        if document.text.len() > LONGEST_FILE {
            let message = format!("the script is longer than {} KiB", LONGEST_FILE / 1024);
            document.problem(0..0, message, None);
            return None;
        }
        let tell = |problems: Vec<SpannedProblem>| {
            for SpannedProblem { span, message, help } in problems {
                document.problem(span, message, help);
            }
        };
        Script::compile(document.file, document.text, &self.facts).map_err(tell).ok()
    }

    fn file(&mut self, document: &'a Document<'a>, file: usize, entries: &'a DeTable<'a>) {
        let mut top = Table::new(document, entries, 0..0);
        for section in ["rule", "escalation", "recipient", "group"] {
            let Some(value) = top.value(section) else { continue };
            let Some(table) = Table::at(document, value, &format!("`{section}`")) else { continue };
            let mut entries: Vec<_> = table.entries().collect();
            entries.sort_by_key(|(_, span, _)| span.start);
            for (name, span, value) in entries {
                if self.define(document, file, section, name, &span) {
                    match section {
                        "rule" => self.rule(document, file, name, value),
                        "escalation" => self.escalation(document, file, name, value),
                        "recipient" => self.recipient(document, file, name, value),
                        _ => self.group(document, file, name, value),
                    }
                }
            }
        }
        top.finish();
    }

    /// Notes a definition; false where the name is already taken or cannot be one.
    fn define(&mut self, document: &Document<'_>, file: usize, section: &'static str, name: &str, span: &Span) -> bool {
        if !can_be_name(document, name, span) {
            return false;
        }
        // Recipients and groups share the names that `notify` uses.
        let space = if section == "group" { "recipient" } else { section };
        if self.defined.insert((space, name.to_owned()), file).is_some() {
            let what = if space == "recipient" { "recipient or group" } else { section };
            document.problem(span.clone(), format!("there is already a {what} `{name}`"), Some("rename one".into()));
            return false;
        }
        true
    }

    pub(super) fn is_defined(&self, space: &'static str, name: &str) -> bool {
        self.defined.contains_key(&(space, name.to_owned()))
    }

    fn finish(self, sources: &Sources, zone: jiff::tz::TimeZone, hash: Id, warnings: Vec<Problem>) -> Ruleset {
        let mut readers: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        let mut positions = BTreeMap::new();
        for (at, rule) in self.rules.iter().enumerate() {
            positions.insert(rule.name.clone(), at);
            for fact in &rule.when.reads {
                readers.entry(fact.clone()).or_default().push(at);
            }
        }
        Ruleset {
            rules: self.rules,
            readers,
            positions,
            escalations: self.escalations,
            recipients: self.recipients,
            groups: self.groups,
            webhooks: self.webhooks,
            facts: self.facts.into_kinds(),
            operators: sources.operators.clone(),
            timezone: sources.timezone.clone(),
            zone,
            hash,
            warnings,
        }
    }
}

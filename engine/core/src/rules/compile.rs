//! From the text of `rules/` to a [`Ruleset`].

use std::collections::{BTreeMap, BTreeSet};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    ACCOUNT, Escalation, Recipient, Rule, Ruleset, RunOn, Sources, Step,
    document::{Document, LONGEST_FILE, Span, Table, content_start, string},
};
use crate::{
    Address, BUILT_IN, FactKind, Id, Millis, Name, SecretRef, Severity,
    problem::{Problem, Problems, did_you_mean},
    script::{Script, Trouble, lower},
};

/// A name as it was used somewhere, to be looked up when everything is known.
struct Use<'a> {
    name: &'a str,
    file: usize,
    span: Span,
}

#[derive(Default)]
struct Compiling<'a> {
    rules: Vec<Rule>,
    escalations: BTreeMap<Name, Escalation>,
    recipients: BTreeMap<Name, Recipient>,
    groups: BTreeMap<Name, Vec<Name>>,
    facts: BTreeMap<Name, FactKind>,
    scripts: BTreeMap<&'a str, Option<Script>>,
    /// Where each name was first defined: (section, name) to its file and place.
    defined: BTreeMap<(&'static str, String), usize>,
    escalations_used: Vec<Use<'a>>,
    targets_used: Vec<Use<'a>>,
    members_used: Vec<Use<'a>>,
    scripts_used: BTreeSet<&'a str>,
    warnings: Vec<Problem>,
}

pub(super) fn compile(sources: &Sources) -> Result<Ruleset, Problems> {
    let mut compiling = Compiling { facts: sources.facts.clone(), ..Compiling::default() };
    compiling.facts.extend(BUILT_IN.map(|(name, kind)| (name.into(), kind)));

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
    let zone = zone.map_err(|error| problems.push(Problem::error("config.toml", "", 0..0, error, None))).ok();
    for document in &documents {
        if document.file.ends_with(".rhai") && !compiling.scripts_used.contains(document.file) {
            let help = format!("name it in a rule: script = \"{}\"", document.file);
            compiling.warnings.push(document.warning(0..0, "no rule uses this script", Some(help)));
        }
    }
    let hash = hash(sources);
    problems.extend(documents.iter().flat_map(Document::take_problems));
    match zone {
        Some(zone) if problems.is_empty() => Ok(compiling.finish(sources.timezone.clone(), zone, hash)),
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
        let message = format!("site.operators names the group `{group}`, which no rules file defines");
        Problem::error("config.toml", "", 0..0, message, Some(help))
    });
    problems.collect()
}

impl<'a> Compiling<'a> {
    fn script(&mut self, document: &Document<'_>) -> Option<Script> {
        if document.text.len() > LONGEST_FILE {
            let message = format!("the script is longer than {} KiB", LONGEST_FILE / 1024);
            document.problem(0..0, message, None);
            return None;
        }
        let tell = |troubles: Vec<Trouble>| {
            for Trouble { span, message, help } in troubles {
                document.problem(span, message, help);
            }
        };
        Script::compile(document.text).map_err(tell).ok()
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
                        "recipient" => self.recipient(document, name, value),
                        _ => self.group(document, file, name, value),
                    }
                }
            }
        }
        top.finish();
    }

    /// Notes a definition; false where the name is already taken or cannot be one.
    fn define(&mut self, document: &Document<'_>, file: usize, section: &'static str, name: &str, span: &Span) -> bool {
        let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            let help = "names are made of letters, digits, `-` and `_`, 64 bytes at most";
            document.problem(span.clone(), format!("`{name}` cannot be a name"), Some(help.into()));
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

    fn rule(&mut self, document: &'a Document<'a>, file: usize, name: &str, value: &'a Spanned<DeValue<'a>>) {
        let Some(mut table) = Table::at(document, value, "a rule") else { return };
        let when = table.required_string("when", "a rule");
        let when = when.and_then(|when| self.condition(document, &when));
        let escalation = table.required_string("escalation", "a rule");
        if let Some(escalation) = &escalation {
            self.escalations_used.push(Use { name: escalation.get_ref(), file, span: escalation.span() });
        }
        let script = table.string("script");
        let script = script.and_then(|name| self.script_of(document, &name));
        let severities = [Severity::Info, Severity::Warning, Severity::Critical];
        let words = ["info", "warning", "critical"];
        let severity = table.word(
            "severity",
            &std::array::from_fn::<_, 3, _>(|at| {
                (words.get(at).copied().unwrap_or_default(), severities.get(at).copied().unwrap_or_default())
            }),
        );
        let places = [("edge", RunOn::Edge), ("cloud", RunOn::Cloud), ("anywhere", RunOn::Anywhere)];
        let run_on = table.word("run_on", &places);
        let open_after = table.parsed("open_after");
        let close_after = table.parsed("close_after");
        table.not_yet("inhibits");
        table.not_yet("was");
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
        });
    }

    fn condition(&self, document: &Document<'_>, when: &Spanned<&str>) -> Option<crate::condition::Condition> {
        let start = content_start(document, when);
        let tell = |troubles: Vec<Trouble>| {
            for Trouble { span, message, help } in troubles {
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
                let help = help.unwrap_or_else(|| "scripts are files beside this one, like `outage.rhai`".into());
                document.problem(name.span(), format!("there is no script `{}`", name.get_ref()), Some(help));
                None
            }
        }
    }

    fn escalation(&mut self, document: &'a Document<'a>, file: usize, name: &str, value: &'a Spanned<DeValue<'a>>) {
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
        let mut steps: Vec<Step> = Vec::new();
        for item in items.iter() {
            if let Some(step) = self.step(document, file, item, steps.last().is_none()) {
                let taken = step.name.is_some() && steps.iter().any(|other| other.name == step.name);
                if taken {
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
        item: &'a Spanned<DeValue<'a>>,
        first: bool,
    ) -> Option<Step> {
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
            self.targets_used.push(Use { name: name.get_ref(), file, span: name.span() });
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
        Some(Step { name, after, notify, repeat: repeat.filter(|every| *every > Millis::ZERO), at_most })
    }

    fn recipient(&mut self, document: &'a Document<'a>, name: &str, value: &'a Spanned<DeValue<'a>>) {
        let Some(mut table) = Table::at(document, value, "a recipient") else { return };
        let mut addresses = Vec::new();
        if let Some(email) = table.string("email") {
            match email.get_ref().split_once('@') {
                Some((user, host)) if is_email(user, host) => addresses.push(Address::Email((*email.get_ref()).into())),
                _ => {
                    let message = format!("`{}` is not an email address", email.get_ref());
                    document.problem(email.span(), message, Some("write it as user@host, without a name".into()));
                }
            }
        }
        let webhook = table.value("webhook");
        if let Some(webhook) = webhook {
            addresses.extend(self.webhook(document, webhook));
        }
        let timezone = table.string("timezone");
        if let Some(timezone) = &timezone
            && let Err(error) = crate::zone(timezone.get_ref())
        {
            document.problem(timezone.span(), error, None);
        }
        table.not_yet("quiet");
        table.not_yet("fallback");
        if table.value("email").is_none() && webhook.is_none() {
            document.problem(
                table.span(),
                format!("the recipient `{name}` cannot be reached"),
                Some("give it `email` or `webhook`".into()),
            );
        }
        table.finish();
        let timezone = timezone.map(|zone| Name::new(zone.get_ref()));
        self.recipients.insert(name.into(), Recipient { addresses, timezone });
    }

    fn webhook(&mut self, document: &'a Document<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<Address> {
        let mut table = Table::at(document, value, "a webhook")?;
        let url = table.required_string("url", "a webhook")?;
        let rest = url.get_ref().strip_prefix("https://").or_else(|| url.get_ref().strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/'))
            || url.get_ref().contains(char::is_whitespace)
        {
            let message = format!("`{}` is not a URL that can be called", url.get_ref());
            document.problem(url.span(), message, Some("write it as https://host/path".into()));
        }
        // One secret, or two while they are rotated, the newer first.
        let named: Vec<Spanned<&str>> = match table.value("secret").map(|value| (value, value.get_ref())) {
            None => Vec::new(),
            Some((_, DeValue::Array(_))) => table.strings("secret").unwrap_or_default(),
            Some((value, _)) => match string(value) {
                Some(text) => vec![text],
                None => {
                    table.wrong("secret", value, "a named secret like `env:NAME`, or a list of two");
                    return None;
                }
            },
        };
        if named.len() > 2 {
            document.problem(value.span(), "a webhook has at most two secrets, the newer first", None);
        }
        if named.is_empty() {
            let help = "anyone who knows the URL can forge calls to it: add secret = \"env:NAME\"";
            let template = table.value("template").is_some();
            if !template {
                self.warnings.push(document.warning(
                    url.span(),
                    "calls of this webhook are not signed",
                    Some(help.into()),
                ));
            }
        }
        let mut secrets: Vec<SecretRef> = Vec::new();
        for secret in named {
            match secret.get_ref().parse() {
                Ok(reference) => secrets.push(reference),
                Err(error) => document.problem(secret.span(), "a secret is never written into a file", Some(error)),
            }
        }
        let template = table.string("template").map(|template| Name::new(template.get_ref()));
        table.finish();
        Some(Address::Webhook { url: (*url.get_ref()).into(), secrets, template })
    }

    fn group(&mut self, document: &'a Document<'a>, file: usize, name: &str, value: &'a Spanned<DeValue<'a>>) {
        let members: Option<Vec<Spanned<&str>>> =
            value.get_ref().as_array().and_then(|items| items.iter().map(string).collect());
        let Some(members) = members else {
            document.problem(
                value.span(),
                format!("the group `{name}` is a list of names"),
                Some("like [\"nor\"]".into()),
            );
            return;
        };
        if members.is_empty() {
            document.problem(value.span(), format!("the group `{name}` is empty"), None);
        }
        let names = members.iter().map(|member| Name::new(member.get_ref())).collect();
        self.members_used.extend(members.iter().map(|member| Use {
            name: member.get_ref(),
            file,
            span: member.span(),
        }));
        self.groups.insert(name.into(), names);
    }

    /// Looks up every name that was used, now that everything is defined.
    fn resolve(&mut self, documents: &[Document<'_>]) {
        let recipients = || self.recipients.keys().map(Name::as_str).chain([ACCOUNT]);
        let targets = || recipients().chain(self.groups.keys().map(Name::as_str));
        let escalations = || self.escalations.keys().map(Name::as_str);
        let unknown = |used: &Use<'_>, what: &str, define: String, help: Option<String>| {
            if let Some(document) = documents.get(used.file) {
                let message = format!("there is no {what} `{}`", used.name);
                document.problem(used.span.clone(), message, help.or(Some(define)));
            }
        };
        for used in &self.escalations_used {
            if !self.defined.contains_key(&("escalation", used.name.to_owned())) {
                let define =
                    format!("define it: [escalation] {} = [{{ after = \"0s\", notify = [\"...\"] }}]", used.name);
                unknown(used, "escalation", define, did_you_mean(used.name, escalations()));
            }
        }
        for used in &self.targets_used {
            if used.name != ACCOUNT && !self.defined.contains_key(&("recipient", used.name.to_owned())) {
                let define = format!("define it: [recipient.{}]", used.name);
                unknown(used, "recipient or group", define, did_you_mean(used.name, targets()));
            }
        }
        for used in &self.members_used {
            if self.groups.contains_key(used.name) {
                let help = "list its members here instead".to_owned();
                unknown(used, "recipient", String::new(), Some(format!("`{}` is a group; {help}", used.name)));
            } else if used.name != ACCOUNT && !self.defined.contains_key(&("recipient", used.name.to_owned())) {
                let define = format!("define it: [recipient.{}]", used.name);
                unknown(used, "recipient", define, did_you_mean(used.name, recipients()));
            }
        }
    }

    fn finish(self, timezone: Name, zone: jiff::tz::TimeZone, hash: Id) -> Ruleset {
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
            facts: self.facts,
            timezone,
            zone,
            hash,
            warnings: self.warnings,
        }
    }
}

fn is_email(user: &str, host: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !"@<>,;\"".contains(c));
    plain(user) && plain(host) && user.len() + host.len() < 254
}

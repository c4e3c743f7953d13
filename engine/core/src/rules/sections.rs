//! The sections of a rules file: `[rule]`, `[escalation]`, `[recipient]`, `[group]`.

use std::collections::BTreeSet;

use toml::{Spanned, de::DeValue};

use super::{
    Escalation, Quiet, Recipient, Rule, RunOn, Step,
    compile::{Compiling, Use, can_be_name},
    document::{Document, Table, content_start, string},
};
use crate::{
    Address, Millis, Name, SecretRef, Severity,
    condition::{Condition, WallSpan},
    problem::did_you_mean,
    script::{Script, Trouble, lower, wall_time},
};

/// How long messages to a recipient fail before its fallback is told, where the recipient does not say.
const FALLBACK_AFTER: Millis = Millis::new(5 * 60_000);

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
            self.escalations_used.push(Use::new(name, file, escalation));
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
                self.inhibits_used.push(Use::new(rule, file, &inhibited));
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
            self.was_used.push(Use::new(rule, file, was));
            (*was.get_ref()).into()
        })
    }

    fn condition(&self, document: &Document<'_>, when: &Spanned<&str>) -> Option<Condition> {
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
        let mut steps: Vec<Step> = Vec::new();
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
            self.targets_used.push(Use::new(by, file, name));
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

    pub(super) fn recipient(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        name: &'a str,
        value: &'a Spanned<DeValue<'a>>,
    ) {
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
        let timezone = table.string("timezone").filter(|_| !document.is_full());
        let zone = timezone.as_ref().and_then(|timezone| {
            crate::zone(timezone.get_ref()).map_err(|error| document.problem(timezone.span(), error, None)).ok()
        });
        let quiet = quiet(document, &mut table);
        let fallback = self.fallback(document, file, name, &mut table);
        if table.value("email").is_none() && webhook.is_none() {
            document.problem(
                table.span(),
                format!("the recipient `{name}` cannot be reached"),
                Some("give it `email` or `webhook`".into()),
            );
        }
        table.finish();
        let timezone = timezone.map(|zone| Name::new(zone.get_ref()));
        self.recipients.insert(name.into(), Recipient { addresses, timezone, zone, quiet, fallback });
    }

    fn fallback(
        &mut self,
        document: &Document<'_>,
        file: usize,
        recipient: &'a str,
        table: &mut Table<'a, 'a>,
    ) -> Option<(Name, Millis)> {
        let fallback = table.string("fallback");
        let after_at = table.value("fallback_after").map(Spanned::span);
        let after: Option<Millis> = table.parsed("fallback_after");
        if let Some(at) = after_at {
            if table.value("fallback").is_none() {
                let message = "`fallback_after` waits for a `fallback`, and there is none";
                document.problem(at.clone(), message, Some("add one, like fallback = \"neighbour\"".into()));
            }
            if after == Some(Millis::ZERO) {
                document.problem(at, "`fallback_after` is above zero", None);
            }
        }
        let fallback = fallback?;
        self.fallbacks_used.push(Use::new(recipient, file, &fallback));
        Some(((*fallback.get_ref()).into(), after.unwrap_or(FALLBACK_AFTER)))
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
            if table.value("template").is_none() {
                document.warning(url.span(), "calls of this webhook are not signed", Some(help.into()));
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

    pub(super) fn group(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        name: &'a str,
        value: &'a Spanned<DeValue<'a>>,
    ) {
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
        self.members_used.extend(members.iter().map(|member| Use::new(name, file, member)));
        self.groups.insert(name.into(), names);
    }
}

fn severity(table: &mut Table<'_, '_>, key: &'static str) -> Option<Severity> {
    let words = [Severity::Info, Severity::Warning, Severity::Critical].map(|one| (one.as_str(), one));
    table.word(key, &words)
}

fn quiet(document: &Document<'_>, recipient: &mut Table<'_, '_>) -> Option<Quiet> {
    let value = recipient.value("quiet")?;
    if value.get_ref().as_table().is_none() {
        recipient.wrong("quiet", value, "a table like `{ from = \"22:30\", to = \"07:00\" }`");
        return None;
    }
    let mut table = Table::at(document, value, "`quiet`")?;
    let mut wall = |key| {
        let text = table.required_string(key, "`quiet`")?;
        let tell = |(message, help)| document.problem(text.span(), message, Some(help));
        wall_time(text.get_ref()).map_err(tell).ok()
    };
    let (from, to) = (wall("from"), wall("to"));
    let unless = severity(&mut table, "unless");
    table.finish();
    let span = WallSpan { from: from?, to: to? };
    if span.from == span.to {
        let help = "hours that end when they begin are never: leave `quiet` out, or move one end";
        document.problem(value.span(), "both ends are the same", Some(help.into()));
        return None;
    }
    if unless == Some(Severity::Info) {
        let help = "every message is at least `info`: write unless = \"critical\", or leave `quiet` out";
        document.warning(value.span(), "these hours hold nothing", Some(help.into()));
    }
    Some(Quiet { span, unless })
}

fn is_email(user: &str, host: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"@<>,;\"".contains(c))
    };
    plain(user) && plain(host) && user.len() + host.len() < 254
}

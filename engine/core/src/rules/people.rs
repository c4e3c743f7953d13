//! The sections `[recipient]` and `[group]` of a rules file.

use toml::{Spanned, de::DeValue};

use super::{
    compile::{Compiling, NameUse},
    declared_webhook::DeclaredWebhook,
    document::{Document, Table, string},
    recipient::{Quiet, Recipient},
    sections::severity,
};
use crate::{
    Address, Millis, Name, SecretRef, Severity,
    wall_clock::{WallSpan, wall_time},
};

/// The time for which messages to a recipient fail before its fallback is told, where the recipient gives none.
const FALLBACK_AFTER: Millis = Millis::new(5 * 60_000);

impl<'a> Compiling<'a> {
    pub(super) fn recipient(
        &mut self,
        document: &'a Document<'a>,
        file: usize,
        name: &'a str,
        value: &'a Spanned<DeValue<'a>>,
    ) {
        let Some(mut table) = Table::at(document, value, "a recipient") else { return };
        let mut addresses = Vec::new();
        let email = table.value("email");
        if let Some(list) = email.filter(|value| value.get_ref().as_array().is_some()) {
            let help = "one address: make a recipient for each, and a group of both";
            table.wrong_with("email", list, "a string in quotes", Some(help.into()));
        } else if let Some(email) = table.string("email") {
            if Address::is_email(email.get_ref()) {
                addresses.push(Address::Email((*email.get_ref()).into()));
            } else {
                let message = format!("`{}` is not an email address", email.get_ref());
                document.problem(email.span(), message, Some("write it as user@host, without a name".into()));
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
        self.fallbacks_used.push(NameUse::new(recipient, file, &fallback));
        Some(((*fallback.get_ref()).into(), after.unwrap_or(FALLBACK_AFTER)))
    }

    fn webhook(&mut self, document: &'a Document<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<Address> {
        if let Some(url) = string(value) {
            let help = format!("write `{{ url = \"{}\" }}`", url.get_ref());
            document.problem(value.span(), "a webhook is a table, this is a string", Some(help));
            return None;
        }
        let mut table = Table::at(document, value, "a webhook")?;
        let url = table.required_string("url", "a webhook")?;
        document.hide(url.span());
        let rest = url.get_ref().strip_prefix("https://").or_else(|| url.get_ref().strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/'))
            || url.get_ref().contains(char::is_whitespace)
        {
            let help = "write it as https://host/path".to_owned();
            document.problem(url.span(), "this is not a URL that can be called", Some(help));
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
                Err(error) => {
                    document.hide(secret.span());
                    document.problem(secret.span(), "a secret is never written into a file", Some(error));
                }
            }
        }
        let template = table.string("template");
        table.finish();
        let template = template.map(|template| (Name::new(template.get_ref()), template.span()));
        self.webhooks.push(DeclaredWebhook {
            file: document.file.to_owned(),
            url: (*url.get_ref()).to_owned(),
            url_span: url.span(),
            template: template.clone(),
        });
        let template = template.map(|(template, _)| template);
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
        self.members_used.extend(members.iter().map(|member| NameUse::new(name, file, member)));
        self.groups.insert(name.into(), names);
    }
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

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;
    use crate::{Ruleset, Sources};

    #[test]
    fn quiet_hours_and_fallbacks_are_kept_as_they_are_written() {
        let text = "[recipient.nor]\nemail = 'nor@example.com'\nfallback = 'kim'\n\
            quiet = { from = '22:30', to = '07:00', unless = 'critical' }\n\
            [recipient.kim]\nemail = 'kim@example.com'\nfallback = 'pat'\nfallback_after = '1h'\n\
            [recipient.pat]\nemail = 'pat@example.com'";
        let files = [("people.toml".to_owned(), text.to_owned())].into();
        let rules = Ruleset::compile(&Sources { files, timezone: "UTC".into(), ..Sources::default() }).unwrap();
        let kept =
            ["nor", "kim", "pat"].map(|name| rules.recipients.get(name).map(|one| (one.quiet, one.fallback.clone())));
        let span = WallSpan { from: time(22, 30, 0, 0), to: time(7, 0, 0, 0) };
        let night = Quiet { span, unless: Some(Severity::Critical) };
        let fallback = |name: &str, minutes: i64| Some((name.into(), Millis::new(minutes * 60_000)));
        assert_eq!(
            kept,
            [Some((Some(night), fallback("kim", 5))), Some((None, fallback("pat", 60))), Some((None, None))]
        );
    }
}

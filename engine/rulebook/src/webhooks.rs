//! Mistakes in the webhooks of recipients: templates that do not exist, and URLs that the receiver's service is certain
//! to refuse. A wrong receiver would be noticed in the first outage only.

use std::ops::Range;

use dag_engine::{DeclaredWebhook, Problem, Ruleset, did_you_mean};

use crate::rules_folder::RulesFolder;

/// The services with a template of their own, by where their webhooks are.
const SERVICES: [(&str, &[&str], &str); 3] = [
    ("slack", &["hooks.slack.com"], "/services/"),
    ("discord", &["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"], "/api/webhooks/"),
    ("telegram", &["api.telegram.org"], "/bot"),
];

/// The templates that are built in, of the services that check what they are sent.
const OF_SERVICES: [&str; 4] = ["slack", "discord", "telegram", "ntfy"];

/// Returns the problems of all webhooks, each at its place. `known` are the templates that there are.
pub(super) fn problems(rules: &Ruleset, known: &[String], folder: &RulesFolder) -> Vec<Problem> {
    rules.webhooks().iter().filter_map(|webhook| problem(webhook, known, folder)).collect()
}

fn problem(webhook: &DeclaredWebhook, known: &[String], folder: &RulesFolder) -> Option<Problem> {
    let at = |span: &Range<usize>, message: String, help: String| {
        let text = folder.file(&webhook.file).unwrap_or_default();
        let problem = Problem::error(&webhook.file, text, span.clone(), message, Some(help));
        // The URL may contain a token.
        Some(problem.hiding(std::slice::from_ref(&webhook.url_span)))
    };
    let template = webhook.template.as_ref().map(|(name, span)| (name.as_str(), span));
    if let Some((name, span)) = template.filter(|(name, _)| !known.iter().any(|known| known == name)) {
        let help = did_you_mean(name, known.iter().map(String::as_str));
        let list = || format!("there are {}; your own is rules/templates/{name}.json", known.join(", "));
        return at(span, format!("there is no template `{name}`"), help.unwrap_or_else(list));
    }
    // A template of the user's own may send what it likes, also to these services.
    if template.is_some_and(|(name, _)| {
        !OF_SERVICES.contains(&name) || folder.file(&format!("templates/{name}.json")).is_some()
    }) {
        return None;
    }
    let url = Url::of(&webhook.url);
    let template = template.map(|(name, _)| name);
    if let Some(service) = url.service().filter(|service| template != Some(service) && !url.takes(template)) {
        let message = match template {
            Some(other) => format!("this is an address of {service}, which refuses what the template `{other}` writes"),
            None => format!("this is an address of {service}, which refuses a call without a template for it"),
        };
        return at(&webhook.url_span, message, format!("write template = \"{service}\""));
    }
    let message = match template {
        Some("telegram") if url.parameter("chat_id").is_none() => "a Telegram address without `chat_id` reaches nobody",
        Some("telegram") if !url.path.to_ascii_lowercase().ends_with("/sendmessage") => {
            "a Telegram address ends in `/sendMessage`, before the `?`"
        }
        Some("ntfy") if url.path.trim_end_matches('/').is_empty() => "an ntfy address without a topic reaches nobody",
        _ => return None,
    };
    let form = match template {
        Some("ntfy") => "https://ntfy.sh/<topic>",
        _ => "https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>",
    };
    at(&webhook.url_span, message.to_owned(), format!("write it as {form}"))
}

/// The parts of a URL that tell services apart.
struct Url<'a> {
    host: String,
    path: &'a str,
    query: &'a str,
}

impl<'a> Url<'a> {
    fn of(text: &'a str) -> Url<'a> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        Url { host: host.to_ascii_lowercase(), path, query }
    }

    /// Returns the service that has its webhooks there.
    fn service(&self) -> Option<&'static str> {
        let found = SERVICES.iter().find(|(_, hosts, _)| hosts.contains(&self.host.as_str()));
        found.filter(|(_, _, path)| self.path.starts_with(path)).map(|(service, ..)| *service)
    }

    /// Returns whether the service takes what another service's template writes. Discord does at `…/slack`.
    fn takes(&self, template: Option<&str>) -> bool {
        template == Some("slack") && self.service() == Some("discord") && self.path.ends_with("/slack")
    }

    /// Returns a parameter of the query that is not empty.
    fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.query.split('&').filter_map(|parameter| parameter.split_once('='));
        let mut named = parameters.filter(|(key, _)| *key == name).map(|(_, value)| value);
        named.next().filter(|value| !value.is_empty())
    }
}

//! Reads the entries of `expect`, `told` and `not_told`, and looks up the names in them.

use toml::{Spanned, de::DeValue};

use super::{
    expect::{Expected, Key, Target, UnknownName},
    parse::Reader,
};
use crate::{
    Channel, Kind, Name, did_you_mean,
    rules::{ACCOUNT, document::Table},
};

impl<'d, 'a> Reader<'d, 'a> {
    /// Reads an entry whose names must all stand for something.
    pub fn known_message(&self, item: &'d Spanned<DeValue<'a>>) -> Option<Expected> {
        let mut expected = self.message(item)?;
        if let Some(UnknownName { message, help, span }) = expected.unknown.take() {
            self.document.problem(span, message, help);
        }
        Some(expected)
    }

    /// Reads an entry. A name in it that stands for nothing is noted: nobody is told of such a message.
    pub fn message(&self, item: &'d Spanned<DeValue<'a>>) -> Option<Expected> {
        let mut table = Table::at(self.document, item, "an expected message")?;
        let keys = table.entries().filter_map(|(key, ..)| Key::ALL.into_iter().find(|known| known.as_str() == key));
        let keys = keys.collect();
        let to = table.string("to");
        let by = table.word("by", &[Channel::Email, Channel::Webhook].map(|channel| (channel.as_str(), channel)));
        let kind = table.word("kind", &Kind::ALL.map(|kind| (kind.as_str(), kind)));
        let rule = table.string("rule");
        let step = table.count("step");
        let subject = table.string("subject").map(|subject| subject.get_ref().to_string());
        table.finish();
        let (to, nobody) = to.map_or((None, None), |to| self.target(&to, by));
        let no_rule = rule.as_ref().and_then(|rule| self.no_such_rule(rule));
        let rule = rule.map(|rule| Name::new(rule.get_ref()));
        Some(Expected { to, by, kind, rule, step, subject, keys, unknown: nobody.or(no_rule), span: item.span() })
    }

    /// Returns whom a name stands for: a recipient or a group of the rules in force, or a recipient of those before
    /// them, who may still be told that it is over.
    fn target(&self, to: &Spanned<&str>, by: Option<Channel>) -> (Option<Target>, Option<UnknownName>) {
        let name = Name::new(to.get_ref());
        let recipient = || Some(Target::Recipient(name.clone()));
        let (Some(rules), Some(device)) = (self.rules_in_force(), self.device) else { return (recipient(), None) };
        let unknown = |message, help| Some(UnknownName { message, help, span: to.span() });
        if rules.recipients.contains_key(&name) {
            return (recipient(), None);
        }
        if rules.is_target(&name) {
            let reached = rules.reach([&name], device);
            let mut members: Vec<Name> = Vec::new();
            for one in reached.iter().filter(|one| by.is_none_or(|by| one.address.channel() == by)) {
                if !members.contains(&one.recipient) {
                    members.push(one.recipient.clone());
                }
            }
            let nobody = members.is_empty().then(|| match by {
                Some(by) if !reached.is_empty() => {
                    (format!("nobody in `{name}` has a channel `{}`", by.as_str()), None)
                }
                _ => {
                    let help = "give the scenario the addresses of an account: account = [\"ann@example.com\"]";
                    (format!("`{name}` is nobody here: the account has no address"), Some(help.to_owned()))
                }
            });
            let nobody = nobody.and_then(|(message, help)| unknown(message, help));
            return (Some(Target::Group { name, members }), nobody);
        }
        let emails = &device.account_emails;
        if emails.iter().any(|email| *email == name)
            || self.rules_so_far().any(|rules| rules.recipients.contains_key(&name))
        {
            return (recipient(), None);
        }
        let known = rules.recipients.keys().chain(rules.groups.keys()).map(Name::as_str);
        let known = known.chain([ACCOUNT]).chain(emails.iter().map(String::as_str));
        let help = if self.document.is_full() { None } else { did_you_mean(&name, known) };
        let message = format!("there is no recipient or group `{name}`");
        (recipient(), unknown(message, help))
    }

    /// Returns what is wrong with a rule that none of the rules so far has.
    fn no_such_rule(&self, rule: &Spanned<&str>) -> Option<UnknownName> {
        let rules = self.rules_in_force()?;
        if self.rules_so_far().any(|rules| rules.rule(rule.get_ref()).is_some()) {
            return None;
        }
        let known = rules.rules().map(Name::as_str);
        let help = if self.document.is_full() { None } else { did_you_mean(rule.get_ref(), known) };
        Some(UnknownName { message: format!("there is no rule `{}`", rule.get_ref()), help, span: rule.span() })
    }
}

//! The acts that a step may hold, each with the problems in it.

use toml::{Spanned, de::DeValue};

use super::{
    Act, Expectation,
    expect::Expected,
    parse::{Reader, length},
};
use crate::{
    Channel, Engine, Name, Problem, Problems, Reading, Ruleset, Time, Value,
    rules::document::{Span, Table},
    simulation::Failing,
};

impl<'d, 'a> Reader<'d, 'a> {
    /// `rules`: from here the rules of another folder are in force.
    pub fn rules(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let folder = table.string("rules")?;
        let name = folder.get_ref().to_string();
        if !self.reloads.contains_key(&name) {
            let engine = self.compile(&folder);
            self.reloads.insert(name.clone(), engine);
        }
        self.in_force = Some(name.clone());
        Some((folder.span(), Act::Rules(name)))
    }

    /// The rules of a folder, or what is wrong: at the scenario's place and, where it lies in the folder, there.
    fn compile(&mut self, folder: &Spanned<&str>) -> Option<Engine> {
        let name = *folder.get_ref();
        let known = self.others.names();
        if !known.iter().any(|known| known == name) {
            let make = "make it beside this file, with the *.toml and *.rhai of other rules";
            self.unknown(folder, "folder", known.iter().map(String::as_str), Some(make.to_owned()));
            return None;
        }
        let beside = self.document.file.rsplit_once('/').map(|(above, _)| format!("{above}/{name}"));
        let beside = beside.as_deref().unwrap_or(name);
        let compiled = self.others.sources(name).and_then(|sources| {
            // Some problems are about the configuration, which does not lie there.
            let in_folder = |problem: &Problem| sources.files.contains_key(&problem.file);
            let placed = |problem: Problem| if in_folder(&problem) { problem.within(beside) } else { problem };
            Ruleset::of_a_story(sources.clone())
                .map_err(|problems| Problems(problems.0.into_iter().map(placed).collect()))
        });
        match compiled {
            Ok(rules) => Some(Engine::new(rules)),
            Err(Problems(problems)) => {
                let message = format!("the rules of `{name}` cannot be put in force");
                let help = "what is wrong with them is told below".to_owned();
                self.document.problem(folder.span(), message, Some(help));
                self.elsewhere.extend(problems);
                None
            }
        }
    }

    /// `readings`: one report that brings readings with times of their own.
    pub fn readings(&mut self, table: &mut Table<'d, 'a>, now: Time) -> Option<(Span, Act)> {
        let value = table.value("readings")?;
        let Some(items) = value.get_ref().as_array() else {
            table.wrong("readings", value, "a list, like [{ at = \"10m\", set = { power = \"off\" } }]");
            return None;
        };
        let mut readings = Vec::new();
        for item in items.iter() {
            let Some(mut table) = Table::at(self.document, item, "a reading") else { continue };
            let at = length(&mut table, "at", "a reading").map_or(now, |at| self.start + at);
            if let Some(value) = table.value("at").filter(|_| at > now) {
                let help = "its step's `at` is when the report comes in".to_owned();
                self.document.problem(value.span(), "a reading is not later than its report", Some(help));
            }
            match table.value("set") {
                Some(facts) => readings.extend(self.facts(facts, at)),
                None => self.document.problem(item.span(), "a reading needs `set`", None),
            }
            table.finish();
        }
        Some((value.span(), Act::Report(readings)))
    }

    /// `set`: facts that take a value here.
    pub fn set(&mut self, table: &mut Table<'d, 'a>, now: Time) -> Option<(Span, Act)> {
        let facts = table.value("set")?;
        Some((facts.span(), Act::Report(self.facts(facts, now))))
    }

    /// Facts with their values, read at `at`.
    fn facts(&self, facts: &'d Spanned<DeValue<'a>>, at: Time) -> Vec<Reading> {
        let Some(facts) = Table::at(self.document, facts, "`set`") else { return Vec::new() };
        let read =
            |(fact, span, value)| Some(Reading { fact: Name::new(fact), value: self.fact(fact, span, value)?, at });
        facts.entries().filter_map(read).collect()
    }

    /// A fact's value as scenarios write it: `None` within if it is `unknown`.
    fn fact(&self, fact: &str, span: Span, value: &Spanned<DeValue<'_>>) -> Option<Option<Value>> {
        let rules = self.engine.rules();
        let Some(kind) = rules.fact(fact) else {
            self.unknown(&Spanned::new(span, fact), "fact", rules.facts(), None);
            return None;
        };
        let parsed = match value.get_ref() {
            DeValue::String(text) if text == "unknown" => return Some(None),
            DeValue::String(text) => Value::parse(text),
            DeValue::Integer(number) => {
                i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok().map(Value::Number)
            }
            _ => None,
        };
        let value = parsed.filter(|value| kind.holds(*value));
        if value.is_none() {
            let help = format!("it is {}, or \"unknown\"", kind.describe());
            self.document.problem(span, format!("`{fact}` cannot take this value"), Some(help));
        }
        value.map(Some)
    }

    /// `fail`: whom no delivery reaches from here.
    pub fn fail(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let value = table.value("fail")?;
        let Some(items) = value.get_ref().as_array() else {
            table.wrong("fail", value, "a list of recipients, like [\"nor\", { to = \"kim\", by = \"email\" }]");
            return None;
        };
        let failing = items.iter().filter_map(|item| self.failing(item)).collect();
        Some((value.span(), Act::Fail(failing)))
    }

    fn failing(&self, item: &'d Spanned<DeValue<'a>>) -> Option<Failing> {
        if let DeValue::String(to) = item.get_ref() {
            return self.recipient(&Spanned::new(item.span(), to.as_ref()), None);
        }
        let mut table = Table::at(self.document, item, "an entry of `fail`")?;
        let to = table.required_string("to", "an entry of `fail`");
        let by = table.word("by", &[Channel::Email, Channel::Webhook].map(|by| (by.as_str(), by)));
        let by = by.and_then(|by| Some((by, table.value("by")?.span())));
        table.finish();
        self.recipient(&to?, by)
    }

    /// One of the recipients, by one of their channels, of the rules in force or of those before them: who is gone from
    /// the rules may still be told that it is over.
    fn recipient(&self, to: &Spanned<&str>, by: Option<(Channel, Span)>) -> Option<Failing> {
        let name = *to.get_ref();
        let channel = by.as_ref().map(|(channel, _)| *channel);
        if let Some(rules) = self.rules_in_force() {
            let account = self.device.map_or(&[][..], |device| &device.account_emails);
            let addresses =
                self.rules_so_far().filter_map(|rules| rules.recipients.get(name)).flat_map(|known| &known.addresses);
            let mut channels: Vec<Channel> = addresses.map(|address| address.channel()).collect();
            channels.extend(account.iter().filter(|email| *email == name).map(|_| Channel::Email));
            match by {
                _ if channels.is_empty() && rules.is_target(name) => {
                    let help = format!("`{name}` is a group; list its members here instead");
                    self.document.problem(to.span(), format!("there is no recipient `{name}`"), Some(help));
                }
                _ if channels.is_empty() => {
                    let recipients = self.rules_so_far().flat_map(|rules| rules.recipients.keys()).map(Name::as_str);
                    self.unknown(to, "recipient", recipients.chain(account.iter().map(String::as_str)), None);
                }
                Some((by, span)) if !channels.contains(&by) => {
                    self.document.problem(span, format!("`{name}` has no {}", by.as_str()), None);
                }
                _ => {}
            }
        }
        Some(Failing { to: Name::new(name), by: channel })
    }

    /// `ack`: somebody takes incidents on.
    pub fn ack(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let value = table.value("ack")?;
        if let DeValue::String(by) = value.get_ref() {
            return Some((value.span(), Act::Ack { by: by.to_string(), rule: None }));
        }
        let mut table = Table::at(self.document, value, "`ack`")?;
        let by = table.required_string("by", "`ack`").map(|by| by.get_ref().to_string());
        let rule = self.rule(&mut table);
        table.finish();
        Some((value.span(), Act::Ack { by: by?, rule }))
    }

    /// `told`: messages each of which was sent since the last `expect`.
    pub fn told(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let (span, messages) = self.messages(table, "told")?;
        Some((span, Act::Told(messages)))
    }

    /// `not_told`: messages none of which was sent since then.
    pub fn not_told(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let (span, messages) = self.messages(table, "not_told")?;
        Some((span, Act::NotTold(messages)))
    }

    fn messages(&mut self, table: &mut Table<'d, 'a>, key: &'static str) -> Option<(Span, Vec<Expected>)> {
        let value = table.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            table.wrong(key, value, "a list of messages, like [{ to = \"owners\", kind = \"opened\" }]");
            return None;
        };
        if items.is_empty() {
            let help = "list messages in it; `expect = []` says that nobody was told of anything".to_owned();
            self.document.problem(value.span(), format!("an empty `{key}` says nothing"), Some(help));
        }
        Some((value.span(), items.iter().filter_map(|item| self.known_message(item)).collect()))
    }

    /// `expect`: the messages that were sent since the last one.
    pub fn expect(&mut self, table: &mut Table<'d, 'a>, _: Time) -> Option<(Span, Act)> {
        let value = table.value("expect")?;
        let expectation = match value.get_ref() {
            DeValue::Array(items) => Expectation::Exactly(items.iter().filter_map(|item| self.message(item)).collect()),
            DeValue::String(word) if word == "anything" => Expectation::Anything,
            _ => {
                let wanted = "a list of messages, like [{ to = \"nor\", kind = \"opened\" }], or \"anything\"";
                table.wrong("expect", value, wanted);
                return None;
            }
        };
        Some((value.span(), Act::Expect(expectation)))
    }
}

//! Rules as these tests know them. A plan makes the text that the engine compiles, and tells by itself who is told
//! and when.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Channel, Device, Engine, FactKind, Name, Ruleset, Severity, Sources, Time};

/// The conditions of random rules. A rule inhibits only rules further down here, so there are no cycles.
pub const PALETTE: [(&str, &str); 7] = [
    ("unstable", r#"power.changes("10m") >= 3 && !power.held("1m")"#),
    ("outage", "power == off"),
    ("blind", "power == off && !known(door)"),
    ("night", r#"between("22:00", "07:00") && power == off"#),
    ("lost", "power == off && connection == disconnected"),
    ("low", "battery < 20"),
    ("door", "door == on || battery < 10"),
];

/// The condition on the mains alone: its incidents follow from the readings.
pub const MAINS: &str = "power == off";

pub const SITE: &str = "Europe/London";

/// Scripts that change who is told, whether, and in which words; one that fails.
pub const SCRIPTS: [&str; 4] = [
    "fn allow(ctx) { ctx.facts.battery != 11 }",
    "fn recipients(ctx, names) { if ctx.step == 0 { [\"kim\"] } else { names } }",
    "fn message(ctx) { #{ subject: `${ctx.kind} of ${ctx.rule.name}`, text: \"own words\" } }",
    "fn open_after(ctx) { if ctx.facts.battery == 7 { throw \"no\" } else if ctx.local.hour > 20 { \"1m\" } }\n\
     fn close_after(ctx) { \"5s\" }",
];

#[derive(Clone)]
pub struct Plan {
    pub rules: Vec<Rule>,
    pub escalations: Vec<Escalation>,
    pub people: Vec<Person>,
    pub script: Option<&'static str>,
    pub operators: bool,
    pub comment: u32,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub when: &'static str,
    pub open_after: i64,
    pub close_after: i64,
    pub severity: Severity,
    pub escalation: usize,
    pub inhibits: Vec<String>,
    pub scripted: bool,
    pub was: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Escalation {
    pub steps: Vec<Step>,
    pub lapses: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub name: Option<&'static str>,
    /// In seconds, as all lengths here.
    pub after: i64,
    pub notify: Vec<&'static str>,
    pub repeat: Option<(i64, Option<u32>)>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub name: &'static str,
    pub webhook: bool,
    pub quiet: Option<Quiet>,
    pub zone: Option<&'static str>,
    pub fallback: Option<(&'static str, i64)>,
    /// Part of the address: an edit moves it.
    pub moved: u32,
}

#[derive(Clone, Debug)]
pub struct Quiet {
    pub from: &'static str,
    pub to: &'static str,
    pub unless: Option<Severity>,
}

/// A recipient and a kind of address.
pub type ChannelKey = (Name, Channel);

impl Plan {
    pub fn engine(&self) -> Engine {
        let sources = self.sources();
        let rules = Ruleset::compile(&sources);
        Engine::new(rules.unwrap_or_else(|problems| panic!("{problems}\n{}", self.text())))
    }

    fn sources(&self) -> Sources {
        let mut files = BTreeMap::from([("rules.toml".to_owned(), self.text())]);
        if let Some(script) = self.script.filter(|_| self.rules.iter().any(|rule| rule.scripted)) {
            files.insert("hooks.rhai".to_owned(), script.to_owned());
        }
        let operators = if self.operators { vec!["owners".into()] } else { Vec::new() };
        let facts = BTreeMap::from([("door".into(), FactKind::Switch)]);
        Sources { files, facts, other_devices: false, timezone: SITE.into(), operators }
    }

    /// The file of rules.
    pub fn text(&self) -> String {
        let mut text = format!("# edit {}\n", self.comment);
        for rule in &self.rules {
            let Rule { name, when, open_after, close_after, severity, escalation, inhibits, .. } = rule;
            text += &format!("[rule.{name}]\nwhen = '{when}'\nseverity = \"{}\"\n", severity.as_str());
            text += &format!("open_after = \"{open_after}s\"\nclose_after = \"{close_after}s\"\n");
            text += &format!("escalation = \"e{escalation}\"\ninhibits = {inhibits:?}\n");
            if rule.scripted && self.script.is_some() {
                text += "script = \"hooks.rhai\"\n";
            }
            if let Some(was) = &rule.was {
                text += &format!("was = \"{was}\"\n");
            }
        }
        for (at, Escalation { steps, lapses }) in self.escalations.iter().enumerate() {
            text += &format!("[escalation.e{at}]\n");
            if let Some(lapses) = lapses {
                text += &format!("ack_lapses_after = \"{lapses}s\"\n");
            }
            let steps: Vec<String> = steps.iter().map(Step::text).collect();
            text += &format!("steps = [{}]\n", steps.join(", "));
        }
        for person in &self.people {
            text += &person.text();
        }
        let all: Vec<&str> = self.people.iter().map(|person| person.name).collect();
        text + format!("[group]\nowners = [\"nor\", \"@account\"]\neverybody = {all:?}\n").as_str()
    }

    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Returns whether the script decides whom this rule tells.
    pub fn scripts_recipients(&self, rule: &Rule) -> bool {
        rule.scripted && self.script.is_some_and(|script| script.contains("recipients"))
    }

    /// Returns every channel that the names stand for.
    pub fn reach(&self, names: &[&str], device: &Device) -> Vec<ChannelKey> {
        let mut keys = Vec::new();
        for name in names {
            let members: Vec<&str> = match *name {
                "owners" => vec!["nor", "@account"],
                "everybody" => self.people.iter().map(|person| person.name).collect(),
                one => vec![one],
            };
            for member in members {
                if member == "@account" {
                    keys.extend(device.account_emails.iter().map(|email| (Name::new(email), Channel::Email)));
                }
                for person in self.people.iter().filter(|person| person.name == member) {
                    keys.push((member.into(), Channel::Email));
                    keys.extend(person.webhook.then(|| (member.into(), Channel::Webhook)));
                }
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns whether a recipient has quiet hours at a time, for messages of a severity.
    pub fn is_quiet(&self, recipient: &str, severity: Severity, at: Time) -> bool {
        let Some(person) = self.people.iter().find(|person| person.name == recipient) else { return false };
        let Some(quiet) = person.quiet.as_ref().filter(|quiet| quiet.unless.is_none_or(|unless| severity < unless))
        else {
            return false;
        };
        let zone = dag_engine::zone(person.zone.unwrap_or(SITE)).unwrap();
        let wall = at.in_zone(&zone).strftime("%H:%M").to_string();
        let wall = wall.as_str();
        if quiet.from < quiet.to {
            quiet.from <= wall && wall < quiet.to
        } else {
            quiet.from <= wall || wall < quiet.to
        }
    }
}

/// Shows the rules as text.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())?;
        self.script.map_or(Ok(()), |script| f.write_str(script))
    }
}

impl Step {
    fn text(&self) -> String {
        let Step { name, after, notify, repeat } = self;
        let name = name.map(|name| format!("name = \"{name}\", ")).unwrap_or_default();
        let repeat = repeat.map(|(every, at_most)| {
            let at_most = at_most.map(|most| format!(", at_most = {most}")).unwrap_or_default();
            format!(", repeat = \"{every}s\"{at_most}")
        });
        format!("{{ {name}after = \"{after}s\", notify = {notify:?}{} }}", repeat.unwrap_or_default())
    }
}

impl Person {
    fn text(&self) -> String {
        let Person { name, webhook, quiet, zone, fallback, moved } = self;
        let mut text = format!("[recipient.{name}]\nemail = \"{name}-{moved}@example.com\"\n");
        if *webhook {
            text += "webhook = { url = \"https://example.com/hook\", secret = \"env:HOOK\" }\n";
        }
        if let Some(Quiet { from, to, unless }) = quiet {
            let unless = unless.map(|unless| format!(", unless = \"{}\"", unless.as_str())).unwrap_or_default();
            text += &format!("quiet = {{ from = \"{from}\", to = \"{to}\"{unless} }}\n");
        }
        if let Some(zone) = zone {
            text += &format!("timezone = \"{zone}\"\n");
        }
        if let Some((to, after)) = fallback {
            text += &format!("fallback = \"{to}\"\nfallback_after = \"{after}s\"\n");
        }
        text
    }
}

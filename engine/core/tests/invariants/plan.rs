//! Rules as the tests know them: a plan makes the text that the engine compiles, and says itself who is told and when.

use std::{collections::BTreeMap, fmt};

use dag_engine::{Channel, Device, Engine, FactKind, Name, Ruleset, Severity, Sources, Time};
use proptest::prelude::*;

/// What may be watched. A rule inhibits only rules that stand further down here, so that there are no cycles.
pub const PALETTE: [(&str, &str); 7] = [
    ("unstable", r#"power.changes("10m") >= 3 && !power.held("1m")"#),
    ("outage", "power == off"),
    ("blind", "power == off && !known(door)"),
    ("night", r#"between("22:00", "07:00") && power == off"#),
    ("lost", "power == off && connection == disconnected"),
    ("low", "battery < 20"),
    ("door", "door == on || battery < 10"),
];

/// The rule whose condition is the mains alone: what it should do can be told from the readings.
pub const MAINS: &str = "power == off";

pub const SITE: &str = "Europe/London";

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
pub struct Step {
    pub name: Option<&'static str>,
    /// In seconds, as all lengths here.
    pub after: i64,
    pub notify: Vec<&'static str>,
    pub repeat: Option<(i64, Option<u32>)>,
}

#[derive(Clone, Debug)]
pub struct Escalation {
    pub steps: Vec<Step>,
    pub lapses: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Quiet {
    pub from: &'static str,
    pub to: &'static str,
    pub unless: Option<Severity>,
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

#[derive(Clone)]
pub struct Plan {
    pub rules: Vec<Rule>,
    pub escalations: Vec<Escalation>,
    pub people: Vec<Person>,
    pub script: Option<&'static str>,
    pub operators: bool,
    pub comment: u32,
}

/// As people read it.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())?;
        self.script.map_or(Ok(()), |script| f.write_str(script))
    }
}

/// Scripts that change who is told, whether, and in which words; one that fails.
pub const SCRIPTS: [&str; 4] = [
    "fn allow(ctx) { ctx.facts.battery != 11 }",
    "fn recipients(ctx, names) { if ctx.step == 0 { [\"kim\"] } else { names } }",
    "fn message(ctx) { #{ subject: `${ctx.kind} of ${ctx.rule.name}`, text: \"own words\" } }",
    "fn open_after(ctx) { if ctx.facts.battery == 7 { throw \"no\" } else if ctx.local.hour > 20 { \"1m\" } }\n\
     fn close_after(ctx) { \"5s\" }",
];

/// One edit of the rules.
#[derive(Clone, Debug)]
pub enum Edit {
    Comment,
    Remove(usize),
    Rename(usize),
    /// A rule of the first plan stands there again under its first name.
    Return(usize),
    Waits(usize, i64, i64),
    Severity(usize, Severity),
    /// A step, named or not, is put before the others.
    FirstStep(usize, Option<&'static str>),
    DropLastStep(usize),
    /// The recipient `pat` is gone.
    DropPat,
    Move(usize),
}

/// A recipient and a kind of address.
pub type Key = (Name, Channel);

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

    /// Whether the script decides whom this rule tells.
    pub fn scripts_recipients(&self, rule: &Rule) -> bool {
        rule.scripted && self.script.is_some_and(|script| script.contains("recipients"))
    }

    /// Every channel that names stand for.
    pub fn reach(&self, names: &[&str], device: &Device) -> Vec<Key> {
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

    /// Whether these are quiet hours of a recipient, for messages of a severity.
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

    /// The plan after an edit; the same where the edit fits nothing.
    pub fn edited(&self, edit: &Edit, first: &Plan) -> Plan {
        let mut plan = self.clone();
        plan.comment += 1;
        plan.rules.iter_mut().for_each(|rule| rule.was = None);
        let count = plan.rules.len();
        match edit {
            Edit::Comment => {}
            Edit::Remove(at) => {
                if count > 1 {
                    let gone = plan.rules.remove(at % count).name;
                    plan.rules.iter_mut().for_each(|rule| rule.inhibits.retain(|name| *name != gone));
                }
            }
            Edit::Rename(at) => {
                let old = plan.rules[at % count].name.clone();
                let new = old.strip_suffix("-too").map_or_else(|| format!("{old}-too"), str::to_owned);
                if plan.rule(&new).is_none() {
                    let inhibited = plan.rules.iter_mut().flat_map(|rule| &mut rule.inhibits);
                    inhibited.filter(|name| **name == old).for_each(|name| name.clone_from(&new));
                    let rule = &mut plan.rules[at % count];
                    rule.name = new;
                    rule.was = Some(old);
                }
            }
            Edit::Return(at) => {
                let mut rule = first.rules[at % first.rules.len()].clone();
                rule.inhibits.clear();
                if plan.rule(&rule.name).is_none() {
                    plan.rules.push(rule);
                }
            }
            Edit::Waits(at, open_after, close_after) => {
                let rule = &mut plan.rules[at % count];
                (rule.open_after, rule.close_after) = (*open_after, *close_after);
            }
            Edit::Severity(at, severity) => plan.rules[at % count].severity = *severity,
            Edit::FirstStep(at, name) => {
                let steps = &mut plan.escalations[at % 2].steps;
                if name.is_none() || steps.iter().all(|step| step.name != *name) {
                    steps.insert(0, Step { name: *name, after: 0, notify: vec!["kim"], repeat: None });
                }
            }
            Edit::DropLastStep(at) => {
                let steps = &mut plan.escalations[at % 2].steps;
                if steps.len() > 1 {
                    steps.pop();
                }
            }
            Edit::DropPat => {
                plan.people.retain(|person| person.name != "pat");
                let steps = plan.escalations.iter_mut().flat_map(|escalation| &mut escalation.steps);
                steps.flat_map(|step| &mut step.notify).filter(|name| **name == "pat").for_each(|name| *name = "kim");
                for person in &mut plan.people {
                    person.fallback = person.fallback.filter(|(to, _)| *to != "pat");
                }
            }
            Edit::Move(at) => {
                let count = plan.people.len();
                plan.people[at % count].moved += 1;
            }
        }
        plan
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

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical])
}

fn seconds(choice: &[i64]) -> impl Strategy<Value = i64> + use<> {
    prop::sample::select(choice.to_vec())
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let own = (seconds(&[0, 30, 30, 300]), seconds(&[0, 10, 300]), severity(), 0..2_usize, any::<u8>(), any::<bool>());
    let palette = prop::sample::subsequence(PALETTE.to_vec(), 2..=4);
    (palette, prop::collection::vec(own, 4)).prop_map(|(palette, own)| {
        let names: Vec<&str> = palette.iter().map(|(name, _)| *name).collect();
        let rules = palette.iter().zip(own).enumerate();
        let rules = rules.map(|(at, ((name, when), own))| {
            let (open_after, close_after, severity, escalation, mask, scripted) = own;
            // One in four of the rules below.
            let inhibits = names.iter().skip(at + 1).enumerate().filter(|(bit, _)| mask >> (2 * bit) & 3 == 3);
            let inhibits = inhibits.map(|(_, name)| (*name).to_owned()).collect();
            let name = (*name).to_owned();
            Rule { name, when, open_after, close_after, severity, escalation, inhibits, scripted, was: None }
        });
        rules.collect()
    })
}

fn escalation() -> impl Strategy<Value = Escalation> {
    let whom = prop::sample::subsequence(vec!["nor", "owners", "everybody", "kim", "pat", "@account"], 1..=2);
    // Repeats without end are rare ones, so that a story of days stays short.
    let repeat = prop_oneof![
        1 => (seconds(&[60, 420, 7_200]), (1..4_u32).prop_map(Some)),
        1 => (seconds(&[7_200]), Just(None)),
    ];
    let repeat = prop::option::of(repeat);
    let step = (seconds(&[0, 60, 300, 1_800]), whom, repeat, any::<bool>());
    let lapses = prop::option::of(seconds(&[60, 600, 14_400]));
    (prop::collection::vec(step, 1..=3), lapses).prop_map(|(steps, lapses)| {
        let steps = steps.into_iter().zip(["one", "two", "three"]).enumerate();
        let steps = steps.map(|(at, ((after, notify, repeat, named), name))| {
            let after = if at == 0 { 0 } else { after };
            Step { name: named.then_some(name), after, notify, repeat }
        });
        Escalation { steps: steps.collect(), lapses }
    })
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    let hours =
        prop::sample::select(vec![("22:30", "07:00"), ("00:30", "01:30"), ("18:00", "18:10"), ("09:00", "23:00")]);
    let unless = prop::option::of(prop::sample::select(vec![Severity::Warning, Severity::Critical]));
    let quiet = (hours, unless).prop_map(|((from, to), unless)| Quiet { from, to, unless });
    let zone = prop::sample::select(vec!["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]);
    let fallback = prop::option::of(seconds(&[60, 300]));
    let person = (any::<bool>(), prop::option::of(quiet), prop::option::weighted(0.3, zone), fallback);
    prop::collection::vec(person, 3).prop_map(|people| {
        let people = people.into_iter().zip([("nor", Some("kim")), ("kim", Some("pat")), ("pat", None)]);
        let people = people.map(|((webhook, quiet, zone, after), (name, fallback))| Person {
            name,
            webhook,
            quiet,
            zone,
            fallback: fallback.zip(after),
            moved: 0,
        });
        people.collect()
    })
}

pub fn plan() -> impl Strategy<Value = Plan> {
    let script = prop::option::weighted(0.3, prop::sample::select(SCRIPTS.to_vec()));
    let escalations = prop::collection::vec(escalation(), 2);
    (rules(), escalations, people(), script, any::<bool>()).prop_map(
        |(rules, escalations, people, script, operators)| Plan {
            rules,
            escalations,
            people,
            script,
            operators,
            comment: 0,
        },
    )
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..4_usize;
    prop_oneof![
        Just(Edit::Comment),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::Rename),
        at().prop_map(Edit::Return),
        (at(), seconds(&[0, 60]), seconds(&[0, 60])).prop_map(|(at, open, close)| Edit::Waits(at, open, close)),
        (at(), severity()).prop_map(|(at, severity)| Edit::Severity(at, severity)),
        (at(), prop::option::of(Just("new"))).prop_map(|(at, name)| Edit::FirstStep(at, name)),
        at().prop_map(Edit::DropLastStep),
        Just(Edit::DropPat),
        at().prop_map(Edit::Move),
    ]
}

//! Rules as these tests know them: the text that the engine compiles, and what each condition means.

use std::{collections::BTreeMap, fmt};

use dag_engine::{FactKind, Name, Ruleset, Sources, Time, Value, zone};

use crate::record::Record;

pub const SITE: &str = "Europe/London";

/// The values of facts, by name.
type Facts<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// A condition, as rules write it and as these tests read it.
#[derive(Clone, Copy)]
pub struct Condition {
    pub text: &'static str,
    /// The facts that it reads.
    pub reads: &'static [&'static str],
    /// The shipped script whose words its messages have, if the story says so.
    script: Option<(&'static str, &'static str)>,
    /// Whether it is true for these facts, all of which are known, where the wall clock shows this time.
    holds: fn(Facts<'_>, &str) -> Option<bool>,
}

/// The condition of the mains alone.
pub const MAINS: usize = 0;

/// The shipped scripts that write messages.
pub const SCRIPTS: [(&str, &str); 3] = [
    ("battery-low.rhai", include_str!("../../../../rules/battery-low.rhai")),
    ("contact.rhai", include_str!("../../../../rules/contact.rhai")),
    ("reworded.rhai", include_str!("../../../../rules/examples/reworded.rhai")),
];

/// The conditions of random rules.
pub const CONDITIONS: [Condition; 8] = [
    Condition { text: "power == off", reads: &["power"], script: Some(SCRIPTS[2]), holds: |fact, _| is_off(fact) },
    Condition {
        text: r#"power == off && between("07:00", "22:00")"#,
        reads: &["power"],
        script: None,
        holds: |fact, wall| Some(is_off(fact)? && is_day(wall)),
    },
    Condition {
        text: "known(power) && power == off",
        reads: &["power"],
        script: None,
        holds: |fact, _| Some(fact("power") == Some(Value::Off)),
    },
    Condition {
        text: "power == off && battery < 20",
        reads: &["battery", "power"],
        script: None,
        holds: |fact, _| Some(is_off(fact)? && is_low(fact)?),
    },
    Condition { text: "battery < 20", reads: &["battery"], script: Some(SCRIPTS[0]), holds: |fact, _| is_low(fact) },
    Condition {
        text: "power == off || door == on",
        reads: &["door", "power"],
        script: None,
        holds: |fact, _| Some(is_off(fact)? || fact("door")? == Value::On),
    },
    Condition {
        text: "connection == disconnected && power == off",
        reads: &["connection", "power"],
        script: Some(SCRIPTS[1]),
        holds: |fact, _| Some(is_away(fact)? && is_off(fact)?),
    },
    Condition {
        text: "connection == disconnected && (!known(power) || power == on)",
        reads: &["connection", "power"],
        script: Some(SCRIPTS[1]),
        holds: |fact, _| Some(is_away(fact)? && fact("power") != Some(Value::Off)),
    },
];

fn is_off(fact: Facts<'_>) -> Option<bool> {
    Some(fact("power")? == Value::Off)
}

fn is_away(fact: Facts<'_>) -> Option<bool> {
    Some(fact("connection")? == Value::Disconnected)
}

fn is_low(fact: Facts<'_>) -> Option<bool> {
    Some(matches!(fact("battery")?, Value::Number(level) if level < 20))
}

fn is_day(wall: &str) -> bool {
    ("07:00".."22:00").contains(&wall)
}

impl Condition {
    /// Returns whether it was `answer` at `at`, by the raw facts and the wall clock of another moment. A fact that is
    /// lost now, or was then, may have been read as unknown.
    pub fn may_have_been(&self, answer: bool, record: &Record, at: Time, wall: Time) -> bool {
        let wall = wall.in_zone(&zone(SITE).unwrap()).strftime("%H:%M").to_string();
        let value = |fact: &str| record.value_at(fact, at);
        let read_now = |fact: &str| record.now(fact).and_then(|_| value(fact));
        let read_then = |fact: &str| value(fact).filter(|_| !record.lost_at(fact, at));
        let views: [Facts<'_>; 3] = [&value, &read_now, &read_then];
        views.into_iter().any(|view| (self.holds)(view, &wall) == Some(answer))
    }

    /// Returns whether it was `answer` at `at`, by the values that were known last, whatever sensors were lost.
    pub fn was(&self, answer: bool, record: &Record, at: Time) -> bool {
        let wall = at.in_zone(&zone(SITE).unwrap()).strftime("%H:%M").to_string();
        (self.holds)(&|fact| record.value_at(fact, at), &wall) == Some(answer)
    }

    /// It reads values of facts, and nothing else.
    pub fn reads_facts_alone(&self) -> bool {
        !self.text.contains("known") && !self.text.contains("between")
    }

    /// Returns whether it has an answer now: `None` where it needs a fact that is not known.
    pub fn now(&self, record: &Record) -> Option<bool> {
        (self.holds)(&|fact| record.now(fact), "12:00")
    }
}

#[derive(Clone)]
pub struct Plan {
    pub rules: Vec<Rule>,
    /// In seconds, as all lengths here.
    pub lapses: Option<i64>,
    pub repeat: i64,
    pub kim_is_quiet: bool,
    /// The rules that inhibit others: the first one all below it.
    pub inhibits: bool,
    /// Rules have the shipped scripts.
    pub scripted: bool,
    pub comment: u32,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    /// Its place among [`CONDITIONS`].
    pub condition: usize,
    pub open_after: i64,
    pub close_after: i64,
    pub was: Option<String>,
}

/// One edit of the rules.
#[derive(Clone, Debug)]
pub enum Edit {
    Comment,
    Condition(usize, usize),
    Waits(usize, i64, i64),
    Remove(usize),
    Return(usize),
    Rename(usize),
}

impl Plan {
    pub fn ruleset(&self) -> Ruleset {
        let scripts = self.rules.iter().filter_map(|rule| CONDITIONS[rule.condition].script);
        let mut files = BTreeMap::from([("rules.toml".to_owned(), self.text())]);
        files.extend(scripts.filter(|_| self.scripted).map(|(name, text)| (name.to_owned(), text.to_owned())));
        let sources = Sources {
            files,
            facts: BTreeMap::from([("door".into(), FactKind::Switch)]),
            other_devices: false,
            timezone: SITE.into(),
            operators: vec!["watch".into()],
        };
        Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{problems}\n{}", self.text()))
    }

    fn text(&self) -> String {
        let mut text = format!("# edit {}\n", self.comment);
        for (at, Rule { name, condition, open_after, close_after, was }) in self.rules.iter().enumerate() {
            text += &format!("[rule.{name}]\nwhen = '{}'\nescalation = \"all\"\n", CONDITIONS[*condition].text);
            text += &format!("open_after = \"{open_after}s\"\nclose_after = \"{close_after}s\"\n");
            if let Some(was) = was {
                text += &format!("was = \"{was}\"\n");
            }
            if let Some((script, _)) = CONDITIONS[*condition].script.filter(|_| self.scripted) {
                text += &format!("script = \"{script}\"\n");
            }
            if self.inhibits && at == 0 {
                let below: Vec<&String> = self.rules.iter().skip(1).map(|rule| &rule.name).collect();
                text += &format!("inhibits = {below:?}\n");
            }
        }
        let lapses = self.lapses.map(|lapses| format!("ack_lapses_after = \"{lapses}s\"\n")).unwrap_or_default();
        let quiet = if self.kim_is_quiet { "quiet = { from = \"22:30\", to = \"07:00\" }\n" } else { "" };
        text += &format!(
            "[escalation.all]\n{lapses}steps = [{{ after = \"0s\", notify = [\"nor\", \"pat\"] }}, \
             {{ after = \"5m\", notify = [\"kim\"], repeat = \"{}s\", at_most = 4 }}]\n\
             [group]\nwatch = [\"nor\"]\n\
             [recipient.nor]\nemail = \"nor@example.com\"\n\
             [recipient.pat]\nemail = \"pat@example.com\"\ntimezone = \"America/New_York\"\n\
             [recipient.kim]\nemail = \"kim@example.com\"\n{quiet}",
            self.repeat
        );
        text
    }

    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Returns the plan after an edit; the same plan if the edit fits nothing.
    pub fn edited(&self, edit: &Edit, first: &Plan) -> Plan {
        let mut plan = self.clone();
        plan.comment += 1;
        plan.rules.iter_mut().for_each(|rule| rule.was = None);
        let count = plan.rules.len();
        match edit {
            Edit::Comment => {}
            Edit::Condition(at, condition) => plan.rules[at % count].condition = *condition,
            Edit::Waits(at, open_after, close_after) => {
                let rule = &mut plan.rules[at % count];
                (rule.open_after, rule.close_after) = (*open_after, *close_after);
            }
            Edit::Remove(at) if count > 1 => drop(plan.rules.remove(at % count)),
            Edit::Remove(_) => {}
            Edit::Return(at) => {
                let rule = &first.rules[at % first.rules.len()];
                if plan.rule(&rule.name).is_none() {
                    plan.rules.push(rule.clone());
                }
            }
            Edit::Rename(at) => {
                let old = plan.rules[at % count].name.clone();
                let new = old.strip_suffix("-too").map_or_else(|| format!("{old}-too"), str::to_owned);
                if plan.rule(&new).is_none() {
                    let rule = &mut plan.rules[at % count];
                    (rule.name, rule.was) = (new, Some(old));
                }
            }
        }
        plan
    }
}

/// Shows the rules as text.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A name as people read it: `Battery low` for `battery-low`.
pub fn title(name: &str) -> String {
    let spaced = name.replace(['-', '_'], " ");
    spaced[..1].to_uppercase() + &spaced[1..]
}

/// A fact as people read it.
pub fn fact_title(fact: &Name) -> String {
    match fact.as_str() {
        "power" => "Mains power".to_owned(),
        other => title(other),
    }
}

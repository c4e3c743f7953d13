//! The README of `rules/`.

use std::{collections::BTreeMap, fs};

use dag_engine::{Engine, FactKind, Kind, Scenario};

use crate::{
    compile, device,
    folder::{folder, shipped, with_script},
    play,
};

#[test]
fn every_condition_of_the_readme_compiles() {
    let rows = rows("| condition |");
    assert_eq!(rows.len(), 11);
    for row in rows {
        let condition = row.split('`').nth(1).unwrap().replace("\\|", "|");
        let mut sources = shipped();
        let rule = format!("[rule.readme]\nwhen = '{condition}'\nescalation = \"household\"\n");
        sources.files.insert("readme.toml".to_owned(), rule);
        compile(&sources);
    }
}

#[test]
fn a_step_may_say_all_that_the_readme_says() {
    let rows = rows("| a step says |");
    assert_eq!(rows.len(), 13);
    let engine = Engine::new(compile(&shipped()));
    let devices = BTreeMap::from([("cottage".into(), device("cottage", "hay-on-wye"))]);
    let others = BTreeMap::from([("harder".to_owned(), shipped())]);
    for row in rows {
        let said = row.split('`').nth(1).unwrap();
        let at = if said.starts_with("at = ") { "" } else { "at = \"1h\"" };
        let story =
            format!("name = \"a\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n[[step]]\n{at}\n{said}");
        Scenario::parse("a.toml", &story, &engine, &devices, &others).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

#[test]
fn every_key_of_the_readme_compiles() {
    let rows = rows("| of | key |");
    assert_eq!(rows.len(), 6);
    for row in rows {
        let key = row.split('`').nth(1).unwrap();
        let fallback = if key.starts_with("fallback_after") { "fallback = \"neighbour\"\n" } else { "" };
        let section = match row.split('|').nth(1).unwrap().trim() {
            "a recipient" => format!("[recipient.pat]\nemail = \"pat@example.com\"\n{fallback}{key}\n"),
            "a rule" => format!(
                "[rule.readme]\nwhen = \"power == off\"\nseverity = \"critical\"\n{key}\nescalation = \"readme\"\n"
            ),
            "an escalation" => format!("[escalation.patient]\nsteps = [{{ notify = [\"nor\"] }}]\n{key}\n"),
            other => panic!("what has this key? {other}"),
        };
        let mut sources = shipped();
        let escalation = "[escalation]\nreadme = [{ notify = [\"nor\"] }]\n";
        sources.files.insert("readme.toml".to_owned(), format!("{section}{escalation}"));
        assert_eq!(compile(&sources).warnings(), [], "{key}");
    }
}

#[test]
fn the_readme_tells_of_every_kind_of_message() {
    let rows = rows("| kind |");
    let told: Vec<&str> = rows.iter().map(|row| row.split('`').nth(1).unwrap()).collect();
    let kinds =
        [Kind::Opened, Kind::Escalated, Kind::Reminder, Kind::Acknowledged, Kind::Resolved, Kind::Past, Kind::System];
    assert_eq!(told, kinds.map(Kind::as_str));
}

#[test]
fn the_rule_and_the_script_of_the_readme_work() {
    let mut sources = with_script("readme.rhai", &block("rhai"));
    sources.files.insert("readme.toml".to_owned(), block("toml"));
    sources.facts.insert("freezer_door".into(), FactKind::Switch);
    let rules = compile(&sources);
    assert_eq!(rules.warnings(), []);
    let story = r#"
        name = "on a Saturday an outage is told after half an hour, and nobody is reminded at night"
        device = "cottage"
        start = "2026-01-10T21:00:00Z"

        [[step]]
        at = "0s"
        set = { power = "off" }

        [[step]]
        at = "29m59s"
        expect = []

        [[step]]
        at = "1h"
        expect = [{ to = "nor", kind = "opened" }, { to = "neighbour", kind = "escalated" }]

        # The reminders at midnight, at two, four and six o'clock are dropped; the next is at eight.
        [[step]]
        at = "10h59m"
        expect = []

        [[step]]
        at = "11h"
        expect = [{ to = "neighbour", kind = "reminder" }]

        [[step]]
        at = "11h"
        set = { power = "on" }

        [[step]]
        at = "11h1m"
        expect = [
          { to = "nor", kind = "resolved", subject = "Cottage has power again" },
          { to = "neighbour", kind = "resolved", subject = "Cottage has power again" },
        ]
    "#;
    play(&Engine::new(rules), "readme.rhai", story);
}

#[test]
fn every_file_that_the_readme_links_to_exists() {
    let readme = readme();
    let links: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 10);
    for link in links.iter().filter(|link| !link.starts_with("https://")) {
        let file = link.split_once('#').map_or(*link, |(file, _)| file);
        assert!(folder().join(file).exists(), "{link}");
    }
}

fn readme() -> String {
    fs::read_to_string(folder().join("README.md")).unwrap()
}

/// Returns the rows of the README's table with this head.
fn rows(head: &str) -> Vec<String> {
    let readme = readme();
    let rows = readme.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// Returns the README's only block of code in a language.
fn block(language: &str) -> String {
    let readme = readme();
    let fence = format!("```{language}\n");
    let mut blocks = readme.split(&fence).skip(1);
    let block = blocks.next().and_then(|rest| rest.split("```").next()).unwrap().to_owned();
    assert_eq!(blocks.next(), None);
    block
}

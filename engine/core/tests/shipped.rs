//! What `rules/` holds: it compiles, every scenario goes as it says, and what its comments and its README show works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]
#![allow(clippy::disallowed_methods, reason = "the tests are the host here: they read the files of rules/")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use dag_engine::{
    Device, Engine, FactKind, Input, Kind, Name, Notification, Outcome, Reading, Report, Ruleset, Scenario, Simulation,
    Sources, Time, Value,
};

/// The scenarios of `rules/tests` leave room for other durations; this one holds the shipped ones.
const TO_THE_SECOND: &str = r#"
    name = "an outage, step by step, to the second"
    device = "cottage"
    start = "2026-01-10T18:00:00Z"

    [[step]]
    at = "0s"
    set = { power = "off", battery = 18 }

    [[step]]
    at = "29s"
    expect = []

    [[step]]
    at = "30s"
    expect = [{ to = "nor", by = "email", kind = "opened", step = 0, subject = "Cottage: power-outage, opened" }]

    # At 18:01 with 18 percent: some 21 minutes, if a full battery lasts two hours.
    [[step]]
    at = "1m"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: battery at 18 %, enough until about 18:22" }]

    [[step]]
    at = "30m29s"
    expect = []

    [[step]]
    at = "30m30s"
    expect = [{ to = "neighbour", by = "email", kind = "escalated", step = 1 }]

    [[step]]
    at = "2h30m29s"
    expect = []

    [[step]]
    at = "2h30m30s"
    set = { power = "on" }
    expect = [{ to = "neighbour", kind = "reminder", step = 1 }]

    [[step]]
    at = "2h30m39s"
    expect = []

    [[step]]
    at = "2h30m40s"
    expect = [{ to = "nor", kind = "resolved" }, { to = "neighbour", kind = "resolved" }]
"#;

/// The README's tour, at whatever hour somebody takes it.
const AT_NIGHT: &str = r#"
    name = "at three in the morning"
    device = "cottage"
    start = "2026-07-10T02:00:00Z"      # 03:00 in London

    [[step]]
    at = "0s"
    set = { power = "on", battery = 18 }

    [[step]]
    at = "10m"
    set = { power = "off" }
    expect = []

    [[step]]
    at = "10m30s"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: power-outage, opened" }]

    [[step]]
    at = "11m"
    set = { power = "on" }
    expect = []

    [[step]]
    at = "11m10s"
    expect = [{ to = "nor", kind = "resolved" }]

    [[step]]
    at = "3h59m59s"
    expect = []

    [[step]]
    at = "4h"
    expect = [{ to = "nor", kind = "opened", subject = "Cottage: battery at 18 %, on mains" }]
"#;

const NIGHT: &str = r#"
    name = "an outage at night is told after five minutes"
    device = "cottage"
    start = "2026-07-10T21:00:00Z"      # 22:00 in London

    [[step]]
    at = "0s"
    set = { power = "off" }

    [[step]]
    at = "4m59s"
    expect = []

    [[step]]
    at = "5m"
    expect = [{ to = "nor", kind = "opened" }]
"#;

const ELSEWHERE: &str = r#"
    name = "an outage elsewhere does not reach the neighbour"
    device = "barn"
    start = "2026-01-10T18:00:00Z"

    [[step]]
    at = "0s"
    set = { power = "off" }

    [[step]]
    at = "2h"
    expect = [{ to = "nor", kind = "opened", step = 0 }, { to = "nor", kind = "escalated", step = 1 }]
"#;

const REWORDED: &str = r#"
    name = "an outage is told in other words, and its end in the usual ones"
    device = "cottage"
    start = "2026-01-10T18:00:00Z"

    [[step]]
    at = "0s"
    set = { power = "off" }

    [[step]]
    at = "1m"
    set = { power = "on" }
    expect = [{ to = "nor", kind = "opened", subject = "No power at Cottage" }]

    [[step]]
    at = "2m"
    expect = [{ to = "nor", kind = "resolved", subject = "Cottage: power-outage, resolved" }]

    # What cannot be seen is not said.
    [[step]]
    at = "1h"
    set = { power = "off" }

    [[step]]
    at = "1h1m"
    set = { power = "unknown" }
    expect = [{ to = "nor", kind = "opened", subject = "No power at Cottage" }, { to = "nor", kind = "system" }]

    [[step]]
    at = "2h"
    expect = [{ to = "neighbour", kind = "escalated", subject = "Cottage: power-outage, escalated" }]
"#;

#[test]
fn the_shipped_rules_compile_without_a_warning() {
    let rules = compile(&shipped());
    assert_eq!(rules.warnings(), []);
    let names: Vec<&str> = rules.rules().map(Name::as_str).collect();
    assert_eq!(names, ["battery-low", "lost-contact", "off-then-lost", "power-outage", "unstable-supply"]);
}

#[test]
fn every_shipped_scenario_goes_as_it_says_and_no_script_fails() {
    let engine = Engine::new(compile(&shipped()));
    let mut names = BTreeSet::new();
    for (file, text) in files("tests", "toml") {
        let name = play(&engine, &file, &text);
        assert!(names.insert(name), "{file}: another scenario has the same name");
    }
    assert_eq!(names.len(), 31);
}

/// What is in force before a story's own rules is of no matter to it.
#[test]
fn a_story_with_rules_of_its_own_does_not_depend_on_the_users() {
    let people = "[recipient.pat]\nemail = \"pat@example.com\"\n[group]\nowners = [\"pat\"]\n";
    let sources = Sources { files: BTreeMap::from([("people.toml".to_owned(), people.to_owned())]), ..shipped() };
    let engine = Engine::new(compile(&sources));
    let mut folders = BTreeSet::new();
    for (file, text) in files("tests", "toml") {
        let first = text.split("[[step]]").nth(1).unwrap();
        if let Some(folder) = first.lines().find_map(|line| line.strip_prefix("rules = ")) {
            play(&engine, &file, &text);
            folders.insert(folder.trim_matches('"').to_owned());
        }
    }
    let unused: Vec<String> = own_rules().into_keys().filter(|folder| !folders.contains(folder)).collect();
    assert_eq!(unused, ["renamed-rule", "two-minutes"], "the others are there to begin with");
}

#[test]
fn the_rules_of_stories_compile_without_a_warning() {
    for (folder, sources) in own_rules() {
        assert_eq!(compile(&sources).warnings(), [], "{folder}");
    }
}

#[test]
fn the_shipped_durations_are_those_that_the_comments_name() {
    play(&Engine::new(compile(&shipped())), "to-the-second.toml", TO_THE_SECOND);
}

#[test]
fn a_low_battery_waits_for_the_morning_and_an_outage_does_not() {
    play(&Engine::new(compile(&shipped())), "at-night.toml", AT_NIGHT);
}

/// A reload plays the scenarios first, so one that pins a debounce would forbid the very first edit.
#[test]
fn no_scenario_objects_to_another_debounce() {
    for open_after in ["1s", "2s", "5s", "10s", "1m", "2m", "5m"] {
        for close_after in ["1s", "1m", "5m"] {
            nothing_objects(&[
                ("open_after = \"30s\"", &format!("open_after = \"{open_after}\"")),
                ("close_after = \"10s\"", &format!("close_after = \"{close_after}\"")),
            ]);
        }
    }
}

#[test]
fn no_scenario_objects_to_another_pace_of_the_escalation() {
    let pace = "{ after = \"30m\", notify = [\"neighbour\"], repeat = \"2h\", at_most = 6 }";
    for after in ["15m", "45m", "1h"] {
        for more in ["", ", repeat = \"1h\"", ", repeat = \"6h\", at_most = 2"] {
            let edited = format!("{{ after = \"{after}\", notify = [\"neighbour\"]{more} }}");
            // With the longest debounce the first message is the latest, and with it all others.
            nothing_objects(&[(pace, &edited), ("open_after = \"30s\"", "open_after = \"5m\"")]);
            nothing_objects(&[(pace, &edited)]);
        }
    }
}

#[test]
fn no_scenario_objects_to_other_quiet_hours_in_whatever_zone() {
    let quiet = "quiet = { from = \"22:30\", to = \"07:00\", unless = \"critical\" }";
    for edited in [
        "",
        // Here outages wait for the morning too.
        "quiet = { from = \"22:30\", to = \"07:00\" }",
        "quiet = { from = \"20:00\", to = \"09:30\", unless = \"warning\" }",
        "quiet = { from = \"19:00\", to = \"17:00\", unless = \"critical\" }",
    ] {
        nothing_objects(&[(quiet, edited)]);
    }
    for zone in ["Asia/Tokyo", "Australia/Sydney", "America/Los_Angeles", "Europe/Paris", "UTC"] {
        nothing_objects(&[("# timezone = \"Europe/London\"", &format!("timezone = \"{zone}\""))]);
    }
}

#[test]
fn no_scenario_objects_to_other_ways_of_reaching_people() {
    let email = "email = \"nor@example.com\"";
    nothing_objects(&[
        (email, "email = \"me@example.org\""),
        ("email = \"kim@example.com\"", "email = \"k@example.org\""),
    ]);
    nothing_objects(&[("fallback = \"neighbour\"\n", "")]);
    nothing_objects(&[("# fallback_after = \"30m\"", "fallback_after = \"30m\"")]);
    nothing_objects(&[("inhibits = [\"power-outage\"]", "")]);
}

/// A user's device has another name and other labels; only its id stays.
#[test]
fn no_scenario_objects_to_another_name_of_the_device() {
    let engine = Engine::new(compile(&shipped()));
    let mine = Device { name: "Grandma's house".to_owned(), labels: BTreeMap::new(), ..device("cottage", "") };
    let devices = BTreeMap::from([(mine.id.clone(), mine)]);
    for (file, text) in files("tests", "toml") {
        play_on(&engine, &devices, &file, &text);
    }
}

#[test]
fn an_outage_that_is_reported_when_it_is_over_is_told_once_as_past() {
    let engine = Engine::new(compile(&shipped()));
    let mut simulation = Simulation::new(&engine, device("cottage", "hay-on-wye"));
    let readings = [(Value::Off, "18:00:00"), (Value::On, "18:05:00")].map(|(value, at)| Reading {
        fact: "power".into(),
        value: Some(value),
        at: format!("2026-01-10T{at}Z").parse().unwrap(),
    });
    let report = Report { source: "gpio".into(), boot: 1, first: 1, readings: readings.to_vec(), ..Report::default() };
    let now: Time = "2026-01-10T19:00:00Z".parse().unwrap();
    let mut sent = Vec::new();
    simulation.step(Input::Report(report), now, &mut |decision| {
        if let Outcome::Notify(notification) = &decision.outcome {
            sent.push((notification.recipient.to_string(), notification.kind.as_str()));
        }
    });
    assert_eq!(sent, [("nor".to_owned(), "past")]);
}

#[test]
fn every_key_in_a_comment_can_be_used_by_taking_the_mark_away() {
    let mut sources = shipped();
    sources.files.insert("longer-at-night.rhai".to_owned(), example("longer-at-night.rhai"));
    let mut used = Vec::new();
    for (_, text) in sources.files.iter_mut().filter(|(file, _)| file.ends_with(".toml")) {
        let lines = text.lines().map(|line| {
            let Some((key, rest)) = line.strip_prefix("# ").and_then(key) else { return line };
            used.push(key.to_owned());
            rest
        });
        *text = lines.collect::<Vec<_>>().join("\n");
    }
    assert_eq!(compile(&sources).warnings(), []);
    assert_eq!(used, ["webhook", "timezone", "fallback_after", "patient", "script", "run_on", "was"]);
}

#[test]
fn the_example_scripts_do_what_they_say() {
    let stories =
        [("longer-at-night.rhai", NIGHT), ("recipients-by-label.rhai", ELSEWHERE), ("reworded.rhai", REWORDED)];
    let examples = files("examples", "rhai");
    assert!(examples.keys().eq(stories.iter().map(|(file, _)| *file)), "each example has its story");
    let outage = files("tests", "toml").remove("outage.toml").unwrap();
    for (file, story) in stories {
        let engine = Engine::new(compile(&with_script(file, &example(file))));
        play(&engine, file, story);
        if file != "reworded.rhai" {
            // By day, in Hay-on-Wye, nothing is different.
            play(&engine, file, &outage);
        }
    }
}

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
    assert_eq!(rows.len(), 11);
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
    "#;
    play(&Engine::new(rules), "readme.rhai", story);
}

#[test]
fn every_file_that_the_readme_links_to_exists() {
    let readme = readme();
    let links: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 10);
    for link in links.iter().filter(|link| !link.starts_with("https://")) {
        assert!(folder().join(link).exists(), "{link}");
    }
}

/// All scenarios go as they say with the shipped rules after these edits: what stands there, and what then does.
#[track_caller]
fn nothing_objects(edits: &[(&str, &str)]) {
    let mut sources = shipped();
    for (there, then) in edits {
        let found: Vec<&mut String> = sources.files.values_mut().filter(|text| text.contains(there)).collect();
        let [text] = <[_; 1]>::try_from(found).unwrap_or_else(|_| panic!("`{there}` is in one file"));
        assert_eq!(text.matches(there).count(), 1, "`{there}`");
        *text = text.replace(there, then);
    }
    let engine = Engine::new(compile(&sources));
    for (file, text) in files("tests", "toml") {
        play(&engine, &file, &text);
    }
}

/// The folders of rules beside the scenarios, which these may put in force.
fn own_rules() -> BTreeMap<String, Sources> {
    let folders = fs::read_dir(folder().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let names = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.map(|name| (name.clone(), sources_in(&format!("tests/{name}")))).collect()
}

/// `rules/`, as it is shipped.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")
}

/// The files with an extension that lie directly in a folder of `rules/`, by name.
fn files(within: &str, extension: &str) -> BTreeMap<String, String> {
    let paths = fs::read_dir(folder().join(within)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn example(file: &str) -> String {
    files("examples", "rhai").remove(file).unwrap()
}

fn readme() -> String {
    fs::read_to_string(folder().join("README.md")).unwrap()
}

/// The rows of the README's table that begins so.
fn rows(head: &str) -> Vec<String> {
    let readme = readme();
    let rows = readme.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// The one block of code of the README in a language.
fn block(language: &str) -> String {
    let readme = readme();
    let fence = format!("```{language}\n");
    let mut blocks = readme.split(&fence).skip(1);
    let block = blocks.next().and_then(|rest| rest.split("```").next()).unwrap().to_owned();
    assert_eq!(blocks.next(), None);
    block
}

fn shipped() -> Sources {
    sources_in("")
}

/// The rules in a folder of `rules/`.
fn sources_in(within: &str) -> Sources {
    let mut all = files(within, "toml");
    all.extend(files(within, "rhai"));
    Sources {
        files: all,
        facts: BTreeMap::new(),
        other_devices: false,
        timezone: "Europe/London".into(),
        operators: vec!["owners".into()],
    }
}

/// The shipped rules, with a script for the rule `power-outage`, as the comment there shows it.
fn with_script(file: &str, script: &str) -> Sources {
    let mut sources = shipped();
    let line = "# script = \"longer-at-night.rhai\"";
    let power = sources.files.get_mut("power.toml").unwrap();
    assert!(power.contains(line));
    *power = power.replace(line, &format!("script = \"{file}\""));
    sources.files.insert(file.to_owned(), script.to_owned());
    sources
}

fn compile(sources: &Sources) -> Ruleset {
    Ruleset::compile(sources).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A comment that is a key with a value, not a sentence: the key, and all of it.
fn key(comment: &str) -> Option<(&str, &str)> {
    let (key, _) = comment.split_once(" = ")?;
    key.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((key, comment))
}

fn device(id: &str, area: &str) -> Device {
    Device {
        id: id.into(),
        name: "Cottage".to_owned(),
        labels: BTreeMap::from([("area".to_owned(), area.to_owned())]),
        timezone: None,
        account_emails: Vec::new(),
    }
}

/// Plays a scenario that has to go as it says; returns its name.
#[track_caller]
fn play(engine: &Engine, file: &str, text: &str) -> String {
    let devices = [device("cottage", "hay-on-wye"), device("barn", "brecon")];
    play_on(engine, &devices.map(|device| (device.id.clone(), device)).into(), file, text)
}

#[track_caller]
fn play_on(engine: &Engine, devices: &BTreeMap<Name, Device>, file: &str, text: &str) -> String {
    let scenario =
        Scenario::parse(file, text, engine, devices, &own_rules()).unwrap_or_else(|problems| panic!("{problems}"));
    let played = scenario.play(engine, &plain_subject);
    let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), played.timeline);
    assert!(!played.timeline.contains("failed, so the file's value is used"), "{file}\n{}", played.timeline);
    scenario.name
}

/// The script's own words, else the least that a template would say.
fn plain_subject(notification: &Notification) -> String {
    match &notification.wording {
        Some(wording) => wording.subject.clone(),
        None => {
            let what = notification.incident().map_or("trouble", |incident| incident.rule.as_str());
            format!("{}: {what}, {}", notification.device.name, notification.kind.as_str())
        }
    }
}

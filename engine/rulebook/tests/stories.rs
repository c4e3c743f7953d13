//! The stories about the engine and the shipped rules: they go as they say, and `dag test --update` mends them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use dag_engine::Played;
use dag_rulebook::{RulesFolder, SiblingRules};

#[path = "shared/stories.rs"]
mod stories;

use stories::Stories;

#[test]
fn every_story_goes_as_it_says_and_no_script_fails() {
    let mut names = BTreeSet::new();
    for stories in [Stories::shipped(), Stories::engine()] {
        for (file, text) in stories.files() {
            let name = play_well(&stories, &file, &text);
            assert!(names.insert(name), "{file}: another story has the same name");
        }
    }
    assert_eq!(names.len(), 58);
}

/// The rules in force before those of the story do not matter to it.
#[test]
fn a_story_about_the_engine_does_not_depend_on_the_rules_around_it() {
    let people = "[recipient.pat]\nemail = \"pat@example.com\"\n[group]\nowners = [\"pat\"]\n";
    let stories = Stories::of("engine", BTreeMap::from([("people.toml".to_owned(), people.to_owned())]));
    let mut folders = BTreeSet::new();
    for (file, text) in stories.files() {
        let first = text.split("[[step]]").nth(1).unwrap();
        let folder = first.lines().find_map(|line| line.strip_prefix("rules = "));
        folders.insert(folder.unwrap_or_else(|| panic!("{file} begins with other rules")).trim_matches('"').to_owned());
        play_well(&stories, &file, &text);
    }
    let beside = folder("engine").filter(|name| !name.ends_with(".toml"));
    let unused: Vec<String> = beside.filter(|folder| !folders.contains(folder)).collect();
    assert_eq!(
        unused,
        ["battery-too", "narrowed", "raw-edges-no-rule", "renamed-rule", "two-minutes"],
        "the others are there to begin with"
    );
}

#[test]
fn the_rules_of_stories_compile_without_a_warning() {
    for folder in folder("engine").filter(|name| !name.ends_with(".toml")) {
        let path = format!("{}/tests/stories/engine/{folder}", env!("CARGO_MANIFEST_DIR"));
        let rules = RulesFolder::read_rules(path.as_ref()).unwrap().into_files();
        let stories = Stories::of("engine", rules);
        assert_eq!(stories.rulebook.engine.rules().warnings(), [], "{folder}");
    }
}

/// Whatever an `expect` says, an update writes what was sent, and then the story goes as expected.
#[test]
fn an_update_mends_every_story_whose_expectations_are_garbled() {
    for stories in [Stories::shipped(), Stories::engine()] {
        for (file, text) in stories.files() {
            for (garbling, garbled) in garblings(&text) {
                let played = play(&stories, &file, &garbled);
                let about = format!("{}/{file}, {garbling}:\n{garbled}", stories.name);
                let Some(rewritten) = played.rewritten else {
                    assert!(played.problems.is_empty(), "{about}\n{:?}", played.problems);
                    continue;
                };
                let again = play(&stories, &file, &rewritten.text);
                assert_eq!(again.problems, [], "{about}\n{}", rewritten.text);
                assert_eq!(again.rewritten, None, "{about}");
                // Outside of the lists of `expect` nothing is different.
                assert_eq!(without_lists(&rewritten.text), without_lists(&garbled), "{about}");
            }
        }
    }
}

/// Returns the text with the lists of `expect` changed, in several ways.
fn garblings(text: &str) -> Vec<(&'static str, String)> {
    let each = |change: &dyn Fn(usize, &str) -> String| {
        let mut garbled = String::new();
        for (at, part) in text.split("expect = [").enumerate() {
            if at == 0 {
                garbled.push_str(part);
                continue;
            }
            let end = list_end(part);
            garbled.push_str("expect = [");
            garbled.push_str(&change(at, &part[..end]));
            garbled.push_str(&part[end..]);
        }
        garbled
    };
    vec![
        ("emptied", each(&|_, _| String::new())),
        ("others", each(&|_, _| "{ to = \"nobody\" }, { kind = \"past\", step = 9 }".to_owned())),
        ("one more in front", each(&|_, list| format!("{{ kind = \"system\", rule = \"none\" }}, {list}"))),
        ("without the last", each(&|_, list| list.rsplit_once('{').map_or(String::new(), |(some, _)| some.to_owned()))),
        ("every other kind", each(&|_, list| list.replacen("kind = \"opened\"", "kind = \"reminder\"", 1))),
        ("by another channel", each(&|_, list| list.replacen("to = \"", "by = \"webhook\", to = \"", 1))),
        (
            "wrong subjects",
            each(&|_, list| match list.contains("subject = ") {
                true => list.replacen("subject = \"", "subject = \"no", 1),
                false => list.replacen("kind = ", "subject = \"no, \\\"*\\\"\", kind = ", 1),
            }),
        ),
        ("a group", each(&|_, list| list.replacen("\"nor\"", "\"owners\"", 1))),
        ("comments", each(&|at, list| format!("\n  # List {at}.\n  {list}\n  # The end.\n"))),
        ("comments on others", each(&|at, _| format!(" # List {at}.\n\t{{ step = 7 }}, # Not so.\n\t# The end.\n"))),
        ("every second emptied", each(&|at, list| if at % 2 == 0 { String::new() } else { list.to_owned() })),
    ]
}

/// Returns the text with the lists of `expect` left out.
fn without_lists(text: &str) -> String {
    let mut parts = text.split("expect = [");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |so_far, part| format!("{so_far}expect = {}", &part[list_end(part)..]))
}

/// Returns where a list ends. A bracket in a string is none.
fn list_end(rest: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if c == open && !escaped => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ']') => return at,
            _ => {}
        }
        escaped = false;
    }
    panic!("the list has no end: {rest}")
}

fn play(stories: &Stories, file: &str, text: &str) -> Played {
    let others: SiblingRules<'_> = stories.others(file);
    let result = stories.rulebook.play(file, text, &stories.config, &others);
    result.unwrap_or_else(|problems| panic!("{}/{file}: {problems}", stories.name)).played
}

/// Plays a story that must go as it says, and returns its name.
fn play_well(stories: &Stories, file: &str, text: &str) -> String {
    let result = stories.rulebook.play(file, text, &stories.config, &stories.others(file));
    let result = result.unwrap_or_else(|problems| panic!("{}/{file}: {problems}", stories.name));
    let Played { problems, timeline, .. } = result.played;
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}\n{timeline}", problems.join("\n"));
    assert!(!timeline.contains("failed, so the file's value is used"), "{file}\n{timeline}");
    result.name
}

/// Returns the names in a folder of stories, in order.
fn folder(name: &str) -> impl Iterator<Item = String> {
    let path = format!("{}/tests/stories/{name}", env!("CARGO_MANIFEST_DIR"));
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect::<BTreeSet<_>>().into_iter()
}

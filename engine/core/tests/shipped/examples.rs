//! The keys in comments and the example scripts.

use dag_engine::Engine;

use crate::{
    compile,
    folder::{files, shipped, with_script},
    play,
};

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
    for (file, story) in stories {
        let engine = Engine::new(compile(&with_script(file, &example(file))));
        play(&engine, file, story);
        if file != "reworded.rhai" {
            // By day, in Hay-on-Wye, nothing is different.
            play(&engine, file, OUTAGE);
        }
    }
}

#[test]
fn the_example_of_a_scenario_is_right_to_the_second() {
    let examples = files("examples", "toml");
    assert!(examples.keys().eq(["to-the-second.toml"]));
    // The subject is of the templates, which the engine does not have.
    let example = examples["to-the-second.toml"].replace("[Power is out]*", "*");
    play(&Engine::new(compile(&shipped())), "to-the-second.toml", &example);
}

/// A story about the shipped rules.
const OUTAGE: &str = include_str!("../../../rulebook/tests/stories/shipped/outage.toml");

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

fn example(file: &str) -> String {
    files("examples", "rhai").remove(file).unwrap()
}

/// Splits a comment that is a key with a value into the key and the whole line.
fn key(comment: &str) -> Option<(&str, &str)> {
    let (key, _) = comment.split_once(" = ")?;
    key.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((key, comment))
}

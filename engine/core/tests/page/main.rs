//! `SEMANTICS.md` is played: each of its timelines goes as the page says.
//!
//! A timeline is a fenced block `timeline`, whose notation the head of the page explains. `block.rs` reads it,
//! `player.rs` plays it on the engine, and `words.rs` writes what was decided.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

mod block;
mod clock;
mod player;
mod words;

use std::collections::BTreeMap;

use block::{Block, Line};
use player::Player;

const PAGE: &str = include_str!("../../SEMANTICS.md");

/// The sections that have timelines, and how many each has at least: one for each table and each rule of several
/// sentences.
const EXPECTED: &[(&str, usize)] = &[
    ("Reports", 4),
    ("Readings", 2),
    ("What a condition reads", 2),
    ("Edges", 8),
    ("Deadlines", 2),
    ("A reload", 4),
    ("A clock that is set", 5),
    ("An open incident", 6),
    ("Attempts", 1),
    ("The end of an incident", 3),
    ("What people do", 2),
    ("Trouble of the monitor itself", 1),
];

/// Returns the timelines of the page, each with the section that it is in and the number of its first line.
fn timelines() -> Vec<(&'static str, usize, Vec<&'static str>)> {
    let mut timelines = Vec::new();
    let mut section = "";
    let mut open: Option<(usize, Vec<&str>)> = None;
    for (at, line) in PAGE.lines().enumerate() {
        match &mut open {
            Some(_) if line == "```" => timelines.extend(open.take().map(|(at, lines)| (section, at, lines))),
            Some((_, lines)) => lines.push(line),
            None if line == "```timeline" => open = Some((at + 2, Vec::new())),
            None => section = line.strip_prefix('#').map_or(section, |title| title.trim_start_matches('#').trim()),
        }
    }
    assert!(open.is_none(), "the last timeline has no end");
    timelines
}

#[test]
fn every_timeline_goes_as_the_page_says() {
    let mut wrong = String::new();
    for (section, at, lines) in timelines() {
        let about = format!("SEMANTICS.md:{at} ({section})");
        let block = Block::parse(&lines).unwrap_or_else(|problem| panic!("{about}: {problem}"));
        let played = Player::play(&block);
        if played != block.lines {
            let lines: Vec<String> = played.iter().map(Line::to_string).collect();
            wrong += &format!("{about} goes otherwise. The engine does this:\n{}\n\n", lines.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_of_several_sentences_has_a_timeline() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (section, ..) in timelines() {
        *counts.entry(section).or_default() += 1;
    }
    let missing: Vec<_> =
        EXPECTED.iter().filter(|(section, least)| counts.get(section).copied().unwrap_or(0) < *least).collect();
    assert!(missing.is_empty(), "too few timelines (section, at least): {missing:?}; there are {counts:?}");
}

#[test]
fn a_timeline_that_is_wrong_is_noticed() {
    let played = |lines: &[&str]| {
        let block = Block::parse(lines).unwrap();
        (Player::play(&block), block.lines)
    };
    let rule = "outage: when = \"power == off\", open_after = \"5m\"";
    // It says something else.
    let (played_lines, page) = played(&[rule, "10:00  power off  -> pending until 10:06"]);
    assert_ne!(played_lines, page);
    // It leaves out a moment at which something is decided, and says the rest.
    let (played_lines, page) = played(&[rule, "10:00  power off  -> pending until 10:05", "10:10"]);
    assert_eq!(played_lines.len(), page.len() + 1);
    let written: Vec<String> = played_lines.iter().map(Line::to_string).collect();
    assert_eq!(written[1], "10:05  -> opened, since 10:00; told nor opened");
}

#[test]
fn a_timeline_that_cannot_be_read_says_why() {
    for (lines, problem) in [
        (&["10:00  power off"][..], "no rule stands before the first time"),
        (&["outage: when = power"], "`outage: when = power`: these are no keys"),
        (&["outage: when = \"power == off\"", "25:00"], "`25:00` is no time"),
        (&["outage: when = \"power == off\"", "10:00  power"], "`power` is no event"),
        (&["outage: when = \"power == off\"", "10:00  silence 2h"], "`silence 2h` is no event"),
    ] {
        assert_eq!(Block::parse(lines).err().as_deref(), Some(problem));
    }
}

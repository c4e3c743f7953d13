//! Mistakes between rules: `inhibits` and `was`.

use insta::assert_snapshot;

use super::{alone, problems, warnings};

/// One rule with further keys.
fn rule(name: &str, keys: &str) -> String {
    format!("[rule.{name}]\nwhen = \"power == off\"\nescalation = \"all\"\n{keys}\n")
}

const ALL: &str = "[escalation]\nall = [{ notify = [\"@account\"] }]\n";

fn rules(rules: &[(&str, &str)]) -> String {
    rules.iter().map(|(name, keys)| rule(name, keys)).chain([ALL.to_owned()]).collect()
}

#[test]
fn a_rule_that_is_inhibited_exists_and_stands_there_once() {
    assert_snapshot!(alone(&rules(&[
        ("outage", ""),
        ("unstable", "inhibits = [\"outge\", \"battery\", \"outage\", \"outage\"]"),
        ("other", "inhibits = \"outage\""),
    ])), @r#"
    error: there is no rule `outge`
     --> rules.toml:8:13
      |
    8 | inhibits = ["outge", "battery", "outage", "outage"]
      |             ^^^^^^^
      |
      = help: did you mean `outage`?

    error: there is no rule `battery`
     --> rules.toml:8:22
      |
    8 | inhibits = ["outge", "battery", "outage", "outage"]
      |                      ^^^^^^^^^
      |
      = help: define it: [rule.battery]

    error: `outage` stands here twice
     --> rules.toml:8:43
      |
    8 | inhibits = ["outge", "battery", "outage", "outage"]
      |                                           ^^^^^^^^
      |
      = help: leave one out

    error: `inhibits` is a list of strings, like `["owners"]`, not a string
      --> rules.toml:12:12
       |
    12 | inhibits = "outage"
       |            ^^^^^^^^

    4 problems found; nothing was changed
    "#);
}

#[test]
fn a_cycle_of_inhibition_is_told_with_all_its_rules() {
    assert_snapshot!(alone(&rules(&[("a", "inhibits = [\"b\", \"a\"]"), ("b", "inhibits = [\"a\"]")])), @r#"
    error: this closes a cycle: `a` inhibits `a`
     --> rules.toml:4:18
      |
    4 | inhibits = ["b", "a"]
      |                  ^^^
      |
      = help: leave `a` out here

    error: this closes a cycle: `a` inhibits `b` inhibits `a`
     --> rules.toml:8:13
      |
    8 | inhibits = ["a"]
      |             ^^^
      |
      = help: leave `a` out here, or break the cycle elsewhere

    2 problems found; nothing was changed
    "#);
    // Two cycles that share a rule, over two files.
    let a = rules(&[("a", "inhibits = [\"b\"]"), ("b", "inhibits = [\"c\"]")]);
    let b = [rule("c", "inhibits = [\"a\", \"d\"]"), rule("d", "inhibits = [\"c\"]")].concat();
    assert_snapshot!(problems(&[("a.toml", &a), ("b.toml", &b)]), @r#"
    error: this closes a cycle: `a` inhibits `b` inhibits `c` inhibits `a`
     --> b.toml:4:13
      |
    4 | inhibits = ["a", "d"]
      |             ^^^
      |
      = help: leave `a` out here, or break the cycle elsewhere

    error: this closes a cycle: `c` inhibits `d` inhibits `c`
     --> b.toml:8:13
      |
    8 | inhibits = ["c"]
      |             ^^^
      |
      = help: leave `c` out here, or break the cycle elsewhere

    2 problems found; nothing was changed
    "#);
}

#[test]
fn rules_that_lead_to_one_rule_by_two_ways_are_no_cycle() {
    let diamond = [
        ("top", "inhibits = [\"left\", \"right\", \"bottom\"]"),
        ("left", "inhibits = [\"bottom\"]"),
        ("right", "inhibits = [\"bottom\"]"),
        ("bottom", ""),
    ];
    assert_eq!(alone(&rules(&diamond)), "no problem");
}

#[test]
fn rules_inhibit_only_where_they_run() {
    assert_snapshot!(alone(&rules(&[
        ("outage", ""),
        ("lost", "run_on = \"cloud\"\ninhibits = [\"outage\"]"),
        ("silent", "run_on = \"cloud\"\ninhibits = [\"lost\"]"),
    ])), @r#"
    error: `outage` has run_on = "anywhere", and this rule "cloud"
     --> rules.toml:9:13
      |
    9 | inhibits = ["outage"]
      |             ^^^^^^^^
      |
      = help: they may run on different hosts, which decide apart: give both the same `run_on`

    1 problem found; nothing was changed
    "#);
}

#[test]
fn inhibition_that_can_hold_nothing_is_a_warning() {
    assert_snapshot!(warnings(&rules(&[
        ("outage", "severity = \"critical\""),
        ("unstable", "inhibits = [\"outage\", \"equal\", \"lower\"]"),
        ("equal", ""),
        ("lower", "severity = \"info\""),
    ])), @r#"
    warning: this holds nothing: `outage` is critical, and this rule warning
     --> rules.toml:8:13
      |
    8 | inhibits = ["outage", "equal", "lower"]
      |             ^^^^^^^^
      |
      = help: a rule holds messages of its own severity and lower ones: raise it, or leave this out
    "#);
}

#[test]
fn a_cycle_of_thousands_of_rules_is_told_in_part() {
    let next = |at| format!("inhibits = [\"r{}\"]", (at + 1) % 10_000);
    let round: String = (0..10_000).map(|at| rule(&format!("r{at}"), &next(at))).collect();
    assert_snapshot!(alone(&format!("{round}{ALL}")), @r#"
    error: this closes a cycle: `r0` inhibits `r1` inhibits `r2` inhibits `r3` inhibits `r4` inhibits `r5` inhibits `r6` inhibits `r7` inhibits ... 9992 more ... `r0`
         --> rules.toml:40000:13
          |
    40000 | inhibits = ["r0"]
          |             ^^^^
          |
          = help: leave `r0` out here, or break the cycle elsewhere

    1 problem found; nothing was changed
    "#);
}

#[test]
fn rules_that_all_inhibit_one_another_are_refused_by_the_first_cycles() {
    let names: Vec<String> = (0..200).map(|at| format!("r{at}")).collect();
    let each = format!("inhibits = {names:?}");
    let told = alone(&rules(&names.iter().map(|name| (name.as_str(), each.as_str())).collect::<Vec<_>>()));
    assert!(told.contains("this closes a cycle: `r0` inhibits `r1` inhibits `r0`"), "{}", told.get(..400).unwrap());
    assert!(told.ends_with("101 problems found; nothing was changed"), "{}", told.get(..400).unwrap());
}

#[test]
fn was_names_no_rule_of_now_and_no_other_rules_was() {
    let long = format!("was = \"{}\"", "x".repeat(65));
    assert_snapshot!(alone(&rules(&[
        ("outage", ""),
        ("own", "was = \"own\""),
        ("still", "was = \"outage\""),
        ("first", "was = \"old\""),
        ("second", "was = \"old\""),
        ("spaced", "was = \"an outage\""),
        ("empty", "was = \"\""),
        ("long", &long),
        ("number", "was = 3"),
    ])), @r#"
    error: this is the rule's own name
     --> rules.toml:8:7
      |
    8 | was = "own"
      |       ^^^^^
      |
      = help: `was` is the name that the rule had before: leave it out if it had none

    error: there is still a rule `outage`
      --> rules.toml:12:7
       |
    12 | was = "outage"
       |       ^^^^^^^^
       |
       = help: `was` is for the rule that takes its place: rename or remove that one, or leave this out

    error: the rule `first` was `old` too
      --> rules.toml:20:7
       |
    20 | was = "old"
       |       ^^^^^
       |
       = help: only one can go on with its incidents: leave one out

    error: `an outage` cannot be a name
      --> rules.toml:24:7
       |
    24 | was = "an outage"
       |       ^^^^^^^^^^^
       |
       = help: names are made of letters, digits, `-` and `_`, 64 bytes at most

    error: `` cannot be a name
      --> rules.toml:28:7
       |
    28 | was = ""
       |       ^^
       |
       = help: names are made of letters, digits, `-` and `_`, 64 bytes at most

    error: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` cannot be a name
      --> rules.toml:32:7
       |
    32 | was = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: names are made of letters, digits, `-` and `_`, 64 bytes at most

    error: `was` is a string in quotes, not an integer
      --> rules.toml:36:7
       |
    36 | was = 3
       |       ^

    7 problems found; nothing was changed
    "#);
}

#[test]
fn a_rule_that_is_inhibited_by_its_old_name_is_told_with_the_new_one() {
    let both = rules(&[("mains-out", "was = \"outage\""), ("unstable", "inhibits = [\"outage\"]")]);
    assert_snapshot!(alone(&both), @r#"
    error: there is no rule `outage`
     --> rules.toml:8:13
      |
    8 | inhibits = ["outage"]
      |             ^^^^^^^^
      |
      = help: it is called `mains-out` now

    1 problem found; nothing was changed
    "#);
    assert_eq!(alone(&both.replace("[\"outage\"]", "[\"mains-out\"]")), "no problem");
}

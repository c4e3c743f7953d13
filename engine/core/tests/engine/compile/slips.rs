//! Mistakes of beginners: the advice holds the word that mends them.

use super::{alone, condition, script};

/// Returns the lines of advice in `problems`.
fn help(problems: &str) -> Vec<&str> {
    problems.lines().filter_map(|line| Some(line.split_once("= help: ")?.1)).collect()
}

#[test]
fn a_condition_in_the_words_of_another_language_is_told_the_operator() {
    let table = [
        ("power = off", "compare with `==`"),
        ("power == off and battery < 20", "write `&&` for `and`"),
        ("power == off OR battery < 20", "write `||` for `OR`"),
        ("not power == off", "write `!` for `not`"),
        ("not(power == off)", "write `!` for `not`"),
        ("power == OFF", "did you mean `off`?"),
        ("power == false", "write `power == off`"),
        ("power != true", "write `power != on`"),
        ("false == power", "write `power == off`"),
        ("battery < 20%", "write the number alone: `20`"),
        ("battery < 20 % && power == off", "write the number alone: `20`"),
        ("(battery < 20%) || power == off", "write the number alone: `20`"),
        ("battery < 20.5", "write a whole number: facts have no fractions"),
    ];
    for (when, wanted) in table {
        let problems = condition(&format!("'{when}'"));
        assert_eq!(help(&problems), [wanted], "{problems}");
    }
}

#[test]
fn the_caret_stands_under_the_slip() {
    insta::assert_snapshot!(condition("'power == off and battery < 20'"), @"
    error: this is not an expression: Unexpected 'and'
     --> rules.toml:2:22
      |
    2 | when = 'power == off and battery < 20'
      |                      ^^^
      |
      = help: write `&&` for `and`
    ");
}

#[test]
fn a_value_of_another_type_is_told_how_to_write_it() {
    let rule = "[rule.r]\nwhen = 'power == off'\nescalation = 'all'\n";
    let people = "[escalation]\nall = [{ notify = ['nor'] }]\n[recipient.nor]\n";
    let table = [
        (format!("{rule}open_after = 30\n{people}email = 'a@b.c'"), "write it in quotes with its unit, like `\"30s\"`"),
        (
            format!("{rule}{people}email = ['a@b.c', 'd@e.f']"),
            "one address: make a recipient for each, and a group of both",
        ),
        (format!("{rule}{people}webhook = 'https://b.c/d'"), "write `{ url = \"https://b.c/d\" }`"),
        (format!("{rule}{people}email = \"a@b.c\n"), "the quote is not closed"),
        (format!("{rule}{people}email = 'a@b.c\n"), "the quote is not closed"),
        ("[rule.my outage]\n".to_owned(), "a name in a heading has letters a–z, digits, `-` and `_`"),
        ("[recipient.Zoë]\n".to_owned(), "a name in a heading has letters a–z, digits, `-` and `_`"),
    ];
    for (text, wanted) in table {
        let problems = alone(&text);
        assert!(help(&problems).contains(&wanted), "{problems}");
    }
}

#[test]
fn a_brace_that_is_not_closed_is_named_by_its_line() {
    let table = [
        ("fn allow(ctx) {\n  if ctx.kind == \"opened\" {\n    return true;\n  false\n}\n", 1),
        ("fn allow(ctx) {\n  // }\n  true\n\nfn message(ctx) {\n  ()\n}\n", 1),
        ("fn allow(ctx) {\n  true\n}\n\nfn message(ctx) {\n  \"}\"\n\n", 5),
    ];
    for (text, line) in table {
        let problems = script(text);
        assert_eq!(
            help(&problems),
            [format!("the `{{` of line {line} is not closed: a `}}` is missing")],
            "{problems}"
        );
    }
}

#[test]
fn a_function_that_is_no_hook_is_told_the_names_of_hooks() {
    let problems = script("fn quiet_at_night(ctx) {\n  true\n}\n");
    let wanted = "a hook is a function with one of the names open_after, close_after, recipients, allow, message";
    assert_eq!(help(&problems), [wanted], "{problems}");
}

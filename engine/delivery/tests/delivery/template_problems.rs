//! Problems of users' templates, found before a message uses them.

use crate::{
    sample::built_in,
    templates::{load, mail, samples},
};

#[test]
fn check_finds_what_would_fail_one_day() {
    check(
        "message.txt",
        "Power\nat {{ device.nmae }}",
        "message.txt:2: `device.nmae` has no value: the README of engine/delivery lists the variables",
    );
    check(
        "message.txt",
        "since {{ incident.sinc | time }}",
        "message.txt:1: `time`: it is given a key that does not exist",
    );
    check(
        "message.txt",
        "ended {{ incident.ended | time }}",
        "message.txt:1: `time`: there is no such time yet: ask with `if` first",
    );
    check("message.txt", "{{ subject | tme }}", "message.txt:1: `tme`: filter tme is unknown");
    check(
        "subject.txt",
        "{% if kind == 'past' %}over{% endif %}",
        "subject.txt: this renders to nothing: a message must say something",
    );
    check(
        "message.mjml",
        "<mjml><mj-body><mj-txt>{{ text }}</mj-txt></mj-body></mjml>",
        "message.mjml: MJML has no element `mj-txt`: did you mean `mj-text`?",
    );
    check(
        "hook.json",
        r#"{ "text": "{{ text }}" }"#,
        "hook.json: this renders to what is not JSON (expected `,` or `}` at line 1 column 13): write `{{ text }}` \
         without quotes",
    );
    check(
        "hook.json",
        r#"{% include "secret.txt" %}"#,
        "hook.json:1: `include \"secret.txt\"`: tried to include non-existing template 'secret.txt'",
    );
}

#[test]
fn a_template_that_runs_or_grows_without_end_is_stopped() {
    let endless = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}";
    check("message.txt", endless, "message.txt:1: `again()`: recursion limit exceeded");
    let long = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    check("message.txt", long, "message.txt:1: this takes more than 20000 steps: does a loop run too long?");
    let doubling = format!("{{% set s = 'xxxxxxxx' %}}{}{{{{ s }}}}", "{% set s = s ~ s %}".repeat(60));
    check("message.txt", &doubling, "message.txt:1: this takes more than 20000 steps: does a loop run too long?");
    check(
        "message.txt",
        "{{ 'x' * 999999999999 }}",
        "message.txt:1: this takes more than 20000 steps: does a loop run too long?",
    );
    check("message.txt", "{{ 'x' * 100000 }}", "message.txt: this renders to 100000 bytes: 65536 are the most");
    let circle = "{% include 'facts.txt' %}";
    check("facts.txt", circle, "facts.txt:1: `include 'facts.txt'`: recursion limit exceeded");
    let deep = "<mjml><mj-body>{% for a in range(3000) %}<mj-wrapper>{% endfor %}</mj-body></mjml>";
    check("message.mjml", deep, "message.mjml: elements stand more than 48 deep in each other");
}

#[test]
fn check_says_where_a_template_fails_on_trouble_alone() {
    check(
        "pager.json",
        "[{{ incident.number }}]",
        "pager.json:1: `incident.number` has no value: the README of engine/delivery lists the variables (in a \
         message of kind `system`: there `incident` and `rule` are null, and `trouble` has the keys of its cause)",
    );
    check(
        "system-message.txt",
        "{{ trouble.fact }}",
        "system-message.txt:1: `trouble.fact` has no value: the README of engine/delivery lists the variables (in \
         a message of kind `system`: there `incident` and `rule` are null, and `trouble` has the keys of its cause)",
    );
    check(
        "pager.json",
        "{{ nonsense }}",
        "pager.json:1: `nonsense` has no value: the README of engine/delivery lists the variables",
    );
    check("pager.json", "[{% if incident %}{{ incident.number }}{% else %}{{ trouble.cause }}{% endif %}]", "");
}

#[test]
fn a_problem_of_an_included_template_names_that_file() {
    check(
        "facts.txt",
        "{{ facts.power }}\n{{ facts.pwoer }}",
        "facts.txt:2: `facts.pwoer` has no value: the README of engine/delivery lists the variables",
    );
    let (rendered, _) = mail(&load(&[("facts.txt", "{{ nonsense }}")]).unwrap());
    assert_eq!(rendered, mail(&built_in()).0);
}

/// Loads one file of a user, and compares the problems that `Templates::check` finds in it.
#[track_caller]
fn check(name: &str, text: &str, expected: &str) {
    assert_eq!(problems(name, text), expected);
}

fn problems(name: &str, text: &str) -> String {
    let problems = load(&[(name, text)]).unwrap().check(&samples());
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

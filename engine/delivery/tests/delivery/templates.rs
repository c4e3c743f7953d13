//! Users' templates: taken over, checked, bounded; and what happens where one fails.

use dag_delivery::{Prepared, Rendered, TemplateProblem, Templates};
use dag_engine::{Kind, Notification};

use crate::sample::{notification, of_rule, to_webhook};

fn load(files: &[(&str, &str)]) -> Result<Templates, Vec<TemplateProblem>> {
    Templates::load(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

fn samples() -> Vec<Notification> {
    Kind::ALL.into_iter().flat_map(|kind| [notification(kind), of_rule("battery-low", kind)]).collect()
}

/// What `check` says of one file.
fn checked(name: &str, text: &str) -> String {
    let problems = load(&[(name, text)]).unwrap().check(&samples());
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn mail(templates: &Templates) -> (Rendered, Vec<TemplateProblem>) {
    match templates.prepare(&notification(Kind::Opened)) {
        (Prepared::Email(rendered), problems) => (rendered, problems),
        other => panic!("{other:?}"),
    }
}

fn body(templates: &Templates, template: Option<&str>) -> (serde_json::Value, Vec<TemplateProblem>) {
    match templates.prepare(&to_webhook("https://ntfy.example.com/outages", template, &[])) {
        (Prepared::Webhook { content_type, body }, problems) => {
            assert_eq!(content_type, "application/json");
            (serde_json::from_str(&body).unwrap(), problems)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_built_in_templates_render_every_message() {
    assert_eq!(Templates::built_in().check(&samples()), []);
    assert_eq!(Templates::built_in().webhooks(), ["discord", "ntfy", "slack", "telegram"]);
}

#[test]
fn every_receiver_gets_the_document_that_it_expects() {
    for template in [None, Some("slack"), Some("discord"), Some("telegram"), Some("ntfy")] {
        let (body, problems) = body(&Templates::built_in(), template);
        assert_eq!(problems, []);
        insta::with_settings!({ snapshot_suffix => template.unwrap_or("plain") }, {
            insta::assert_json_snapshot!("body", body);
        });
    }
}

#[test]
fn names_cannot_break_out_of_a_template() {
    let name = "\"}]}, <!channel> \\ \u{7} <script>alert(1)</script> & é";
    for template in [None, Some("slack"), Some("discord"), Some("telegram"), Some("ntfy")] {
        let mut message = to_webhook("https://example.com/x", template, &[]);
        message.device.name = name.to_owned();
        let (Prepared::Webhook { body, .. }, problems) = Templates::built_in().prepare(&message) else { panic!() };
        assert_eq!(problems, []);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        if template == Some("slack") {
            assert!(!body["text"].as_str().unwrap().contains("<!channel>"), "{body}");
        }
    }
    let mut message = notification(Kind::Opened);
    message.device.name = name.to_owned();
    let (Prepared::Email(rendered), problems) = Templates::built_in().prepare(&message) else { panic!() };
    assert_eq!(problems, []);
    assert!(!rendered.html.unwrap().contains("<script"));
}

#[test]
fn a_user_s_file_takes_the_place_of_the_built_in_one() {
    let templates = load(&[
        ("subject.txt", "{{ device.name }}: {{ kind }} since {{ incident.since | time }}"),
        ("pager.json", r#"{ "line": {{ subject }}, "area": {{ device.labels.area }} }"#),
    ])
    .unwrap();
    assert_eq!(templates.check(&samples()), []);
    assert_eq!(mail(&templates).0.subject, "Cottage: opened since 14:02");
    assert_eq!(templates.subject(&notification(Kind::Opened)), "Cottage: opened since 14:02");
    let line = serde_json::json!({ "line": "Cottage: opened since 14:02", "area": "hay-on-wye" });
    assert_eq!(body(&templates, Some("pager")), (line, vec![]));
    assert_eq!(templates.webhooks(), ["discord", "ntfy", "pager", "slack", "telegram"]);
}

#[test]
fn everything_wrong_with_the_files_is_told_at_once() {
    let large = "x".repeat(70_000);
    let files = [("subjct.txt", "x"), ("message.txt", "\n{% if %}"), ("a.json", large.as_str()), (".json", "{}")];
    let problems = load(&files).unwrap_err();
    insta::assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn check_finds_what_would_fail_one_day() {
    insta::assert_snapshot!(checked("message.txt", "Power\nat {{ device.nmae }}"), @"message.txt:2: `device.nmae` has no value: the README of engine/delivery lists the variables");
    insta::assert_snapshot!(checked("message.txt", "since {{ incident.sinc | time }}"), @"message.txt:1: `time`: it is given a key that does not exist");
    insta::assert_snapshot!(checked("message.txt", "ended {{ incident.ended | time }}"), @"message.txt:1: `time`: there is no such time yet: ask with `if` first");
    insta::assert_snapshot!(checked("message.txt", "{{ subject | tme }}"), @"message.txt:1: `tme`: filter tme is unknown");
    insta::assert_snapshot!(checked("subject.txt", "{% if kind == 'past' %}over{% endif %}"), @"subject.txt: this renders to nothing: a message must say something");
    insta::assert_snapshot!(checked("message.mjml", "<mjml><mj-body><mj-txt>{{ text }}</mj-txt></mj-body></mjml>"), @"message.mjml: MJML has no element `mj-txt`: did you mean `mj-text`?");
    insta::assert_snapshot!(checked("hook.json", r#"{ "text": "{{ text }}" }"#), @"hook.json: this renders to what is not JSON (expected `,` or `}` at line 1 column 13): write `{{ text }}` without quotes");
    insta::assert_snapshot!(checked("hook.json", r#"{% include "secret.txt" %}"#), @r#"hook.json:1: `include "secret.txt"`: tried to include non-existing template 'secret.txt'"#);
}

#[test]
fn a_template_that_runs_or_grows_without_end_is_stopped() {
    let endless = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}";
    insta::assert_snapshot!(checked("message.txt", endless), @"message.txt:1: `again()`: recursion limit exceeded");
    let long = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    insta::assert_snapshot!(checked("message.txt", long), @"message.txt:1: this takes more than 20000 steps: does a loop run too long?");
    let doubling = format!("{{% set s = 'xxxxxxxx' %}}{}{{{{ s }}}}", "{% set s = s ~ s %}".repeat(60));
    insta::assert_snapshot!(checked("message.txt", &doubling), @"message.txt:1: this takes more than 20000 steps: does a loop run too long?");
    insta::assert_snapshot!(checked("message.txt", "{{ 'x' * 999999999999 }}"), @"message.txt:1: this takes more than 20000 steps: does a loop run too long?");
    insta::assert_snapshot!(checked("message.txt", "{{ 'x' * 100000 }}"), @"message.txt: this renders to 100000 bytes: 65536 are the most");
    let deep = "<mjml><mj-body>{% for a in range(3000) %}<mj-wrapper>{% endfor %}</mj-body></mjml>";
    insta::assert_snapshot!(checked("message.mjml", deep), @"message.mjml: elements stand more than 48 deep in each other");
}

#[test]
fn a_template_that_fails_costs_no_message() {
    let files = ["subject.txt", "message.txt", "message.mjml", "slack.json"].map(|name| (name, "{{ nonsense }}"));
    let broken = load(&files).unwrap();
    let (expected, _) = mail(&Templates::built_in());
    let (rendered, problems) = mail(&broken);
    assert_eq!(rendered, expected);
    assert_eq!(
        problems.iter().map(|problem| problem.file.as_str()).collect::<Vec<_>>(),
        ["subject.txt", "message.txt", "message.mjml"]
    );
    assert_eq!(broken.subject(&notification(Kind::Opened)), expected.subject);

    let (slack, problems) = body(&broken, Some("slack"));
    assert_eq!(slack, body(&Templates::built_in(), Some("slack")).0);
    assert_eq!(problems.last().unwrap().file, "slack.json");
}

#[test]
fn a_webhook_template_that_is_gone_or_fails_gives_the_plain_document() {
    let plain = body(&Templates::built_in(), None).0;
    let (body_sent, problems) = body(&Templates::built_in(), Some("pager"));
    assert_eq!(body_sent, plain);
    insta::assert_snapshot!(problems[0], @"pager.json: there is no such template: the plain document took its place");
    let (body_sent, problems) = body(&load(&[("pager.json", "[{{ text }}")]).unwrap(), Some("pager"));
    assert_eq!(body_sent, plain);
    assert_eq!(problems.len(), 1);
}

#[test]
fn the_plain_document_tells_nothing_of_the_account() {
    let (document, _) = body(&Templates::built_in(), None);
    assert!(!document.to_string().contains("secret@example.com"), "{document}");
}

#[test]
fn what_is_prepared_survives_storage() {
    for message in [notification(Kind::Opened), to_webhook("https://example.com/x", Some("slack"), &[])] {
        let (prepared, _) = Templates::built_in().prepare(&message);
        let stored = serde_json::to_string(&prepared).unwrap();
        assert_eq!(serde_json::from_str::<Prepared>(&stored).unwrap(), prepared);
    }
}

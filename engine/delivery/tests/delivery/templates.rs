//! Templates of users: loaded, checked, limited, and replaced by the built-in ones if one fails.

use dag_delivery::{MailContent, MessageContent, TemplateProblem, Templates};
use dag_engine::{Cause, Channel, Kind, Notification};

use crate::sample::{KINDS, built_in, causes, gallery, notification, of_rule, sensor, to_webhook, trouble, webhook};

pub fn load(files: &[(&str, &str)]) -> Result<Templates, Vec<TemplateProblem>> {
    let templates = Templates::load(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    templates.map(|templates| templates.with_mains_outages([&"power-outage".into()]))
}

pub fn samples() -> Vec<Notification> {
    let incidents = KINDS.into_iter().flat_map(|kind| [notification(kind), of_rule("battery-low", kind)]);
    incidents.chain(causes().into_iter().map(trouble)).collect()
}

pub fn mail(templates: &Templates) -> (MailContent, Vec<TemplateProblem>) {
    mail_of(templates, &notification(Kind::Opened))
}

fn mail_of(templates: &Templates, message: &Notification) -> (MailContent, Vec<TemplateProblem>) {
    match templates.prepare(message) {
        (MessageContent::Email(rendered), problems) => (rendered, problems),
        other => panic!("{other:?}"),
    }
}

fn body(templates: &Templates, template: Option<&str>) -> (serde_json::Value, Vec<TemplateProblem>) {
    body_of(templates, template, notification(Kind::Opened))
}

fn body_of(
    templates: &Templates,
    template: Option<&str>,
    mut message: Notification,
) -> (serde_json::Value, Vec<TemplateProblem>) {
    message.address = webhook("https://ntfy.example.com/outages", template, &[]);
    match templates.prepare(&message) {
        (MessageContent::Webhook { content_type, body }, problems) => {
            assert_eq!(content_type, "application/json");
            (serde_json::from_str(&body).unwrap(), problems)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_built_in_templates_render_every_message() {
    assert_eq!(built_in().check(&samples()), []);
    let gallery: Vec<Notification> = gallery().into_iter().map(|(_, message)| message).collect();
    assert_eq!(built_in().check(&gallery), []);
    assert_eq!(built_in().webhooks(), ["discord", "ntfy", "slack", "telegram"]);
}

#[test]
fn every_receiver_gets_the_document_that_it_expects() {
    for template in [None, Some("slack"), Some("discord"), Some("telegram"), Some("ntfy")] {
        let (body, problems) = body(&built_in(), template);
        assert_eq!(problems, []);
        insta::with_settings!({ snapshot_suffix => template.unwrap_or("plain") }, {
            insta::assert_json_snapshot!("body", body);
        });
    }
}

/// Discord shows a bar in the colour of the page's banner. An unseen incident has a dashed frame on the page, which a
/// bar cannot have, and is grey there.
#[test]
fn discord_has_the_colours_of_the_page() {
    for (name, message) in gallery() {
        let page = mail_of(&built_in(), &message).0.html.unwrap();
        let (discord, _) = body_of(&built_in(), Some("discord"), message);
        let colour = discord["embeds"][0]["color"].as_u64().unwrap();
        let shown = page.contains(&format!("border:3px solid #{colour:06x}"));
        assert_eq!(shown, !page.contains("3px dashed"), "{name}: {colour:06x} in {page}");
    }
}

#[test]
fn every_receiver_is_told_of_trouble_in_the_document_that_it_expects() {
    for template in ["slack", "discord", "telegram", "ntfy"] {
        let (body, problems) = body_of(&built_in(), Some(template), trouble(sensor("power", &["power-outage"])));
        assert_eq!(problems, []);
        insta::with_settings!({ snapshot_suffix => template }, {
            insta::assert_json_snapshot!("trouble", body);
        });
    }
}

#[test]
fn the_plain_document_of_trouble_names_its_cause() {
    let keys = ["kind", "severity", "rule", "incident", "trouble"];
    let document = |cause: Cause| {
        let (body, problems) = body_of(&built_in(), None, trouble(cause));
        assert_eq!(problems, []);
        assert_eq!(body.as_object().unwrap().len(), self::body(&built_in(), None).0.as_object().unwrap().len());
        keys.map(|key| format!("{key}: {}", body[key])).join("\n")
    };
    insta::assert_snapshot!(causes().into_iter().map(document).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn names_cannot_break_out_of_a_template() {
    let name = "\"}]}, <!channel> \\ \u{7} <script>alert(1)</script> & é";
    for template in [None, Some("slack"), Some("discord"), Some("telegram"), Some("ntfy")] {
        let mut message = to_webhook("https://example.com/x", template, &[]);
        message.device.name = name.to_owned();
        let (MessageContent::Webhook { body, .. }, problems) = built_in().prepare(&message) else { panic!() };
        assert_eq!(problems, []);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        if template == Some("slack") {
            assert!(!body["text"].as_str().unwrap().contains("<!channel>"), "{body}");
        }
    }
    let strange = Cause::Delivery { recipient: name.into(), channel: Channel::Email };
    for mut message in [notification(Kind::Opened), trouble(strange)] {
        message.device.name = name.to_owned();
        let (rendered, problems) = mail_of(&built_in(), &message);
        assert_eq!(problems, []);
        assert!(!rendered.html.unwrap().contains("<script"));
    }
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
fn a_template_that_fails_costs_no_message() {
    let files = ["subject.txt", "message.txt", "message.mjml", "slack.json"].map(|name| (name, "{{ nonsense }}"));
    let broken = load(&files).unwrap();
    let (expected, _) = mail(&built_in());
    let (rendered, problems) = mail(&broken);
    assert_eq!(rendered, expected);
    assert_eq!(
        problems.iter().map(|problem| problem.file.as_str()).collect::<Vec<_>>(),
        ["subject.txt", "message.txt", "message.mjml"]
    );
    assert_eq!(broken.subject(&notification(Kind::Opened)), expected.subject);

    let (slack, problems) = body(&broken, Some("slack"));
    assert_eq!(slack, body(&built_in(), Some("slack")).0);
    assert_eq!(problems.last().unwrap().file, "slack.json");
}

/// A template for incidents would fail without an incident, or speak of the mains.
#[test]
fn words_for_incidents_are_never_said_of_the_monitor_itself() {
    let own = [
        ("subject.txt", "The power is {{ 'out' if kind == 'opened' else 'back' }}"),
        ("message.txt", "Since {{ incident.since | time }}"),
    ];
    let own = load(&own).unwrap();
    assert_eq!(own.check(&samples()), []);
    for message in causes().into_iter().map(trouble) {
        assert_eq!(mail_of(&own, &message), mail_of(&built_in(), &message));
        assert_eq!(own.subject(&message), built_in().subject(&message));
    }
}

#[test]
fn a_user_has_words_of_their_own_for_the_monitor_itself() {
    let own = load(&[
        ("system-subject.txt", "{{ device.name }}: {{ trouble.cause }}"),
        ("system-message.txt", "Since {{ trouble.since | time }}.\n{% include 'facts.txt' %}"),
        ("facts.txt", "{{ facts | length }} facts"),
    ])
    .unwrap();
    assert_eq!(own.check(&samples()), []);
    let (MailContent { subject, text, html }, _) = mail_of(&own, &trouble(sensor("power", &[])));
    assert_eq!((subject.as_str(), text.as_str()), ("Cottage: sensor", "Since 14:02.\n2 facts"));
    assert!(html.unwrap().contains(">Cottage: sensor</div>"));
    assert!(mail(&own).0.text.ends_with("\n\n2 facts"));
}

#[test]
fn a_template_that_fails_on_trouble_costs_no_message() {
    let message = trouble(sensor("power", &["power-outage"]));
    let (expected, _) = mail_of(&built_in(), &message);
    let files = [
        ("system-subject.txt", "{{ incident.since | stamp }}"),
        ("system-message.txt", "{{ trouble.hook }}"),
        ("message.mjml", "<mjml><mj-body><mj-raw>{{ incident.number }}</mj-raw></mj-body></mjml>"),
        ("slack.json", "[{{ incident.number }}]"),
        ("pager.json", "[{{ incident.number }}]"),
    ];
    let own = load(&files).unwrap();
    let (rendered, problems) = mail_of(&own, &message);
    assert_eq!(rendered, expected);
    assert_eq!(own.subject(&message), expected.subject);
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (template, served) in [("slack", Some("slack")), ("pager", None)] {
        let (sent, problems) = body_of(&own, Some(template), message.clone());
        assert_eq!(sent, body_of(&built_in(), served, message.clone()).0);
        assert_eq!(problems.last().unwrap().file, format!("{template}.json"));
    }
    // For an incident it is used.
    assert!(mail(&own).0.html.unwrap().contains(">7<"), "{:?}", mail(&own));
    assert_eq!(body(&own, Some("slack")), (serde_json::json!([7]), vec![]));
}

#[test]
fn a_webhook_template_that_is_gone_or_fails_gives_the_plain_document() {
    let plain = body(&built_in(), None).0;
    let (body_sent, problems) = body(&built_in(), Some("pager"));
    assert_eq!(body_sent, plain);
    insta::assert_snapshot!(problems[0], @"pager.json: there is no such template: the plain document took its place");
    let (body_sent, problems) = body(&load(&[("pager.json", "[{{ text }}")]).unwrap(), Some("pager"));
    assert_eq!(body_sent, plain);
    assert_eq!(problems.len(), 1);
}

#[test]
fn the_plain_document_tells_nothing_of_the_account() {
    let (document, _) = body(&built_in(), None);
    assert!(!document.to_string().contains("secret@example.com"), "{document}");
}

#[test]
fn prepared_content_survives_storage() {
    for message in [notification(Kind::Opened), to_webhook("https://example.com/x", Some("slack"), &[])] {
        let (prepared, _) = built_in().prepare(&message);
        let stored = serde_json::to_string(&prepared).unwrap();
        assert_eq!(serde_json::from_str::<MessageContent>(&stored).unwrap(), prepared);
    }
}

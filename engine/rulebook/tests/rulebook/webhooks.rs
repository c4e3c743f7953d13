//! Webhooks that a service is certain to refuse, shown at their place in the file.

use std::{fs, path::Path};

use dag_rulebook::Rulebook;

use crate::{Home, check};

fn add(webhook: &str) -> impl FnOnce(&Path) {
    let text = format!("# Hooks.\n[recipient.hook]\nwebhook = {{ {webhook} }}\n");
    move |rules| fs::write(rules.join("hook.toml"), text).unwrap()
}

#[test]
fn an_unknown_template_is_shown_where_it_is_named() {
    let home = Home::shipped();
    add("url = \"https://chat.example.com/x\", template = \"slakc\"")(&home.rules);
    let problems = home.prove(&home.config(&[])).map(|_: Rulebook| ()).unwrap_err().to_string();
    let problems = problems.replace(&format!("{}/", home.dir.path().display()), "");
    insta::assert_snapshot!(problems, @r#"
    error: there is no template `slakc`
     --> rules/hook.toml:3:60
      |
    3 | webhook = { url = "……………………………………………………………………", template = "slakc" }
      |                                                            ^^^^^^^
      |
      = help: did you mean `slack`?

    1 problem found; nothing was changed
    "#);
}

#[test]
fn an_address_that_its_service_refuses_is_shown_with_the_right_one() {
    let telegram = "https://api.telegram.org/bot123:abc";
    for (webhook, problem, help) in [
        (
            format!("url = \"{telegram}/sendMessage\", template = \"telegram\""),
            "a Telegram address without `chat_id` reaches nobody",
            "write it as https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>",
        ),
        (
            format!("url = \"{telegram}/sendMessage?chat_id=&x=1\", template = \"telegram\""),
            "a Telegram address without `chat_id` reaches nobody",
            "sendMessage?chat_id=<chat>",
        ),
        (
            format!("url = \"{telegram}/getUpdates?chat_id=5\", template = \"telegram\""),
            "a Telegram address ends in `/sendMessage`, before the `?`",
            "sendMessage?chat_id=<chat>",
        ),
        (
            format!("url = \"{telegram}/sendMessage?chat_id=5\""),
            "this is an address of telegram, which refuses a call without a template for it",
            "write template = \"telegram\"",
        ),
        (
            "url = \"https://hooks.slack.com/services/T0/B0/x\", template = \"discord\"".to_owned(),
            "this is an address of slack, which refuses what the template `discord` writes",
            "write template = \"slack\"",
        ),
        (
            "url = \"https://Discord.com/api/webhooks/1/x\", secret = \"env:X\"".to_owned(),
            "this is an address of discord, which refuses a call without a template for it",
            "write template = \"discord\"",
        ),
        (
            "url = \"https://ntfy.sh/\", template = \"ntfy\"".to_owned(),
            "an ntfy address without a topic reaches nobody",
            "write it as https://ntfy.sh/<topic>",
        ),
    ] {
        check(add(&webhook), &["hook.toml:3:19", problem, help]);
    }
}

/// A token in a problem would go on to the log and to `dag status`.
#[test]
fn the_token_in_an_address_is_not_shown() {
    let home = Home::shipped();
    add("url = \"https://api.telegram.org/bot123:abc/sendMessage\", template = \"telegram\"")(&home.rules);
    let problems = home.prove(&home.config(&[])).map(|_: Rulebook| ()).unwrap_err().to_string();
    let problems = problems.replace(&format!("{}/", home.dir.path().display()), "");
    insta::assert_snapshot!(problems, @r#"
    error: a Telegram address without `chat_id` reaches nobody
     --> rules/hook.toml:3:19
      |
    3 | webhook = { url = "…", template = "telegram" }
      |                   ^^^
      |
      = help: write it as https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>

    1 problem found; nothing was changed
    "#);
}

#[test]
fn an_address_that_a_service_takes_is_no_problem() {
    for webhook in [
        "url = \"https://api.telegram.org/bot123:abc/sendmessage?chat_id=-1005\", template = \"telegram\"",
        "url = \"https://hooks.slack.com/services/T0/B0/x\", template = \"slack\"",
        // Mattermost and Discord take what is written for Slack.
        "url = \"https://chat.example.com/hooks/x\", template = \"slack\"",
        "url = \"https://discord.com/api/webhooks/1/x/slack\", template = \"slack\"",
        // A workflow of Slack takes any JSON.
        "url = \"https://hooks.slack.com/triggers/T0/1/x\", secret = \"env:X\"",
        "url = \"https://ntfy.example.com:8443/base/outages\", template = \"ntfy\"",
    ] {
        check(add(webhook), &[]);
    }
}

#[test]
fn a_template_of_the_users_own_may_name_the_chat_itself() {
    check(
        |rules| {
            add("url = \"https://api.telegram.org/bot123:abc/sendMessage\", template = \"telegram\"")(rules);
            fs::create_dir_all(rules.join("templates")).unwrap();
            fs::write(rules.join("templates/telegram.json"), "{ \"chat_id\": 5, \"text\": {{ text }} }").unwrap();
        },
        &[],
    );
}

#[test]
fn an_address_that_is_never_called_is_warned_of() {
    let home = Home::shipped();
    let people = home.rules.join("people.toml");
    let text = fs::read_to_string(&people).unwrap();
    let email = "email = \"kim@example.com\"";
    assert!(text.contains(email), "{text}");
    fs::write(&people, text.replace(email, "webhook = { url = \"http://192.168.1.20/hook\", secret = \"env:HOOK\" }"))
        .unwrap();
    let warnings = |allowed: &str| {
        let config = home.config(&[("webhook.allow_private".to_owned(), allowed.to_owned())]);
        home.prove(&config).unwrap().warnings(&config)
    };
    assert_eq!(
        warnings("[]"),
        ["warning: the webhook of `neighbour` is never called: 192.168.1.20 is private: it is called only if \
             `allow_private` in `[webhook]` of config.toml names it"]
    );
    assert_eq!(warnings("['192.168.1.0/24']"), [""; 0]);
}

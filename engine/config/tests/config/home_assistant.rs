//! `[home_assistant]`.

use insta::assert_snapshot;

use crate::{file, problems, read};

fn section(lines: &str) -> String {
    file(&format!("[home_assistant]\n{lines}\n"))
}

#[test]
fn a_broker_is_enough() {
    let config = read(&section("broker = \"mqtt://homeassistant.local\""), &[], &[]).unwrap();
    let home_assistant = config.home_assistant.unwrap();
    assert_eq!(home_assistant.broker.port, 1883);
    assert_eq!(home_assistant.prefix, "homeassistant");
    assert_eq!((home_assistant.username, home_assistant.password, home_assistant.ca), (None, None, None));
}

#[test]
fn a_section_needs_its_broker() {
    assert_snapshot!(problems(&section("prefix = \"home\"")), @r#"
    error: `broker` is missing in `home_assistant`
      --> /home/dag/config.toml:10:2
       |
    10 | [home_assistant]
       |  ^^^^^^^^^^^^^^
       |
       = help: add `broker = "mqtt://192.168.1.10"`
    "#);
}

#[test]
fn a_broker_is_an_address() {
    assert_snapshot!(problems(&section("broker = \"homeassistant.local:1883\"")), @r#"
    error: `homeassistant.local:1883` is not the address of an MQTT broker
      --> /home/dag/config.toml:11:10
       |
    11 | broker = "homeassistant.local:1883"
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write it like `mqtt://192.168.1.10:1883`, or `mqtts://192.168.1.10:8883` for TLS
    "#);
}

#[test]
fn a_user_in_the_address_is_refused() {
    assert_snapshot!(problems(&section("broker = \"mqtt://dag:hunter2@home\"")), @r#"
    error: the address of a broker names neither user nor password
      --> /home/dag/config.toml:11:10
       |
    11 | broker = "mqtt://dag:hunter2@home"
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `username` and `password` are keys of their own
    "#);
}

#[test]
fn a_user_and_a_password_need_each_other_and_the_password_is_named() {
    let broker = "broker = \"mqtt://localhost\"";
    assert_snapshot!(problems(&section(&format!("{broker}\nusername = \"dag\""))), @r#"
    error: a user without a password
      --> /home/dag/config.toml:12:12
       |
    12 | username = "dag"
       |            ^^^^^
       |
       = help: add `password = "env:NAME"`
    "#);
    assert_snapshot!(problems(&section(&format!("{broker}\npassword = \"env:X\""))), @r#"
    error: a password without a user
      --> /home/dag/config.toml:12:12
       |
    12 | password = "env:X"
       |            ^^^^^^^
       |
       = help: add `username = "…"`
    "#);
    assert_snapshot!(problems(&section(&format!("{broker}\nusername = \"dag\"\npassword = \"hunter2\""))), @r#"
    error: a secret is only named here, never written: use `env:NAME` or `file:PATH`
      --> /home/dag/config.toml:13:12
       |
    13 | password = "hunter2"
       |            ^^^^^^^^^
    "#);
}

#[test]
fn certificates_are_for_tls_and_a_prefix_is_a_topic() {
    assert_snapshot!(problems(&section("broker = \"mqtt://localhost\"\nca = \"ca.pem\"\nprefix = \"home/#\"")), @r#"
    error: certificates are for a broker with TLS
      --> /home/dag/config.toml:12:6
       |
    12 | ca = "ca.pem"
       |      ^^^^^^^^
       |
       = help: write `mqtts://…` as the broker, or remove this line

    error: `home/#` cannot be the beginning of a topic
      --> /home/dag/config.toml:13:10
       |
    13 | prefix = "home/#"
       |          ^^^^^^^^
       |
       = help: use letters, digits, `-`, `_` and `.`, with `/` between them
    "#);
}

//! Servers, senders and networks that cannot be.

use insta::assert_snapshot;

use crate::{DEVICE, EMAIL, SITE, file, told};

#[test]
fn mail_needs_a_sender_and_the_server_that_it_names() {
    assert_snapshot!(told(&file("").replace("\"dag@example.com\"", "\"dag\\r\\nBcc: kim@example.com\"")), @r#"
        error: `dag\r\nBcc: kim@example.com` is not a mail address
         --> /home/dag/config.toml:9:8
          |
        9 | from = "dag\r\nBcc: kim@example.com"
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write it like `dag@example.com` or `detectordag <dag@example.com>`
        "#);
    assert_snapshot!(told(&file("").replace("\"outbox\"", "\"smtp\"")), @r#"
        error: mail is to leave through a mail server, and none is named
         --> /home/dag/config.toml:8:13
          |
        8 | transport = "smtp"
          |             ^^^^^^
          |
          = help: add a section `[email.smtp]` with `server`
        "#);
}

#[test]
fn a_mail_server_is_given_its_secrets_by_name_and_never_in_plain() {
    let smtp = |lines: &str| told(&file(&format!("[email.smtp]\n{lines}\n")));
    assert_snapshot!(smtp("server = \"mail.example.com\"\nsecurity = \"plain\""), @r#"
        error: mail and password would cross the network unprotected
          --> /home/dag/config.toml:12:12
           |
        12 | security = "plain"
           |            ^^^^^^^
           |
           = help: use `starttls` or `tls`; `plain` is for a server at `localhost`
        "#);
    assert_snapshot!(smtp("server = \"localhost:25\"\nport = 0"), @r#"
        error: `localhost:25` is not the name of a server; its port is a key of its own
          --> /home/dag/config.toml:11:10
           |
        11 | server = "localhost:25"
           |          ^^^^^^^^^^^^^^

        error: `port` must be from 1 to 65535, not 0
          --> /home/dag/config.toml:12:8
           |
        12 | port = 0
           |        ^
        "#);
    assert_snapshot!(smtp("server = \"localhost\"\npassword = \"env:X\""), @r#"
        error: a password without a user
          --> /home/dag/config.toml:12:12
           |
        12 | password = "env:X"
           |            ^^^^^^^
           |
           = help: add `username = "…"`
        "#);
    assert_snapshot!(smtp("server = \"localhost\"\nusername = \"dag\""), @r#"
        error: a user without a password
          --> /home/dag/config.toml:12:12
           |
        12 | username = "dag"
           |            ^^^^^
           |
           = help: add `password = "env:NAME"`
        "#);
    assert_snapshot!(smtp("server = \"localhost\"\nusername = \"dag\"\npassword = \"hunter2\""), @r#"
        error: a secret is only named here, never written: use `env:NAME` or `file:PATH`
          --> /home/dag/config.toml:13:12
           |
        13 | password = "hunter2"
           |            ^^^^^^^^^
        "#);
}

#[test]
fn addresses_are_addresses() {
    assert_snapshot!(told(&file("[web]\nlisten = \"localhost:8080\"\n")), @r#"
        error: `localhost:8080` is nowhere to listen at
          --> /home/dag/config.toml:11:10
           |
        11 | listen = "localhost:8080"
           |          ^^^^^^^^^^^^^^^^
           |
           = help: write an IP address and a port, like `127.0.0.1:8080`, or `0.0.0.0:8080` for every network
        "#);
    assert_snapshot!(told(&file("[webhook]\nallow_private = [\"10.0.0.1\", \"home\"]\n")), @r#"
        error: `home` is neither an IP address nor a network like `192.168.1.0/24`
          --> /home/dag/config.toml:11:30
           |
        11 | allow_private = ["10.0.0.1", "home"]
           |                              ^^^^^^
        "#);
    let url = |url: &str| told(&format!("{SITE}public_url = \"{url}\"\n{DEVICE}{EMAIL}"));
    assert_snapshot!(url("dag.example.com"), @r#"
        error: `dag.example.com` is not the address of a web site
         --> /home/dag/config.toml:5:14
          |
        5 | public_url = "dag.example.com"
          |              ^^^^^^^^^^^^^^^^^
          |
          = help: write it like `https://dag.example.com/`
        "#);
    for other in ["ftp://dag.example.com", "https://", "https://dag.example.com/?a=b", "/dashboard"] {
        assert!(url(other).contains("is not the address of a web site"), "{other}");
    }
}

#[test]
fn a_line_with_other_letters_has_its_caret_in_place() {
    assert_snapshot!(told(&file("[webhook] # ½ für später\nallow_private = [\"größe\", \"日本\", \"10.0.0.1/40\"]\n")), @r#"
        error: `größe` is neither an IP address nor a network like `192.168.1.0/24`
          --> /home/dag/config.toml:11:18
           |
        11 | allow_private = ["größe", "日本", "10.0.0.1/40"]
           |                  ^^^^^^^

        error: `日本` is neither an IP address nor a network like `192.168.1.0/24`
          --> /home/dag/config.toml:11:27
           |
        11 | allow_private = ["größe", "日本", "10.0.0.1/40"]
           |                           ^^^^^^

        error: `10.0.0.1/40` is neither an IP address nor a network like `192.168.1.0/24`
          --> /home/dag/config.toml:11:33
           |
        11 | allow_private = ["größe", "日本", "10.0.0.1/40"]
           |                                   ^^^^^^^^^^^^^
        "#);
}

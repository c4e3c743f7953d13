//! Wrong servers, senders and networks.

use dag_config::{Mode, Ses, Transport};
use insta::{assert_debug_snapshot, assert_snapshot};

use crate::{DEVICE, EMAIL, SITE, file, problems, read};

#[test]
fn mail_needs_a_sender_and_the_server_that_it_names() {
    assert_snapshot!(problems(&file("").replace("\"dag@example.com\"", "\"dag\\r\\nBcc: kim@example.com\"")), @r#"
        error: `dag\r\nBcc: kim@example.com` is not a mail address
         --> /home/dag/config.toml:9:8
          |
        9 | from = "dag\r\nBcc: kim@example.com"
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write it like `dag@example.com` or `detectordag <dag@example.com>`
        "#);
    assert_snapshot!(problems(&file("").replace("\"outbox\"", "\"smtp\"")), @r#"
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
    let smtp = |lines: &str| problems(&file(&format!("[email.smtp]\n{lines}\n")));
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
    assert_snapshot!(problems(&file("[web]\nlisten = \"localhost:8080\"\n")), @r#"
        error: `localhost:8080` is nowhere to listen at
          --> /home/dag/config.toml:11:10
           |
        11 | listen = "localhost:8080"
           |          ^^^^^^^^^^^^^^^^
           |
           = help: write an IP address and a port, like `127.0.0.1:8080`, or `0.0.0.0:8080` for every network
        "#);
    assert_snapshot!(problems(&file("[webhook]\nallow_private = [\"10.0.0.1\", \"home\"]\n")), @r#"
        error: `home` is neither an IP address nor a network like `192.168.1.0/24`
          --> /home/dag/config.toml:11:30
           |
        11 | allow_private = ["10.0.0.1", "home"]
           |                              ^^^^^^
        "#);
    let url = |url: &str| problems(&format!("{SITE}public_url = \"{url}\"\n{DEVICE}{EMAIL}"));
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
    let webhook = "[webhook] # ½ für später\nallow_private = [\"größe\", \"日本\", \"10.0.0.1/40\"]\n";
    assert_snapshot!(problems(&file(webhook)), @r#"
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

#[test]
fn ses_is_for_the_cloud() {
    let text = file("[email.ses]\nregion = \"Ireland!\"\nconfiguration_set = \"\"\n").replace("\"outbox\"", "\"ses\"");
    assert_snapshot!(problems(&text), @r#"
    error: a device that decides by itself cannot send by SES
     --> /home/dag/config.toml:8:13
      |
    8 | transport = "ses"
      |             ^^^^^
      |
      = help: use `smtp` or `outbox`, or `mode = "cloud"`

    error: `` cannot be a configuration set: letters, digits, `-` and `_`, at most 64
      --> /home/dag/config.toml:12:21
       |
    12 | configuration_set = ""
       |                     ^^
    "#);
    let good = file("[email.ses]\nsandbox = true\n").replace("standalone", "cloud").replace("\"outbox\"", "\"ses\"");
    let email = read(&good, &[], &[]).unwrap().email;
    assert_eq!(email.transport, Transport::Ses);
    assert_eq!(email.ses, Ses { sandbox: true, ..Ses::default() });
}

#[test]
fn an_uplink_is_a_host_a_certificate_and_a_key() {
    assert_snapshot!(problems(&file("[uplink]\n")), @r#"
        error: `endpoint` is missing in `uplink`
          --> /home/dag/config.toml:10:2
           |
        10 | [uplink]
           |  ^^^^^^
           |
           = help: add `endpoint = "….iot.eu-west-1.amazonaws.com"`

        error: `certificate` is missing in `uplink`
          --> /home/dag/config.toml:10:2
           |
        10 | [uplink]
           |  ^^^^^^
           |
           = help: add `certificate = "device.pem"`

        error: `key` is missing in `uplink`
          --> /home/dag/config.toml:10:2
           |
        10 | [uplink]
           |  ^^^^^^
           |
           = help: add `key = "device.key"`
        "#);
    let lines = "endpoint = \"mqtts://broker:8883\"\ncertificate = \"a\"\nkey = \"b\"\nkeep_alive = \"20s\"\n\
                 topics = \"dag/#\"\nkeep = \"1 KiB\"\nrules_key = \"secret\"\n";
    assert_snapshot!(problems(&file(&format!("[uplink]\n{lines}"))), @r#"
        error: `mqtts://broker:8883` is not the name of a broker
          --> /home/dag/config.toml:11:12
           |
        11 | endpoint = "mqtts://broker:8883"
           |            ^^^^^^^^^^^^^^^^^^^^^
           |
           = help: write its name alone: no `mqtts://`, and the port is a key of its own

        error: `keep_alive` must be from `30s` to `20m`, not `20s`
          --> /home/dag/config.toml:14:14
           |
        14 | keep_alive = "20s"
           |              ^^^^^

        error: `dag/#` cannot begin topics: it is one word of letters, digits, `-` and `_`, at most 64 of them
          --> /home/dag/config.toml:15:10
           |
        15 | topics = "dag/#"
           |          ^^^^^^^

        error: `1 KiB` is too little: keep at least `64 KiB`
          --> /home/dag/config.toml:16:8
           |
        16 | keep = "1 KiB"
           |        ^^^^^^^

        error: this is no public key
          --> /home/dag/config.toml:17:13
           |
        17 | rules_key = "secret"
           |             ^^^^^^^^
           |
           = help: it is the line that `dag-infra provision` writes: 32 bytes in base64
        "#);
}

#[test]
fn beside_a_fleets_account_an_uplink_says_what_holds_for_all_devices() {
    let fleet = |lines: &str| file(&format!("[aws]\nregion = \"eu-west-1\"\n[uplink]\n{lines}"));
    let config = read(&fleet("topics = \"mill\"\nport = 443\n"), &[], &[]).unwrap();
    assert_eq!((config.uplink, config.topics.as_str()), (None, "mill"));
    assert!(problems(&fleet("port = 0\n")).contains("`port`"));
    // One that says where its own certificate is says all of it.
    assert!(problems(&fleet("certificate = \"a.pem\"\n")).contains("`endpoint` is missing in `uplink`"));
}

#[test]
fn an_uplink_has_defaults_for_the_rest() {
    let lines = "[uplink]\nendpoint = \"broker.local\"\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
    // A device that decides by itself may keep the section.
    let uplink = read(&file(lines), &[], &[]).unwrap().uplink.unwrap();
    assert_debug_snapshot!(uplink, @r#"
        Uplink {
            endpoint: "broker.local",
            port: 8883,
            ca: None,
            certificate: "/home/dag/a.pem",
            key: "/home/dag/a.key",
            keep_alive: 1m,
            topics: "dag",
            keep: 1048576,
            rules_key: None,
        }
        "#);
    // The cloud's own copy has none.
    let cloud = read(&file("").replace("standalone", "cloud"), &[], &[]).unwrap();
    assert_eq!((cloud.mode, cloud.uplink), (Mode::Cloud, None));
}

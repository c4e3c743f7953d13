//! Wrong values in any section.

use insta::assert_snapshot;

use crate::{DEVICE, EMAIL, SITE, device_problems, file, problems};

#[test]
fn everything_wrong_is_told_at_once_in_the_order_of_the_file() {
    assert_snapshot!(problems(
        r#"mode = "standalon"
[site]
nam = "Home"
timezone = "Europe/Londn"
[device.cottage]
power = { source = "gpio", pin = 28, glitch = "50" }
[storage]
keep = "64 MB"
"#), @r#"
        error: `email` is missing
        --> /home/dag/config.toml
         = help: add `[email]`

        error: `mode` cannot be `standalon`
         --> /home/dag/config.toml:1:8
          |
        1 | mode = "standalon"
          |        ^^^^^^^^^^^
          |
          = help: did you mean `standalone`?

        error: `name` is missing in `site`
         --> /home/dag/config.toml:2:2
          |
        2 | [site]
          |  ^^^^
          |
          = help: add `name = "Home"`

        error: `site.nam` is not a key of this file
         --> /home/dag/config.toml:3:1
          |
        3 | nam = "Home"
          | ^^^
          |
          = help: did you mean `name`?

        error: there is no time zone `Europe/Londn`
         --> /home/dag/config.toml:4:12
          |
        4 | timezone = "Europe/Londn"
          |            ^^^^^^^^^^^^^^
          |
          = help: did you mean `Europe/London`?

        error: `pin` must be from 0 to 27, not 28
         --> /home/dag/config.toml:6:34
          |
        6 | power = { source = "gpio", pin = 28, glitch = "50" }
          |                                  ^^

        error: `50` has no unit: write `50s` for seconds, `50m` for minutes or `50h` for hours
         --> /home/dag/config.toml:6:47
          |
        6 | power = { source = "gpio", pin = 28, glitch = "50" }
          |                                               ^^^^

        error: `64 MB` is not a size: write a whole number and a unit, like `500 KiB`, `64 MiB` or `1 GiB`
         --> /home/dag/config.toml:8:8
          |
        8 | keep = "64 MB"
          |        ^^^^^^^
        "#);
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    assert_snapshot!(problems(&file("[storage]\npaht = \"x\"\n[stroage]\nkeep = \"1 GiB\"\n[storage.other]\n")), @r#"
        error: `storage.paht` is not a key of this file
          --> /home/dag/config.toml:11:1
           |
        11 | paht = "x"
           | ^^^^
           |
           = help: did you mean `path`?

        error: `stroage` is not a key of this file
          --> /home/dag/config.toml:12:2
           |
        12 | [stroage]
           |  ^^^^^^^
           |
           = help: did you mean `storage`?

        error: `storage.other` is not a key of this file
          --> /home/dag/config.toml:14:10
           |
        14 | [storage.other]
           |          ^^^^^
           |
           = help: expected one of `keep`, `path`
        "#);
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_what_it_is() {
    assert_snapshot!(problems(&file(
        "[storage]\npath = 5\nkeep = 64\n[webhook]\nallow_private = \"10.0.0.1\"\n\
         [email.smtp]\nport = 2.5\nserver = true\nca = 2026-01-01\n[web]\nlisten = [1]\n",
    )), @r#"
        error: `path` must be text in quotes, not 5
          --> /home/dag/config.toml:11:8
           |
        11 | path = 5
           |        ^

        error: `keep` must be text in quotes, not 64
          --> /home/dag/config.toml:12:8
           |
        12 | keep = 64
           |        ^^

        error: `allow_private` must be a list, not the text "10.0.0.1"
          --> /home/dag/config.toml:14:17
           |
        14 | allow_private = "10.0.0.1"
           |                 ^^^^^^^^^^

        error: `port` must be a whole number, not 2.5
          --> /home/dag/config.toml:16:8
           |
        16 | port = 2.5
           |        ^^^

        error: `server` must be text in quotes, not true
          --> /home/dag/config.toml:17:10
           |
        17 | server = true
           |          ^^^^

        error: `ca` must be text in quotes, not a date
          --> /home/dag/config.toml:18:6
           |
        18 | ca = 2026-01-01
           |      ^^^^^^^^^^

        error: `listen` must be text in quotes, not a list
          --> /home/dag/config.toml:20:10
           |
        20 | listen = [1]
           |          ^^^
        "#);
    assert_snapshot!(device_problems(
        "power = \"simulated\"\nbattery = { source = \"none\", report_step = \"5\" }\nlabels = { area = 7 }",
    ), @r#"
        error: `device.cottage.power` must be a table, not the text "simulated"
         --> /home/dag/config.toml:6:9
          |
        6 | power = "simulated"
          |         ^^^^^^^^^^^
          |
          = help: write a section `[device.cottage.power]`, or a table `{ key = value }`

        error: `report_step` must be a whole number, not the text "5"
         --> /home/dag/config.toml:7:44
          |
        7 | battery = { source = "none", report_step = "5" }
          |                                            ^^^

        error: an entry of `labels` must be text in quotes, not 7
         --> /home/dag/config.toml:8:19
          |
        8 | labels = { area = 7 }
          |                   ^
        "#);
    assert_snapshot!(problems(&format!("{SITE}operators = [\"owners\", 3]\n{DEVICE}{EMAIL}email = 1")), @r#"
        error: an entry of `operators` must be text in quotes, not 3
         --> /home/dag/config.toml:5:24
          |
        5 | operators = ["owners", 3]
          |                        ^

        error: `email.email` is not a key of this file
          --> /home/dag/config.toml:11:1
           |
        11 | email = 1
           | ^^^^^
           |
           = help: expected one of `from`, `outbox`, `ses`, `smtp`, `transport`
        "#);
}

#[test]
fn a_missing_key_is_shown_with_an_example() {
    assert_snapshot!(problems("mode = \"standalone\"\n[site]\n[device.cottage]\n[email]\n"), @r#"
        error: `name` is missing in `site`
         --> /home/dag/config.toml:2:2
          |
        2 | [site]
          |  ^^^^
          |
          = help: add `name = "Home"`

        error: `timezone` is missing in `site`
         --> /home/dag/config.toml:2:2
          |
        2 | [site]
          |  ^^^^
          |
          = help: add `timezone = "Europe/London"`

        error: `power` is missing in `device.cottage`
         --> /home/dag/config.toml:3:9
          |
        3 | [device.cottage]
          |         ^^^^^^^
          |
          = help: add `power = { source = "simulated" }`

        error: `transport` is missing in `email`
         --> /home/dag/config.toml:4:2
          |
        4 | [email]
          |  ^^^^^
          |
          = help: add `transport = "outbox"`

        error: `from` is missing in `email`
         --> /home/dag/config.toml:4:2
          |
        4 | [email]
          |  ^^^^^
          |
          = help: add `from = "detectordag <dag@example.com>"`
        "#);
    assert_snapshot!(problems(&format!("{SITE}[device]\n{EMAIL}")), @r"
        error: there is no device
         --> /home/dag/config.toml:5:2
          |
        5 | [device]
          |  ^^^^^^
          |
          = help: add a section `[device.NAME]`
        ");
}

#[test]
fn sections_of_a_later_version_are_refused_not_ignored() {
    assert_snapshot!(problems(&file("[drill]\n")), @r"
        error: `[drill]` is not part of this version yet
          --> /home/dag/config.toml:10:2
           |
        10 | [drill]
           |  ^^^^^
           |
           = help: remove this section
        ");
    let battery = "power = { source = \"simulated\" }\nbattery = { source = \"cw2015\", bus = 1 }";
    assert_snapshot!(device_problems(battery), @r#"
        error: `source = "cw2015"` is not part of this version yet
         --> /home/dag/config.toml:7:22
          |
        7 | battery = { source = "cw2015", bus = 1 }
          |                      ^^^^^^^^
          |
          = help: use `none` or `nut`
        "#);
}

#[test]
fn a_zone_that_does_not_exist_is_told_with_the_nearest() {
    assert_snapshot!(device_problems("timezone = \"Europe/Berlni\"\npower = { source = \"none\" }"), @r#"
        error: there is no time zone `Europe/Berlni`
         --> /home/dag/config.toml:6:12
          |
        6 | timezone = "Europe/Berlni"
          |            ^^^^^^^^^^^^^^^
          |
          = help: did you mean `Europe/Berlin`?
        "#);
    assert_snapshot!(device_problems("timezone = \"the moon\"\npower = { source = \"none\" }"), @r#"
        error: there is no time zone `the moon`
         --> /home/dag/config.toml:6:12
          |
        6 | timezone = "the moon"
          |            ^^^^^^^^^^
          |
          = help: write a name of the IANA database, like `Europe/London` or `UTC`
        "#);
}

#[test]
fn a_name_is_one_line() {
    assert_snapshot!(device_problems("name = \"Cottage\\r\\nBcc: x\"\npower = { source = \"none\" }"), @r#"
        error: `name` must be one line of text, and not empty
         --> /home/dag/config.toml:6:8
          |
        6 | name = "Cottage\r\nBcc: x"
          |        ^^^^^^^^^^^^^^^^^^^
        "#);
}

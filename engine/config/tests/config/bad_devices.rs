//! Wrong devices and sources.

use insta::assert_snapshot;

use crate::{EMAIL, SITE, device_problems, problems};

#[test]
fn the_id_of_a_device_fits_into_topics() {
    let named = |id: &str| problems(&format!("{SITE}[device.\"{id}\"]\npower.source = \"none\"\n{EMAIL}"));
    assert_snapshot!(named("the cottage"), @r#"
        error: `the cottage` cannot be the id of a device
         --> /home/dag/config.toml:5:9
          |
        5 | [device."the cottage"]
          |         ^^^^^^^^^^^^^
          |
          = help: use letters a–z, digits, `-` and `_`, at most 64: it stands in topics and paths; `name` may be anything
        "#);
    for id in ["", "a/b", "+", "höhle", &"x".repeat(65)] {
        assert!(named(id).contains("cannot be the id of a device"), "{id}");
    }
}

#[test]
fn an_input_has_a_name_that_rules_can_use() {
    let named = |name: &str| device_problems(&format!("power.source = \"none\"\n{name} = {{ source = \"none\" }}"));
    assert_snapshot!(named("Door"), @r#"
        error: `Door` cannot be the name of an input
         --> /home/dag/config.toml:7:1
          |
        7 | Door = { source = "none" }
          | ^^^^
          |
          = help: use small letters, digits and `_`, a letter first, like `freezer_door`
        "#);
    assert_snapshot!(named("connected"), @r#"
        error: `connected` has a meaning of its own in rules
         --> /home/dag/config.toml:7:1
          |
        7 | connected = { source = "none" }
          | ^^^^^^^^^
          |
          = help: give the input another name
        "#);
    for name in ["_door", "2door", "front-door", "\"\"", "\"a b\"", "\"türe\""] {
        assert!(named(name).contains("cannot be the name of an input"), "{name}");
    }
    for name in ["on", "off", "disconnected", "connection", "battery_mv"] {
        assert!(named(name).contains("has a meaning of its own in rules"), "{name}");
    }
    assert_snapshot!(device_problems("power.source = \"none\"\nbatery = { source = \"gpi\" }"), @r#"
        error: `source` cannot be `gpi`
         --> /home/dag/config.toml:7:21
          |
        7 | batery = { source = "gpi" }
          |                     ^^^^^
          |
          = help: did you mean `gpio`?
        "#);
    assert_snapshot!(device_problems("power.source = \"none\"\nlables = { area = \"x\" }"), @r#"
        error: `device.cottage.lables` is not a key of this file
         --> /home/dag/config.toml:7:1
          |
        7 | lables = { area = "x" }
          | ^^^^^^
          |
          = help: did you mean `labels`?
        "#);
}

#[test]
fn a_pin_is_one_that_a_pi_has_and_read_once() {
    assert_snapshot!(device_problems("power = { source = \"gpio\" }\ndoor = { source = \"gpio\", pin = -1 }"), @r#"
        error: `pin` is missing in `device.cottage.power`
         --> /home/dag/config.toml:6:1
          |
        6 | power = { source = "gpio" }
          | ^^^^^
          |
          = help: add `pin = 4`

        error: `pin` must be from 0 to 27, not -1
         --> /home/dag/config.toml:7:33
          |
        7 | door = { source = "gpio", pin = -1 }
          |                                 ^^
        "#);
    assert_snapshot!(device_problems(
        "power = { source = \"gpio\", pin = 4 }\ndoor = { source = \"gpio\", pin = 4 }",
    ), @r#"
        error: pin 4 is read by `door` already
         --> /home/dag/config.toml:6:1
          |
        6 | power = { source = "gpio", pin = 4 }
          | ^^^^^
        "#);
    assert_snapshot!(device_problems("power = { source = \"gpio\", pin = 4, glitch = \"11s\", on_when = \"hi\" }"), @r#"
        error: `glitch` must be from `0s` to `10s`, not `11s`
         --> /home/dag/config.toml:6:46
          |
        6 | power = { source = "gpio", pin = 4, glitch = "11s", on_when = "hi" }
          |                                              ^^^^^

        error: `on_when` cannot be `hi`
         --> /home/dag/config.toml:6:63
          |
        6 | power = { source = "gpio", pin = 4, glitch = "11s", on_when = "hi" }
          |                                                               ^^^^
          |
          = help: expected one of `high`, `low`
        "#);
}

#[test]
fn a_source_tells_only_what_it_can() {
    assert_snapshot!(device_problems("power.source = \"none\"\nbattery = { source = \"gpio\", pin = 4 }"), @r#"
        error: `source` cannot be `gpio`
         --> /home/dag/config.toml:7:22
          |
        7 | battery = { source = "gpio", pin = 4 }
          |                      ^^^^^^
          |
          = help: expected one of `none`, `nut`
        "#);
    assert_snapshot!(device_problems("power.source = \"none\"\ndoor = { source = \"nut\" }"), @r#"
        error: `source` cannot be `nut`
         --> /home/dag/config.toml:7:19
          |
        7 | door = { source = "nut" }
          |                   ^^^^^
          |
          = help: expected one of `none`, `simulated`, `gpio`
        "#);
    assert_snapshot!(device_problems("power = { source = \"simulated\", pin = 4 }"), @r#"
        error: `device.cottage.power.pin` is not a key of this file
         --> /home/dag/config.toml:6:33
          |
        6 | power = { source = "simulated", pin = 4 }
          |                                 ^^^
          |
          = help: expected one of `off`, `on`, `source`
        "#);
}

#[test]
fn a_ups_is_a_word_at_a_server_and_its_port() {
    assert_snapshot!(device_problems(
        "power = { source = \"nut\", address = \"localhost\", ups = \"my ups\", poll = \"10ms\" }",
    ), @r#"
        error: `localhost` is not a server and its port: write them like `127.0.0.1:3493`
         --> /home/dag/config.toml:6:37
          |
        6 | power = { source = "nut", address = "localhost", ups = "my ups", poll = "10ms" }
          |                                     ^^^^^^^^^^^

        error: `my ups` cannot be the name of a UPS: it is one word, the one in the server's `ups.conf`
         --> /home/dag/config.toml:6:56
          |
        6 | power = { source = "nut", address = "localhost", ups = "my ups", poll = "10ms" }
          |                                                        ^^^^^^^^

        error: `poll` must be from `100ms` to `1h`, not `10ms`
         --> /home/dag/config.toml:6:73
          |
        6 | power = { source = "nut", address = "localhost", ups = "my ups", poll = "10ms" }
          |                                                                         ^^^^^^
        "#);
}

#[test]
fn a_state_has_a_short_name_that_is_not_the_other_s() {
    let door =
        |keys: &str| device_problems(&format!("power.source = \"none\"\ndoor = {{ source = \"none\", {keys} }}"));
    assert_snapshot!(door("on = \"\", off = true"), @r#"
        error: `on` cannot be shown in a message
         --> /home/dag/config.toml:7:32
          |
        7 | door = { source = "none", on = "", off = true }
          |                                ^^
          |
          = help: write one line of at most 40 characters, like `on = "open"`

        error: `off` must be text in quotes, not true
         --> /home/dag/config.toml:7:42
          |
        7 | door = { source = "none", on = "", off = true }
          |                                          ^^^^
        "#);
    assert_snapshot!(door("on = \"Off\""), @r#"
        error: both states would be shown as `Off`
         --> /home/dag/config.toml:7:32
          |
        7 | door = { source = "none", on = "Off" }
          |                                ^^^^^
          |
          = help: give each a word of its own, like `on = "open", off = "closed"`; to swap the states of a pin, set `on_when`
        "#);
    for keys in ["on = \"open\", off = \"Open\"", "off = \"on\""] {
        assert!(door(keys).contains("both states would be shown as"), "{keys}");
    }
    let long = format!("on = \"{}\"", "x".repeat(41));
    for keys in ["off = \"two\\nlines\"", long.as_str(), "on = \" \""] {
        assert!(door(keys).contains("cannot be shown in a message"), "{keys}");
    }
    let battery = device_problems("power.source = \"none\"\nbattery = { source = \"none\", on = \"full\" }");
    assert!(battery.contains("`device.cottage.battery.on` is not a key of this file"), "{battery}");
}

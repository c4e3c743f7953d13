//! `[heartbeat.NAME]`: its values, and the problems that a user is shown.

use dag_config::{Heartbeat, HeartbeatUrl};
use dag_engine::Millis;
use insta::assert_snapshot;

use crate::{file, problems, read};

#[test]
fn several_heartbeats_are_read_by_their_names() {
    let more = "[heartbeat.healthchecks]\nurl = \"env:HEALTHCHECKS_URL\"\n\
                [heartbeat.kuma]\nurl = \"http://192.168.1.20:3001/api/push/k?status=up\"\nevery = \"1m\"\n";
    let heartbeats = read(&file(more), &[], &[]).unwrap().heartbeats;
    let healthchecks = HeartbeatUrl::Secret("env:HEALTHCHECKS_URL".parse().unwrap());
    let kuma = HeartbeatUrl::Plain("http://192.168.1.20:3001/api/push/k?status=up".into());
    assert_eq!(heartbeats["healthchecks"], Heartbeat { url: healthchecks, every: Millis::new(300_000) });
    assert_eq!(heartbeats["kuma"], Heartbeat { url: kuma, every: Millis::new(60_000) });
}

#[test]
fn a_wrong_heartbeat_says_what_to_write() {
    let more = "[heartbeat.a]\nevery = \"1s\"\n[heartbeat.b]\nurl = \"hc-ping.com/5b7c\"\nevry = \"1m\"\n";
    assert_snapshot!(problems(&file(more)), @r#"
        error: `url` is missing in `heartbeat.a`
          --> /home/dag/config.toml:10:12
           |
        10 | [heartbeat.a]
           |            ^
           |
           = help: add `url = "https://hc-ping.com/…"`

        error: `every` must be from `10s` to `1d`, not `1s`
          --> /home/dag/config.toml:11:9
           |
        11 | every = "1s"
           |         ^^^^

        error: this is not the address of a heartbeat
          --> /home/dag/config.toml:13:7
           |
        13 | url = "…"
           |       ^^^
           |
           = help: write it like `https://hc-ping.com/…`, or name its place: `env:NAME`, `file:PATH`

        error: `heartbeat.b.evry` is not a key of this file
          --> /home/dag/config.toml:14:1
           |
        14 | evry = "1m"
           | ^^^^
           |
           = help: did you mean `every`?
        "#);
}

#[test]
fn a_heartbeat_without_a_name_is_told_to_have_one() {
    assert_snapshot!(problems(&file("[heartbeat]\nurl = \"https://hc-ping.com/5b7c\"\n")), @r"
        error: a heartbeat has a name
          --> /home/dag/config.toml:10:2
           |
        10 | [heartbeat]
           |  ^^^^^^^^^
           |
           = help: write `[heartbeat.NAME]`
        ");
}

//! The incidents and messages of a trace.

use std::fs;

use serde_json::{Value, json};

use crate::{WITH_ARRIVAL, jsonl, lines, messages, rows, run, shipped};

#[test]
fn an_outage_reported_after_its_end_is_told_once_to_the_first_step() {
    let trace = format!(
        "{WITH_ARRIVAL}2026-01-10T14:10:00Z,cottage,power,off,2026-01-10T20:00:00Z\n\
         2026-01-10T14:45:00Z,cottage,power,on,2026-01-10T20:00:00Z\n"
    );
    let lines = jsonl(&trace, &["--until", "2026-01-12T00:00:00Z"]);
    let incident = &lines[0]["incident"];
    let expected = [
        json!({
            "type": "incident", "at": "2026-01-10T20:00:00Z", "device": "cottage", "rule": "power-outage",
            "incident": incident, "state": "open", "since": "2026-01-10T14:10:00Z", "ended": null
        }),
        json!({
            "type": "incident", "at": "2026-01-10T20:00:00Z", "device": "cottage", "rule": "power-outage",
            "incident": incident, "state": "resolved", "since": "2026-01-10T14:10:00Z", "ended": "2026-01-10T14:45:00Z"
        }),
        json!({
            "type": "notification", "at": "2026-01-10T20:00:00Z", "id": lines[2]["id"], "device": "cottage",
            "rule": "power-outage", "incident": incident, "kind": "past", "step": 0, "repeat": 0,
            "severity": "critical", "recipient": "nor", "channel": "email",
            "subject": "[Power was out 14:10 to 14:45] Cottage, 10 Jan 14:10"
        }),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn deadlines_fire_between_the_rows_and_before_a_row_of_the_same_time() {
    let trace = rows(&[
        "10:00:00Z,cottage,power,on",
        "11:00:00Z,cottage,power,off",
        "11:00:29Z,cottage,power,on",
        "12:00:00Z,cottage,power,off",
        "12:00:30Z,cottage,power,on",
    ]);
    // The first was shorter than the rule's half minute. The second was exactly as long: the deadline comes first.
    let sent = messages(&jsonl(&trace, &["--until", "2026-01-10T13:00:00Z"]));
    assert_eq!(sent, ["2026-01-10T12:00:30Z opened 0 nor", "2026-01-10T12:00:40Z resolved 0 nor"]);
}

#[test]
fn a_replay_ends_with_the_last_row_or_at_the_time_given() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:10:00Z,cottage,power,off", "10:40:00Z,cottage,power,off"]);
    let opened = "2026-01-10T10:00:30Z opened 0 nor";
    let escalated = "2026-01-10T10:30:30Z escalated 1 neighbour";
    let reminded = "2026-01-10T12:30:30Z reminder 1 neighbour";
    assert_eq!(messages(&jsonl(&trace, &[])), [opened, escalated]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T10:30:00Z"])), [opened]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T10:00:29Z"])), [] as [&str; 0]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T13:30:30+01:00"])), [opened, escalated, reminded]);
}

#[test]
fn an_unknown_value_neither_opens_nor_ends_anything() {
    let trace =
        rows(&["10:00:00Z,cottage,power,off", "10:00:10Z,cottage,power,unknown", "11:00:00Z,cottage,power,off"]);
    let opened = jsonl(&trace, &[]).iter().filter(|line| line["state"] == "open").cloned().collect::<Vec<_>>();
    // It goes on with its old time.
    assert_eq!((opened.len(), &opened[0]["since"]), (1, &json!("2026-01-10T10:00:00Z")));
}

#[test]
fn rules_of_the_cloud_run_too() {
    let trace = rows(&["10:00:00Z,cottage,power,on", "10:01:00Z,cottage,connection,disconnected"]);
    let sent = messages(&jsonl(&trace, &["--until", "2026-01-10T11:00:00Z"]));
    assert_eq!(sent, ["2026-01-10T10:16:00Z opened 0 nor"]);
}

#[test]
fn several_devices_are_called_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(shipped()).unwrap();
    let cabin = "[device.cabin]\nname = \"Cabin\"\npower = { source = \"none\" }\n\n[storage]";
    fs::write(dir.path().join("config.toml"), config.replace("[storage]", cabin)).unwrap();
    fs::create_dir(dir.path().join("rules")).unwrap();
    for file in ["power.toml", "people.toml"] {
        fs::copy(shipped().with_file_name("rules").join(file), dir.path().join("rules").join(file)).unwrap();
    }
    // A secret that is not set does not matter, and a device without a source is simulated too.
    let people = dir.path().join("rules/people.toml");
    let hook = "webhook = { url = \"https://example.com/\", secret = \"env:NOT_SET_ANYWHERE\" }\n# webhook";
    fs::write(&people, fs::read_to_string(&people).unwrap().replace("# webhook", hook)).unwrap();

    let trace = rows(&[
        "10:00:00Z,cottage,power,off",
        "10:00:05Z,cabin,power,off",
        "10:00:32Z,cottage,power,on",
        "10:00:33Z,cabin,power,on",
    ]);
    let words = ["--format", "jsonl", "--until", "2026-01-10T11:00:00Z"];
    let lines = lines(&run(&dir.path().join("config.toml"), trace.as_bytes(), &words));
    let seen = |line: &Value| format!("{} {}", &line["at"].as_str().unwrap()[11..19], line["device"].as_str().unwrap());
    let mut seen: Vec<String> = lines.iter().map(seen).collect();
    seen.dedup();
    assert_eq!(seen, ["10:00:30 cottage", "10:00:42 cottage"], "the cabin's was but 28 seconds");
}

#[test]
fn a_report_of_any_length_is_one_report() {
    let mut trace = WITH_ARRIVAL.to_owned();
    for row in 0..25_000 {
        // Off for a quarter of an hour. The outage is over when the report arrives, so only `past` is sent.
        let (minute, second) = (row / 60 % 60, row % 60);
        let value = if row < 900 { "off" } else { "on" };
        let hour = row / 3_600;
        trace.push_str(&format!(
            "2026-01-10T{hour:02}:{minute:02}:{second:02}Z,cottage,power,{value},2026-01-10T20:00:00Z\n"
        ));
    }
    let lines = jsonl(&trace, &[]);
    assert_eq!(messages(&lines), ["2026-01-10T20:00:00Z past 0 nor"]);
    assert_eq!(lines[1]["ended"], "2026-01-10T00:15:00Z");
}

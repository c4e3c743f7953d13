//! Inputs that are refused or ignored, and ids that are the same on every host.

use dag_engine::{Channel, Input, MessageRef, Reading, Report, State, Value};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, after, cottage, outage};

fn report(host: &mut Host, boot: u64, first: u64, facts: &[(&str, Option<Value>)], at: &str) -> String {
    let at = host.time(at);
    let readings = facts.iter().map(|(fact, value)| Reading { fact: (*fact).into(), value: *value, at }).collect();
    host.step(Input::Report(Report { source: "gpio".into(), boot, first, readings, ..Report::default() }), at);
    host.take_lines()
}

const OFF: (&str, Option<Value>) = ("power", Some(Value::Off));
const ON: (&str, Option<Value>) = ("power", Some(Value::On));

#[test]
fn readings_applied_before_decide_nothing_and_a_stale_report_is_refused() {
    let mut host = Host::new(OUTAGE);
    assert_snapshot!(report(&mut host, 1, 1, &[OFF], "0s"), @"0s outage pending until 30s");
    assert_snapshot!(report(&mut host, 1, 1, &[ON], "1s"), @"1s refused gpio: Stale");
    assert_snapshot!(report(&mut host, 1, 0, &[ON, ON], "1s"), @"1s refused gpio: Stale");
    assert_snapshot!(report(&mut host, 1, 1, &[OFF, ON], "2s"), @"2s outage dip since 0s");
    // Sent again on purpose, in case they were lost.
    let readings = vec![Reading { fact: "power".into(), value: Some(Value::Off), at: host.time("2s") }];
    let again = Report { source: "gpio".into(), boot: 1, first: 2, resent: 1, readings, ..Report::default() };
    assert_eq!(host.step_at("3s", Input::Report(again)), "");
    assert_eq!(host.state.last_applied("gpio", 1), Some(2));
    assert_eq!(host.state.last_applied("gpio", 2), None);
}

#[test]
fn an_empty_report_says_nothing_about_what_was_applied() {
    let mut host = Host::new(OUTAGE);
    report(&mut host, 1, 5, &[], "0s");
    assert_snapshot!(report(&mut host, 1, 1, &[OFF], "1s"), @"1s outage pending until 31s");
}

#[test]
fn a_new_boot_counts_its_readings_anew_and_an_older_one_is_refused() {
    let mut host = Host::new(OUTAGE);
    report(&mut host, 1, 1, &[ON, ON, ON], "0s");
    assert_snapshot!(report(&mut host, 2, 1, &[OFF], "1s"), @"1s outage pending until 31s");
    assert_snapshot!(report(&mut host, 1, 4, &[ON], "2s"), @"2s refused gpio: OlderBoot");
    assert_eq!(host.state.value("power"), Some(Value::Off));
}

#[test]
fn a_report_with_too_many_readings_is_refused_whole() {
    let mut host = Host::new(OUTAGE);
    assert_snapshot!(report(&mut host, 1, 1, &vec![OFF; 10_001], "0s"), @"0s refused gpio: TooManyReadings");
    assert_eq!(host.state.value("power"), None);
    report(&mut host, 1, 1, &vec![OFF; 10_000], "0s");
    assert_eq!(host.state.value("power"), Some(Value::Off));
}

#[test]
fn unknown_facts_and_wrong_values_are_refused_and_the_rest_is_applied() {
    let mut host = Host::new(OUTAGE);
    let facts = [
        ("powr", Some(Value::Off)),
        ("power", Some(Value::Number(1))),
        ("power", Some(Value::Connected)),
        ("battery", Some(Value::On)),
        ("connection", Some(Value::Off)),
        OFF,
    ];
    assert_snapshot!(report(&mut host, 1, 1, &facts, "0s"), @"
    0s refused powr: UnknownFact
    0s refused power: WrongValue
    0s refused power: WrongValue
    0s refused battery: WrongValue
    0s refused connection: WrongValue
    0s outage pending until 30s
    ");
    let reasons = [dag_engine::Refusal::UnknownFact, dag_engine::Refusal::WrongValue].map(|reason| reason.describe());
    assert_eq!(reasons, ["the rules and the configuration know no such fact", "this fact cannot take that value"]);
}

#[test]
fn now_never_falls() {
    let mut host = after(OUTAGE, "1m power=off");
    let (earlier, later) = (host.time("10s"), host.time("90s"));
    assert!(host.engine.step(&mut host.state, Input::Elapsed, earlier).is_empty());
    assert_eq!(host.state.next_deadline(), Some(later));
}

#[test]
fn attempts_of_unknown_messages_change_nothing() {
    let mut host = after(OUTAGE, "0s power=off \n 1m");
    let (incident, now) = (host.incident(), host.time("30s"));
    let message =
        MessageRef { notification: incident, incident: None, recipient: "nor".into(), channel: Channel::Email };
    let before = host.state.clone();
    for input in
        [Input::Attempted(message.clone()), Input::Delivered(message.clone()), Input::Failed { message, last: true }]
    {
        assert!(host.engine.step(&mut host.state, input, now).is_empty());
    }
    assert_eq!(host.state, before);
}

#[test]
fn a_failed_attempt_may_have_told_somebody() {
    let mut host = after(OUTAGE, "0s stuck \n 0s power=off \n 1m");
    let message = host.sent.last().unwrap().reference();
    let failed = host.step_at("1m", Input::Failed { message, last: true });
    assert_eq!(failed, "1m troubled: delivery/nor/email");
    assert_snapshot!(host.play("2m power=on \n 3m"), @"
    2m outage closing until 2m10s
    2m10s outage resolved, 0s to 2m
    2m10s outage told nor by email: resolved 0
    ");
}

#[test]
fn ids_are_promises() {
    let host = after(OUTAGE, "0s power=off \n 1m power=on \n 2m");
    let ids =
        host.sent.iter().map(|sent| format!("{} {} {}", sent.kind.as_str(), sent.id, sent.incident().unwrap().id));
    // These must never change: hosts have stored them, and receivers tell a repeat by them.
    assert_snapshot!(ids.collect::<Vec<_>>().join("\n"), @"
    opened a240b8d4c85617f5c55dab49b2a24ffe 2b10f185522d1964eba14e0294d396fc
    resolved 2dd07d503d71dc6adb34dcf72c547809 2b10f185522d1964eba14e0294d396fc
    ");
}

#[test]
fn every_message_has_an_id_of_its_own_and_the_same_id_on_every_host() {
    let rules = outage(
        r#"{ notify = ["nor", "pager"], repeat = "1h" }, { after = "90m", notify = ["kim", "nor"], repeat = "7m" }"#,
    );
    let story = "0s power=off \n 5h \n 5h1m ack nor \n 6h ack kim \n 7h power=on \n 8h power=off \n 9h power=on";
    let ids = || {
        let host = after(&rules, story);
        host.sent.iter().map(|sent| sent.id).collect::<Vec<_>>()
    };
    let mut first = ids();
    assert_eq!(first, ids());
    let count = first.len();
    first.sort();
    first.dedup();
    assert_eq!(first.len(), count);
}

#[test]
fn a_stored_state_reads_as_it_was_written() {
    let host = after(OUTAGE, "0s power=off battery=80 \n 1m power=on \n 65s");
    assert_snapshot!(serde_json::to_string_pretty(&host.state).unwrap(), @r#"
    {
      "device": {
        "id": "cottage",
        "name": "Cottage",
        "labels": {
          "area": "hay-on-wye"
        }
      },
      "now": "2026-01-10T18:01:00Z",
      "facts": {
        "battery": {
          "value": 80,
          "at": "2026-01-10T18:00:00Z",
          "last": [
            80,
            "2026-01-10T18:00:00Z"
          ]
        },
        "power": {
          "value": "on",
          "at": "2026-01-10T18:01:00Z",
          "last": [
            "on",
            "2026-01-10T18:01:00Z"
          ],
          "before": "wPW1"
        }
      },
      "rules_hash": "5af9e54d246946b35b40f5061f8c1864",
      "sources": {
        "test": {
          "boot": 1,
          "last": 3,
          "read": {
            "battery": 1768068000000,
            "power": 1768068060000
          }
        }
      },
      "applied": "2026-01-10T18:01:00Z",
      "rules": {
        "outage": {
          "phase": {
            "closing": {
              "since": "2026-01-10T18:01:00Z",
              "due": "2026-01-10T18:01:10Z"
            }
          },
          "edge": "2026-01-10T18:01:00Z",
          "count": 1
        }
      },
      "incidents": [
        {
          "id": "2b10f185522d1964eba14e0294d396fc",
          "rule": "outage",
          "number": 1,
          "severity": "warning",
          "condition": "8de3267aaa64cce64ba6690b8f17711a",
          "since": "2026-01-10T18:00:00Z",
          "opened_at": "2026-01-10T18:00:30Z",
          "alerted_at": "2026-01-10T18:00:30Z",
          "facts_at_end": {
            "power": "on"
          },
          "fired": [
            {
              "step": 0,
              "at": "2026-01-10T18:00:30Z",
              "last": "2026-01-10T18:00:30Z"
            }
          ],
          "told": [
            {
              "recipient": "nor",
              "address": {
                "email": "nor@example.com"
              },
              "timezone": "Europe/London",
              "attempted": true,
              "heard": [
                [
                  0,
                  0
                ]
              ],
              "heard_at": "2026-01-10T18:00:30Z"
            }
          ]
        }
      ],
      "deadline": "2026-01-10T18:01:10Z"
    }
    "#);
    assert_eq!(State::new(cottage()).next_deadline(), None);
}

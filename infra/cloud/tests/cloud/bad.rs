//! Input that nobody should send. Each record leads to a decision or a dead letter with a reason, and the rest of its
//! batch goes on.

use dag_engine::{Kind, Time, Value};
use dag_uplink::DeviceReport;
use insta::assert_snapshot;
use serde_json::json;

use crate::{
    device::{Device, presence, raw, record},
    fleet::Fleet,
    plan::Plan,
    samples::mail,
    story::{Act, OFF, ON, minutes, story},
};

/// Returns the result of a record that comes in an outage: the reason of its dead letter, or the decision about it.
fn answer(body: String) -> String {
    let mut fleet = Fleet::new();
    let acts = [(10, Act::Read("power", OFF)), (12, Act::Put(body)), (60, Act::Read("power", ON))];
    fleet.live(Plan::default(), &story("cottage", acts), minutes(200));
    fleet.holds();
    // The outage is told all the same.
    assert_eq!(
        (fleet.arrived("nor", Kind::Opened), fleet.arrived("nor", Kind::Resolved)),
        (2, 2),
        "{:?}",
        fleet.arrived_kinds()
    );
    let rig = fleet.world().rig();
    assert!(rig.events.dead.is_empty() && rig.deliveries.dead.is_empty());
    let state = fleet.world().memory.lock();
    let mut answers: Vec<String> =
        state.dead_letters.iter().map(|(_, reason)| format!("put aside: {reason}")).collect();
    let about = fleet.start + minutes(12);
    let decided = state.decisions.values().flatten().filter(|decision| decision.at.since(about).get() < 61_000);
    let decided = decided.filter(|decision| decision.at >= about).map(|decision| {
        let mut line = serde_json::to_value(decision).unwrap();
        line.as_object_mut().unwrap().remove("at");
        line.to_string()
    });
    answers.extend(decided);
    answers.join("\n")
}

fn minute(minute: i64) -> Time {
    Fleet::START.parse::<Time>().unwrap() + minutes(minute)
}

/// Returns a report of another source of the device.
fn next() -> DeviceReport {
    let mut device = Device::new("cottage", 100);
    device.read("battery", Some(Value::Number(50)), minute(12));
    let mut report = device.reports(minute(12)).remove(0);
    (report.number, report.sources[0].source) = (9, "gauge".into());
    report
}

fn changed(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut report = serde_json::to_value(next()).unwrap();
    change(&mut report);
    raw("cottage", report.to_string().as_bytes(), minute(12))
}

#[test]
fn a_report_as_it_should_be_decides_nothing_here() {
    assert_snapshot!(answer(record(&next(), minute(12))), @"");
}

#[test]
fn a_report_of_another_version() {
    assert_eq!(
        answer(changed(|report| report["v"] = json!(2))),
        "put aside: the message is of version 2, and this end speaks version 1: update the older end"
    );
}

#[test]
fn a_report_without_a_field() {
    assert_eq!(
        answer(changed(|report| drop(report.as_object_mut().unwrap().remove("boot")))),
        "put aside: this is no such message: missing field `boot` at line 1 column 237"
    );
}

#[test]
fn a_report_without_a_version() {
    assert_eq!(
        answer(changed(|report| drop(report.as_object_mut().unwrap().remove("v")))),
        "put aside: this is no such message: missing field `v` at line 1 column 240"
    );
}

#[test]
fn numbers_that_cannot_be() {
    assert_eq!(
        answer(changed(|report| report["number"] = json!(0))),
        "put aside: boots and messages are counted from 1"
    );
    assert_eq!(
        answer(changed(|report| report["sources"][0]["first"] = json!(u64::MAX))),
        "put aside: the source `gauge` has numbers that cannot be: 18446744073709551615"
    );
    assert_eq!(
        answer(changed(|report| report["sources"][0]["boot"] = json!(7))),
        "put aside: the source `gauge` is in boot 7, the device in 1"
    );
    assert_eq!(
        answer(changed(|report| report["sources"][0]["readings"][0]["age_ms"] = json!(u64::MAX))),
        "put aside: a reading of `gauge` is 18446744073709551615 ms old: more than a year"
    );
    assert_eq!(
        answer(changed(|report| report["boot"] = json!(-1))),
        "put aside: this is no such message: invalid value: integer `-1`, expected u64 at line 1 column 10"
    );
    assert_eq!(
        answer(changed(|report| report["number"] = json!(1e300))),
        "put aside: this is no such message: invalid type: floating point `1e+300`, expected u64 at line 1 \
         column 107"
    );
}

#[test]
fn a_megabyte() {
    assert_eq!(
        answer(raw("cottage", &vec![b' '; 1 << 20], minute(12))),
        "put aside: the message has 1048576 bytes, and at most 131072 are taken"
    );
}

#[test]
fn a_fact_that_is_not_known_and_a_value_that_cannot_be() {
    assert_eq!(
        answer(changed(|report| report["sources"][0]["readings"][0]["fact"] = json!("smell"))),
        r#"{"decision":"refused","reason":"unknown_fact","subject":"smell"}"#
    );
    assert_eq!(
        answer(changed(|report| report["sources"][0]["readings"][0]["value"] = json!("on"))),
        r#"{"decision":"refused","reason":"wrong_value","subject":"battery"}"#
    );
}

#[test]
fn a_device_that_says_it_is_another_than_its_topics() {
    assert_eq!(
        answer(changed(|report| report["device"] = json!("barn"))),
        "put aside: the report says that it is of `barn`, and came on the topic of `cottage`"
    );
}

#[test]
fn a_report_from_the_future() {
    let body = changed(|report| report["sent_at"] = json!("2036-01-10T18:12:00Z"));
    assert_snapshot!(answer(body), @"");
}

/// Returns the result of the second of two records.
fn second(first: String, second: String) -> String {
    let mut fleet = Fleet::new();
    let acts = [(11, Act::Put(first)), (12, Act::Put(second))];
    fleet.live(Plan::default(), &story("cottage", acts), minutes(60));
    fleet.holds();
    fleet.has_no_dead_letters();
    let state = fleet.world().memory.lock();
    let decided = state.decisions["cottage"].iter().filter(|decision| decision.at >= minute(12));
    decided.map(|decision| serde_json::to_string(&decision.outcome).unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sequence_that_was_seen_before() {
    let report = record(&next(), minute(11));
    assert_snapshot!(second(report.clone(), report), @r#"{"decision":"refused","reason":"stale","subject":"gauge"}"#);
}

#[test]
fn a_boot_before_the_one_that_is_known() {
    let mut newer = next();
    (newer.boot, newer.sources[0].boot) = (2, 2);
    assert_eq!(
        second(record(&newer, minute(11)), record(&next(), minute(12))),
        r#"{"decision":"refused","reason":"older_boot","subject":"gauge"}"#
    );
}

#[test]
fn a_presence_event_of_a_stranger_is_nobodys_business() {
    assert_snapshot!(answer(presence("iotconsole-1", "connected", 0, "s", minute(12))), @"");
}

#[test]
fn a_report_of_a_device_that_is_not_known() {
    let mut report = next();
    report.device = "stranger".into();
    assert_snapshot!(answer(record(&report, minute(12))), @"put aside: no device `stranger` is known here");
}

#[test]
fn a_record_that_is_no_json_or_no_event() {
    assert_snapshot!(answer("<html>".to_owned()), @"put aside: this is no event: expected value at line 1 column 1");
    assert_eq!(answer(String::new()), "put aside: this is no event: EOF while parsing a value at line 1 column 0");
    assert_snapshot!(answer("[]".to_owned()), @"put aside: this is no event: missing field `event` at line 1 column 2");
    assert_eq!(
        answer(r#"{"event":"dance"}"#.to_owned()),
        "put aside: this is no event: unknown variant `dance`, expected one of `report`, `presence`, `timer`, \
         `sweep`, `deliver`, `asked`, `registered` at line 1 column 16"
    );
    assert_eq!(
        answer(r#"{"event":"report","device":"cottage","received_at":1,"payload":"%%%"}"#.to_owned()),
        "put aside: the payload of the report is not base64"
    );
    assert_eq!(
        answer("[".repeat(100_000)),
        "put aside: this is no event: invalid type: sequence, expected variant identifier at line 1 column 1"
    );
}

#[test]
fn feedback_about_a_mail_that_is_not_ours() {
    let id = dag_engine::Id::of(&[b"other"]);
    let ours = mail("ses-bounce-permanent", id, id);
    let without = |tag: &str| {
        let mut event: serde_json::Value = serde_json::from_str(&ours).unwrap();
        event["detail"]["mail"]["tags"].as_object_mut().unwrap().remove(tag);
        event.to_string()
    };
    assert_eq!(
        answer(without("dag-notification")),
        "put aside: the mail service's event names no message of ours: dag-notification"
    );
    assert_eq!(
        answer(without("dag-recipient")),
        "put aside: the mail service's event names no message of ours: dag-recipient"
    );
    assert_eq!(
        answer(without("dag-device")),
        "put aside: the mail service's event names no message of ours: dag-device"
    );
    assert_eq!(
        answer(ours.replace("6e6f72", "6e6f7")),
        "put aside: the mail service's event names no message of ours: dag-recipient"
    );
    assert_eq!(
        answer(ours.replace(&id.to_string(), "short")),
        "put aside: the mail service's event names no message of ours: dag-notification"
    );
}

#[test]
fn a_batch_goes_on_beside_what_is_wrong() {
    let mut fleet = Fleet::new();
    let bad = ["nonsense".to_owned(), changed(|report| report["v"] = json!(9)), record(&next(), minute(12))];
    let acts = bad
        .into_iter()
        .map(|body| (10, Act::Put(body)))
        .chain([(10, Act::Read("power", OFF)), (20, Act::Read("power", ON))]);
    fleet.live(Plan::default(), &story("cottage", acts), minutes(60));
    fleet.holds();
    assert_eq!(fleet.world().memory.lock().dead_letters.len(), 2);
    assert_eq!(fleet.arrived("nor", Kind::Resolved), 2);
}

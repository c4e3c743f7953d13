//! The messages that both ends accept, and the errors of those that they refuse.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail the test")]

use std::collections::BTreeMap;

use dag_engine::{Id, Name, Time, Value};
use dag_uplink::{
    Clock, Command, DeviceReport, MOST_COUNTED, PublicKey, RefusedRules, STATEMENTS, SignError, SigningKey,
    SourceReport, Topics, UplinkReading,
};
use insta::assert_snapshot;
use proptest::prelude::*;

/// An Ed25519 key in PKCS#8, made for these tests.
fn key() -> SigningKey {
    let mut pkcs8 =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    pkcs8.extend([7; 32]);
    SigningKey::from_pkcs8(&pkcs8).unwrap()
}

fn report() -> DeviceReport {
    let reading = |value, age_ms| UplinkReading { fact: Name::new("power"), value, age_ms };
    DeviceReport {
        v: 1,
        device: Name::new("cottage"),
        incarnation: None,
        boot: 3,
        number: 9,
        sent_at: Time::from_millis(1_768_046_400_000),
        clock: Clock::Set,
        rules: Some(Id::parse(&"ab".repeat(16)).unwrap()),
        refused: Some(RefusedRules::new(Id::parse(&"cd".repeat(16)).unwrap(), "the signature does not fit".to_owned())),
        incidents: Vec::new(),
        dropped: None,
        sources: vec![SourceReport {
            source: Name::new("gpio:4"),
            boot: 3,
            before: Some(5),
            first: 1,
            resent: 0,
            more: false,
            readings: vec![reading(Some(Value::On), 5_000), reading(None, 1_000)],
        }],
    }
}

fn json(report: &DeviceReport) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

fn refused(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut message = json(&report());
    change(&mut message);
    DeviceReport::parse(message.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_report_looks_like_this() {
    assert_snapshot!(serde_json::to_string(&report()).unwrap(), @r#"{"v":1,"device":"cottage","boot":3,"number":9,"sent_at":"2026-01-10T12:00:00Z","clock":"set","rules":"abababababababababababababababab","refused":{"rules":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","reason":"the signature does not fit"},"sources":[{"source":"gpio:4","boot":3,"before":5,"first":1,"readings":[{"fact":"power","value":"on","age_ms":5000},{"fact":"power","value":null,"age_ms":1000}]}]}"#);
}

#[test]
fn ages_count_from_the_devices_clock_or_where_unset_from_the_brokers() {
    let received = Time::from_millis(1_768_046_402_000);
    let times = |report: DeviceReport| -> Vec<i64> {
        let reports = report.reports(received);
        reports.flat_map(|report| report.readings).map(|reading| reading.at.as_millis() - 1_768_046_400_000).collect()
    };
    assert_eq!(times(report()), [-5_000, -1_000]);
    assert_eq!(times(DeviceReport { clock: Clock::Unset, ..report() }), [-3_000, 1_000]);
    assert!(DeviceReport { clock: Clock::Unset, ..report() }.reports(received).all(|report| report.uncertain));
}

#[test]
fn an_impossible_message_is_refused_with_the_reason() {
    assert_snapshot!(refused(|message| message["v"] = 2.into()), @"the message is of version 2, and this end speaks version 1: update the older end");
    assert_snapshot!(refused(|message| message["boot"] = 0.into()), @"boots and messages are counted from 1");
    assert_snapshot!(refused(|message| message["boot"] = (-1).into()), @"this is no such message: invalid value: integer `-1`, expected u64 at line 1 column 10");
    assert_snapshot!(refused(|message| message["boot"] = u64::MAX.into()), @"message 9 of boot 18446744073709551615 cannot be: a device counts to 1000000000000");
    assert_snapshot!(refused(|message| message["number"] = (MOST_COUNTED + 1).into()), @"message 1000000000001 of boot 3 cannot be: a device counts to 1000000000000");
    assert_snapshot!(refused(|message| message["incarnation"] = "a card".into()), @"this is no such message: an id is 32 hex digits at line 1 column 65");
    assert_snapshot!(refused(|message| message["sources"][0]["boot"] = 4.into()), @"the source `gpio:4` is in boot 4, the device in 3");
    assert_snapshot!(refused(|message| message["sources"][0]["source"] = "presence".into()), @"the source `presence` speaks of the connection, which the broker alone knows");
    assert_snapshot!(refused(|message| message["sources"][0]["readings"][0]["fact"] = "connection".into()), @"the source `gpio:4` speaks of the connection, which the broker alone knows");
    assert_snapshot!(refused(|message| message["sources"][0]["readings"][0]["fact"] = "x".repeat(201).into()), @"a fact of `gpio:4` has a name of 201 bytes, and it may have 200");
    assert_snapshot!(refused(|message| message["sources"][0]["first"] = 0.into()), @"the source `gpio:4` counts from 0, and numbers start at 1");
    assert_snapshot!(refused(|message| message["sources"][0]["first"] = u64::MAX.into()), @"the source `gpio:4` has numbers that cannot be: 18446744073709551615");
    assert_snapshot!(refused(|message| message["sources"][0]["first"] = (MOST_COUNTED - 1).into()), @"the source `gpio:4` has numbers that cannot be: 1000000000001");
    assert_snapshot!(refused(|message| message["sources"][0]["before"] = u64::MAX.into()), @"the source `gpio:4` has numbers that cannot be: 18446744073709551615");
    assert_snapshot!(refused(|message| message["sources"][0]["readings"][0]["age_ms"] = u64::MAX.into()), @"a reading of `gpio:4` is 18446744073709551615 ms old: more than a year");
    assert_snapshot!(refused(|message| message["sources"][0]["readings"][0]["value"] = "maybe".into()), @r#"this is no such message: invalid value: string "maybe", expected `on`, `off`, `connected`, `disconnected` or an integer at line 1 column 322"#);
    assert_snapshot!(refused(|message| drop(message.as_object_mut().unwrap().remove("device"))), @"this is no such message: missing field `device` at line 1 column 373");
    let reading = json(&report())["sources"][0]["readings"][0].clone();
    assert_snapshot!(refused(|message| message["sources"][0]["readings"] = vec![reading; 501].into()), @"501 readings, and at most 500 are in one message");
    assert_snapshot!(DeviceReport::parse(b"power off").unwrap_err(), @"this is no such message: expected value at line 1 column 1");
    assert_snapshot!(DeviceReport::parse(&vec![b' '; 1 << 20]).unwrap_err(), @"the message has 1048576 bytes, and at most 131072 are taken");
}

#[test]
fn the_incarnation_of_the_store_is_sent() {
    let named = DeviceReport { incarnation: Some(Id::parse(&"cd".repeat(16)).unwrap()), ..report() };
    let text = serde_json::to_string(&named).unwrap();
    assert!(text.contains(r#""incarnation":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","boot":3"#), "{text}");
    assert_eq!(DeviceReport::parse(text.as_bytes()).unwrap(), named);
}

#[test]
fn the_highest_count_is_accepted() {
    let mut last = DeviceReport { boot: MOST_COUNTED, number: MOST_COUNTED, ..report() };
    last.sources[0].first = MOST_COUNTED - 2;
    last.sources[0].before = Some(MOST_COUNTED);
    assert_eq!(DeviceReport::parse(json(&last).to_string().as_bytes()).unwrap(), last);
}

#[test]
fn keys_of_a_later_version_are_ignored() {
    let mut message = json(&report());
    message["weather"] = "fine".into();
    assert_eq!(DeviceReport::parse(message.to_string().as_bytes()).unwrap(), report());
}

#[test]
fn commands_survive_the_round_trip() {
    let signed = key().sign(BTreeMap::from([("a.toml".to_owned(), "x".to_owned())]), Time::from_millis(5));
    let acknowledge = Command::Acknowledge { incident: Id::of(&[b"x"]), by: "nor".to_owned() };
    for command in [Command::Report, acknowledge, Command::Rules(signed)] {
        assert_eq!(Command::parse(&command.to_json()).unwrap(), command);
    }
    assert_snapshot!(String::from_utf8(Command::Report.to_json()).unwrap(), @r#"{"v":1,"cmd":"report"}"#);
    assert_snapshot!(Command::parse(br#"{"v":1,"cmd":"explode"}"#).unwrap_err(), @"this is no such message: unknown variant `explode`, expected one of `report`, `acknowledge`, `rules` at line 1 column 22");
    assert_snapshot!(Command::parse(br#"{"v":7,"cmd":"explode"}"#).unwrap_err(), @"the message is of version 7, and this end speaks version 1: update the older end");
}

#[test]
fn only_what_the_owner_signed_is_verified() {
    let files = BTreeMap::from([("power.toml".to_owned(), "open_after".to_owned()), ("x".to_owned(), "y".to_owned())]);
    let signed = key().sign(files, Time::from_millis(5));
    let public = PublicKey::parse(&key().public().to_text()).unwrap();
    assert_eq!(signed.verify(&public), Ok(()));
    let mut other = signed.clone();
    other.signed_at = Time::from_millis(6);
    assert_eq!(other.verify(&public), Err(SignError::Signature));
    // The same letters, otherwise divided.
    let files = BTreeMap::from([("power.toml".to_owned(), "open_afterx".to_owned()), ("y".to_owned(), String::new())]);
    assert_eq!(dag_uplink::SignedRules { files, ..signed.clone() }.verify(&public), Err(SignError::Signature));
    assert_eq!(
        dag_uplink::SignedRules { signature: "?".to_owned(), ..signed }.verify(&public),
        Err(SignError::Signature)
    );
    assert_snapshot!(PublicKey::parse("abc").unwrap_err(), @"this is no public key: it is 32 bytes in base64, as `dag-infra provision` writes it");
    assert_snapshot!(SigningKey::from_pkcs8(b"abc").unwrap_err(), @"this is no signing key: it is an Ed25519 key in PKCS#8");
}

#[test]
fn topics_and_statements_belong_together() {
    let topics = Topics { prefix: "dag" };
    assert_eq!(topics.report("cottage"), "dag/cottage/report");
    assert_eq!(topics.command("cottage"), "dag/cottage/cmd");
    assert_snapshot!(STATEMENTS.map(|statement| statement.sql("dag")).join("\n"), @"
    SELECT 'report' AS event, topic(2) AS device, timestamp() AS received_at, encode(*, 'base64') AS payload FROM 'dag/+/report'
    SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/connected/+'
    SELECT 'presence' AS event, timestamp() AS received_at, * FROM '$aws/events/presence/disconnected/+'
    ");
}

proptest! {
    #[test]
    fn no_bytes_make_a_receiver_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
        let _ = (DeviceReport::parse(&bytes), Command::parse(&bytes));
        let whole = serde_json::to_vec(&report()).unwrap();
        let _ = DeviceReport::parse(&whole[..cut.min(whole.len())]);
    }

    #[test]
    fn no_numbers_make_a_report_panic(boot: u64, number: u64, sent: i64, part: u64, first: u64, age: u64, received: i64) {
        let mut message = DeviceReport { boot, number, sent_at: Time::from_millis(sent), ..report() };
        message.sources[0].boot = part;
        message.sources[0].first = first;
        message.sources[0].readings[0].age_ms = age;
        if let Ok(read) = DeviceReport::parse(&serde_json::to_vec(&message).unwrap()) {
            prop_assert_eq!(read.reports(Time::from_millis(received)).count(), 1);
        }
    }
}

//! The messages that both ends accept, and the reasons with which they refuse others.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail the test")]

use std::collections::BTreeMap;

use dag_engine::{Id, Name, Time, Value};
use dag_uplink::{
    ClockState, Command, DeviceReport, MOST_COUNTED, PublicKey, RefusedRules, STATEMENTS, SignError, SigningKey,
    SourceReport, Topics, UplinkReading,
};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

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
        clock: ClockState::Set,
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

fn document(report: &DeviceReport) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}

fn refusal(message: &[u8]) -> String {
    DeviceReport::parse(message).unwrap_err().to_string()
}

/// A clock that was never set may be anywhere: a report with such a time is a report like any other.
#[test]
fn a_time_beyond_the_calendar_counts_as_its_end() {
    for (text, time) in [
        ("9999-12-31T23:59:59Z", Time::MAX),
        ("9999-12-31T23:59:60Z", Time::MAX),
        ("+012026-01-01T00:00:00Z", Time::MAX),
        ("1969-12-31T00:00:00Z", Time::MIN),
        ("0001-01-01T00:00:00Z", Time::MIN),
        ("-009999-01-01T00:00:00Z", Time::MIN),
    ] {
        let mut document = document(&report());
        document["sent_at"] = json!(text);
        document["dropped"] = json!({ "readings": 1, "from": text, "until": text });
        let read = DeviceReport::parse(&serde_json::to_vec(&document).unwrap()).unwrap();
        assert_eq!((read.sent_at, read.dropped.unwrap().from), (time, time), "{text}");
    }
    let mut document = document(&report());
    document["sent_at"] = json!("9999-12-31");
    let error = refusal(&serde_json::to_vec(&document).unwrap());
    assert!(error.contains("this time has no zone: add `Z` for UTC or an offset"), "{error}");
}

#[test]
fn a_report_looks_like_this() {
    let expected = concat!(
        r#"{"v":1,"device":"cottage","boot":3,"number":9,"sent_at":"2026-01-10T12:00:00Z","#,
        r#""clock":"set","rules":"abababababababababababababababab","#,
        r#""refused":{"rules":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","reason":"the signature does not fit"},"#,
        r#""sources":[{"source":"gpio:4","boot":3,"before":5,"first":1,"#,
        r#""readings":[{"fact":"power","value":"on","age_ms":5000},{"fact":"power","value":null,"age_ms":1000}]}]}"#,
    );
    assert_eq!(serde_json::to_string(&report()).unwrap(), expected);
}

#[test]
fn readings_have_times_of_the_devices_clock_or_else_of_the_brokers() {
    let received = Time::from_millis(1_768_046_402_000);
    let times = |report: DeviceReport| -> Vec<i64> {
        let reports = report.reports(received);
        reports.flat_map(|report| report.readings).map(|reading| reading.at.as_millis() - 1_768_046_400_000).collect()
    };
    assert_eq!(times(report()), [-5_000, -1_000]);
    assert_eq!(times(DeviceReport { clock: ClockState::Unset, ..report() }), [-3_000, 1_000]);
    assert!(DeviceReport { clock: ClockState::Unset, ..report() }.reports(received).all(|report| report.uncertain));
}

#[test]
fn a_device_that_is_in_2066_and_does_not_know_it_has_times_of_the_broker() {
    let received = Time::from_millis(1_768_046_402_000);
    let sent = |ahead_ms: i64| {
        let reports = DeviceReport { sent_at: received.moved(ahead_ms), ..report() }.reports(received);
        let reports: Vec<_> = reports.collect();
        let ages = reports.iter().flat_map(|report| &report.readings).map(|reading| reading.at.as_millis());
        let ages: Vec<i64> = ages.map(|at| at - received.as_millis()).collect();
        (ages, reports.iter().all(|report| report.uncertain))
    };
    assert_eq!(sent(40 * 365 * 86_400_000), (vec![-5_000, -1_000], true));
    assert_eq!(sent(60_001), (vec![-5_000, -1_000], true));
    assert_eq!(sent(60_000), (vec![55_000, 59_000], false), "clocks differ");
}

#[test]
fn an_impossible_message_is_refused_with_the_reason() {
    let reading = document(&report())["sources"][0]["readings"][0].clone();
    for (path, value, reason) in [
        ("v", json!(2), "the message is of version 2, and this end speaks version 1: update the older end"),
        ("boot", json!(0), "boots and messages are counted from 1"),
        ("boot", json!(-1), "this is no such message: invalid value: integer `-1`, expected u64 at line 1 column 10"),
        ("boot", json!(u64::MAX), "message 9 of boot 18446744073709551615 cannot be: a device counts to 1000000000000"),
        (
            "number",
            json!(MOST_COUNTED + 1),
            "message 1000000000001 of boot 3 cannot be: a device counts to 1000000000000",
        ),
        ("incarnation", json!("a card"), "this is no such message: an id is 32 hex digits at line 1 column 65"),
        ("sources/0/boot", json!(4), "the source `gpio:4` is in boot 4, the device in 3"),
        (
            "sources/0/source",
            json!("presence"),
            "the source `presence` speaks of the connection, which the broker alone knows",
        ),
        (
            "sources/0/readings/0/fact",
            json!("connection"),
            "the source `gpio:4` speaks of the connection, which the broker alone knows",
        ),
        (
            "sources/0/readings/0/fact",
            json!("x".repeat(201)),
            "a fact of `gpio:4` has a name of 201 bytes, and it may have 200",
        ),
        ("sources/0/first", json!(0), "the source `gpio:4` counts from 0, and numbers start at 1"),
        ("sources/0/first", json!(u64::MAX), "the source `gpio:4` has numbers that cannot be: 18446744073709551615"),
        ("sources/0/first", json!(MOST_COUNTED - 1), "the source `gpio:4` has numbers that cannot be: 1000000000001"),
        ("sources/0/before", json!(u64::MAX), "the source `gpio:4` has numbers that cannot be: 18446744073709551615"),
        (
            "sources/0/readings/0/age_ms",
            json!(u64::MAX),
            "a reading of `gpio:4` is 18446744073709551615 ms old: more than a year",
        ),
        (
            "sources/0/readings/0/value",
            json!("maybe"),
            "this is no such message: invalid value: string \"maybe\", expected `on`, `off`, `connected`, \
             `disconnected` or an integer at line 1 column 322",
        ),
        ("sources/0/readings", json!(vec![reading; 501]), "501 readings, and at most 500 are in one message"),
    ] {
        let mut message = document(&report());
        // A key that is not there is added.
        let place = path.split('/').fold(&mut message, |at, key| match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        });
        *place = value;
        assert_eq!(refusal(message.to_string().as_bytes()), reason, "{path}");
    }
    let mut message = document(&report());
    message.as_object_mut().unwrap().remove("device");
    assert_snapshot!(
        refusal(message.to_string().as_bytes()),
        @"this is no such message: missing field `device` at line 1 column 373"
    );
    assert_snapshot!(refusal(b"power off"), @"this is no such message: expected value at line 1 column 1");
    assert_snapshot!(refusal(&vec![b' '; 1 << 20]), @"the message has 1048576 bytes, and at most 131072 are taken");
}

#[test]
fn a_report_may_name_the_store_that_numbers_it() {
    let named = DeviceReport { incarnation: Some(Id::parse(&"cd".repeat(16)).unwrap()), ..report() };
    let text = serde_json::to_string(&named).unwrap();
    assert!(text.contains(r#""incarnation":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","boot":3"#), "{text}");
    assert_eq!(DeviceReport::parse(text.as_bytes()).unwrap(), named);
}

#[test]
fn boots_and_numbers_may_be_as_high_as_the_limit() {
    let mut last = DeviceReport { boot: MOST_COUNTED, number: MOST_COUNTED, ..report() };
    last.sources[0].first = MOST_COUNTED - 2;
    last.sources[0].before = Some(MOST_COUNTED);
    assert_eq!(DeviceReport::parse(document(&last).to_string().as_bytes()).unwrap(), last);
}

#[test]
fn keys_of_a_later_version_are_ignored() {
    let mut message = document(&report());
    message["weather"] = "fine".into();
    assert_eq!(DeviceReport::parse(message.to_string().as_bytes()).unwrap(), report());
}

#[test]
fn commands_are_read_as_they_were_written() {
    let signed = key().sign(BTreeMap::from([("a.toml".to_owned(), "x".to_owned())]), Time::from_millis(5));
    let acknowledge = Command::Acknowledge { incident: Id::of(&[b"x"]), by: "nor".to_owned() };
    for command in [Command::Report, acknowledge, Command::Rules(signed)] {
        assert_eq!(Command::parse(&command.to_json()).unwrap(), command);
    }
    assert_snapshot!(String::from_utf8(Command::Report.to_json()).unwrap(), @r#"{"v":1,"cmd":"report"}"#);
    assert_snapshot!(
        Command::parse(br#"{"v":1,"cmd":"explode"}"#).unwrap_err(),
        @"this is no such message: unknown variant `explode`, expected one of `report`, `acknowledge`, `rules` at \
          line 1 column 22"
    );
    assert_snapshot!(
        Command::parse(br#"{"v":7,"cmd":"explode"}"#).unwrap_err(),
        @"the message is of version 7, and this end speaks version 1: update the older end"
    );
}

#[test]
fn only_rules_that_the_owner_signed_are_accepted() {
    let files = BTreeMap::from([("power.toml".to_owned(), "open_after".to_owned()), ("x".to_owned(), "y".to_owned())]);
    let signed = key().sign(files, Time::from_millis(5));
    let public = PublicKey::parse(&key().public().to_text()).unwrap();
    assert_eq!(signed.verify(&public), Ok(()));
    let mut other = signed.clone();
    other.signed_at = Time::from_millis(6);
    assert_eq!(other.verify(&public), Err(SignError::Signature));
    // The same bytes, divided otherwise between names and contents.
    let files = BTreeMap::from([("power.toml".to_owned(), "open_afterx".to_owned()), ("y".to_owned(), String::new())]);
    assert_eq!(dag_uplink::SignedRules { files, ..signed.clone() }.verify(&public), Err(SignError::Signature));
    assert_eq!(
        dag_uplink::SignedRules { signature: "?".to_owned(), ..signed }.verify(&public),
        Err(SignError::Signature)
    );
    assert_snapshot!(
        PublicKey::parse("abc").unwrap_err(),
        @"this is no public key: it is 32 bytes in base64, as `dag-infra provision` writes it"
    );
    assert_snapshot!(
        SigningKey::from_pkcs8(b"abc").unwrap_err(),
        @"this is no signing key: it is an Ed25519 key in PKCS#8"
    );
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
    fn no_numbers_make_a_report_panic(
        (boot, number) in any::<(u64, u64)>(),
        (part, first, age) in any::<(u64, u64, u64)>(),
        (sent, received) in any::<(i64, i64)>(),
    ) {
        let mut message = DeviceReport { boot, number, sent_at: Time::from_millis(sent), ..report() };
        message.sources[0].boot = part;
        message.sources[0].first = first;
        message.sources[0].readings[0].age_ms = age;
        if let Ok(read) = DeviceReport::parse(&serde_json::to_vec(&message).unwrap()) {
            prop_assert_eq!(read.reports(Time::from_millis(received)).count(), 1);
        }
    }
}

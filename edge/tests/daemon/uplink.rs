//! A device in the mode `cloud`, with a real broker.

use std::{collections::BTreeMap, fs};

use dag::store::{Retention, Store};
use dag_engine::{Outcome, Time, Value};
use dag_uplink::{ClockState, Command, DeviceReport, SigningKey};

use crate::{
    home::{Home, text, wait_until},
    uplink_broker::UplinkBroker,
};

/// A rule that runs on the device.
const OWN: &str = "[rule.alone]\nwhen = \"power == off\"\nescalation = \"household\"\nrun_on = \"edge\"\n";

/// Returns a device that reports to the broker with a certificate. `more` goes into its section `[uplink]`.
fn home(broker: &UplinkBroker, (certificate, key): (std::path::PathBuf, std::path::PathBuf), more: &str) -> Home {
    let home = Home::new();
    home.edit("config.toml", "mode = \"standalone\"", "mode = \"cloud\"");
    let config = fs::read_to_string(home.path("config.toml")).unwrap();
    let uplink = format!(
        "[uplink]\nendpoint = \"localhost\"\nport = {}\nca = {:?}\n\
         certificate = {certificate:?}\nkey = {key:?}\n{more}",
        broker.port,
        broker.ca(),
    );
    fs::write(home.path("config.toml"), format!("{config}\n{uplink}")).unwrap();
    fs::write(home.path("rules/alone.toml"), OWN).unwrap();
    home
}

/// Returns the new readings of the power in a report: number and value.
fn news(report: &DeviceReport) -> Vec<(u64, Option<Value>)> {
    let parts = report.sources.iter().flat_map(|part| {
        let numbered = (part.first..).zip(&part.readings).skip(part.resent as usize);
        numbered.filter(|(_, reading)| reading.fact == "power").map(|(number, reading)| (number, reading.value))
    });
    parts.collect()
}

fn wait_until_connected(home: &Home) {
    wait_until(|| Some(home.json(&["status"])).filter(|status| !status["uplink"]["connected_since"].is_null()));
}

#[test]
fn an_outage_and_the_incidents_of_own_rules_reach_the_cloud() {
    let broker = UplinkBroker::start();
    let cloud = broker.cloud("cottage");
    let home = home(&broker, broker.certificate("cottage"), "");
    let _daemon = home.run();
    let first = cloud.wait_for(|report| news(report) == [(1, Some(Value::On))]);
    assert_eq!((first.device.as_str(), first.boot), ("cottage", 1));
    home.json(&["unplug"]);
    let outage = cloud.wait_for(|report| news(report) == [(2, Some(Value::Off))]);
    // The confirmed reading before it is sent again.
    let part = outage.sources.iter().find(|part| part.source == "simulated:power" || part.readings.len() == 2).unwrap();
    assert_eq!((part.first, part.resent), (1, 1), "{outage:?}");
    let own = if outage.incidents.is_empty() { cloud.wait_for(|report| !report.incidents.is_empty()) } else { outage };
    assert_eq!(own.incidents[0].rule, "alone");
    // Rules that run anywhere run in the cloud.
    let status = home.json(&["status"]);
    assert_eq!(status["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(status["incidents"][0]["rule"], "alone");
    home.wait_for_mails(1);
    wait_until(|| (home.json(&["status"])["uplink"]["readings"] == 0).then_some(()));
}

#[test]
fn what_waited_while_the_broker_was_away_arrives_in_order_and_once() {
    let mut broker = UplinkBroker::start();
    let home = home(&broker, broker.certificate("cottage"), "");
    let _daemon = home.run();
    wait_until_connected(&home);
    wait_until(|| (home.json(&["status"])["uplink"]["readings"] == 0).then_some(()));
    broker.go_away();
    for words in ["unplug", "plug", "unplug"] {
        let facts = home.json(&["status"])["facts"]["power"].clone();
        home.json(&[words]);
        // The source reads each switch before the next one.
        wait_until(|| (home.json(&["status"])["facts"]["power"] != facts).then_some(()));
    }
    let waiting = home.json(&["status"])["uplink"].clone();
    assert_eq!(waiting["readings"], 3, "{waiting}");
    broker.come_back();
    let cloud = broker.cloud("cottage");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(news(&cloud.next()));
    }
    assert_eq!(seen, [(2, Some(Value::Off)), (3, Some(Value::On)), (4, Some(Value::Off))]);
    wait_until(|| (home.json(&["status"])["uplink"]["readings"] == 0).then_some(()));
    // A new boot names the last number of the previous one, and confirmed readings do not come again.
    drop(_daemon);
    let _daemon = home.run();
    let report = cloud.wait_for(|report| report.boot == 2 && !report.sources.is_empty());
    assert_eq!((report.sources[0].before, report.sources[0].first), (Some(4), 1));
}

#[test]
fn what_was_not_confirmed_is_kept_over_a_restart() {
    let mut broker = UplinkBroker::start();
    let home = home(&broker, broker.certificate("cottage"), "");
    broker.go_away();
    let daemon = home.run();
    home.json(&["unplug"]);
    wait_until(|| (home.json(&["status"])["uplink"]["readings"] == 2).then_some(()));
    drop(daemon);
    broker.come_back();
    let cloud = broker.cloud("cottage");
    let _daemon = home.run();
    let report = cloud.wait_for(|report| !news(report).is_empty());
    assert_eq!(report.sources[0].boot, 1);
    assert_eq!(news(&report)[..2], [(1, Some(Value::On)), (2, Some(Value::Off))]);
    assert!(report.sources[0].more || report.sources.len() == 1, "{report:?}");
}

#[test]
fn a_new_store_counts_from_one_and_has_another_incarnation() {
    let broker = UplinkBroker::start();
    let cloud = broker.cloud("cottage");
    let home = home(&broker, broker.certificate("cottage"), "");
    let daemon = home.run();
    let first = cloud.next();
    drop(daemon);
    let daemon = home.run();
    let second = cloud.wait_for(|report| report.boot == 2);
    assert!(first.incarnation.is_some() && second.incarnation == first.incarnation);
    drop(daemon);
    fs::remove_file(home.path("var/dag.redb")).unwrap();
    let _daemon = home.run();
    let third = cloud.wait_for(|report| report.incarnation != first.incarnation);
    assert!(third.incarnation.is_some() && third.boot == 1);
}

#[test]
fn commands_are_obeyed_and_nonsense_is_not() {
    let broker = UplinkBroker::start();
    let cloud = broker.cloud("cottage");
    let home = home(&broker, broker.certificate("cottage"), "");
    let daemon = home.run();
    home.json(&["unplug"]);
    let report = cloud.wait_for(|report| !report.incidents.is_empty());
    let incident = report.incidents[0].id;
    for nonsense in ["", "{}", "{\"v\":1,\"cmd\":\"format\"}", "{\"v\":2,\"cmd\":\"report\"}", &"x".repeat(100_000)] {
        cloud.send(nonsense.as_bytes());
    }
    cloud.send(&Command::Acknowledge { incident, by: "two\nlines".to_owned() }.to_json());
    cloud.send(&Command::Acknowledge { incident, by: "kim".to_owned() }.to_json());
    let report = cloud.wait_for(|report| report.incidents.iter().any(|incident| incident.acknowledged_by.is_some()));
    assert_eq!(report.incidents[0].acknowledged_by.as_deref(), Some("kim"));
    assert_eq!(home.json(&["status"])["incidents"][0]["acknowledged_by"], "kim");
    // Brokers may send a command twice. Nothing is decided then, and nobody gets a message.
    cloud.send(&Command::Acknowledge { incident, by: "kim".to_owned() }.to_json());
    cloud.send(&Command::Report.to_json());
    let asked = cloud.next();
    assert!(asked.number > report.number && news(&asked).is_empty(), "{asked:?}");
    assert!(matches!(asked.clock, ClockState::Set | ClockState::Unset));
    home.json(&["plug"]);
    cloud.wait_for(|report| report.incidents.is_empty());
    drop(daemon);
    let (store, _) = Store::open(home.path("var/dag.redb"), Retention { bytes: 64 << 20 }).unwrap();
    let decided = store.decisions_of(incident).unwrap();
    let acknowledged = decided.iter().filter(|decision| matches!(decision.outcome, Outcome::Acknowledged { .. }));
    assert_eq!(acknowledged.count(), 1);
}

#[test]
fn rules_are_accepted_from_their_owner_only() {
    let broker = UplinkBroker::start();
    let cloud = broker.cloud("cottage");
    let pkcs8 = || ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
    let owner = SigningKey::from_pkcs8(pkcs8().as_ref()).unwrap();
    let stranger = SigningKey::from_pkcs8(pkcs8().as_ref()).unwrap();
    let key = format!("rules_key = \"{}\"\n", owner.public().to_text());
    let home = home(&broker, broker.certificate("cottage"), &key);
    let _daemon = home.run();
    let before = cloud.next().rules.unwrap();
    let people = fs::read_to_string(home.path("rules/people.toml")).unwrap();
    let rules = |name: &str, text: &str| {
        BTreeMap::from([("people.toml".to_owned(), people.clone()), (name.to_owned(), text.to_owned())])
    };
    // A time in the past by any clock. Rules that are signed in the future are refused.
    let at = |seconds: i64| Time::from_millis(1_700_000_000_000 + seconds * 1_000);
    let wait_for_refusal = |part: &str| {
        wait_until(|| {
            let status = home.json(&["status"])["uplink"].clone();
            status["rules_refused"].as_str().is_some_and(|reason| reason.contains(part)).then_some(status)
        })
    };
    let assert_refused = |part: &str| {
        assert!(!wait_for_refusal(part)["connected_since"].is_null());
        assert_eq!(fs::read_to_string(home.path("rules/alone.toml")).unwrap(), OWN);
        assert!(!home.path(".rules.new").exists());
    };
    let other = OWN.replace("alone", "other");

    cloud.send(&Command::Rules(stranger.sign(rules("other.toml", &other), at(1))).to_json());
    assert_refused("the signature does not fit");
    assert_eq!(cloud.next().rules, Some(before), "the next report says the old hash");
    cloud.send(&Command::Rules(owner.sign(rules("../other.toml", &other), at(2))).to_json());
    assert_refused("which does not belong there");
    cloud.send(&Command::Rules(owner.sign(rules("other.txt", &other), at(2))).to_json());
    assert_refused("files that do not belong into");
    cloud.send(&Command::Rules(owner.sign(rules("other.toml", &other.replace("power", "pwoer")), at(2))).to_json());
    assert_refused("pwoer");

    let good = owner.sign(rules("other.toml", &other), at(3));
    cloud.send(&Command::Rules(good.clone()).to_json());
    cloud.wait_for(|report| report.rules == Some(good.hash()));
    assert!(!home.path("rules/alone.toml").exists() && !home.path(".rules.new").exists());
    assert_eq!(fs::read_to_string(home.path("rules/other.toml")).unwrap(), other);
    let status =
        wait_until(|| Some(home.json(&["status"])).filter(|status| status["uplink"]["rules_refused"].is_null()));
    assert!(status["rejected"].is_null(), "{status}");

    cloud.send(&Command::Rules(owner.sign(rules("older.toml", &other), at(2))).to_json());
    wait_for_refusal("were taken already");
    assert!(!home.path("rules/older.toml").exists());
}

#[test]
fn status_shows_that_the_broker_refuses_the_certificate() {
    let broker = UplinkBroker::start();
    let home = home(&broker, broker.foreign_certificate("cottage"), "");
    let _daemon = home.run();
    let status = wait_until(|| Some(home.json(&["status"])).filter(|status| status["uplink"]["reason"].is_string()));
    let reason = status["uplink"]["reason"].as_str().unwrap();
    assert!(reason.contains("broker"), "{reason}");
    assert!(text(&home.dag(&["status"]).stdout).contains("NO CONNECTION TO THE CLOUD (localhost): "));
    // The device goes on without the cloud.
    home.json(&["unplug"]);
    home.wait_for_mails(1);
}

#[test]
fn a_device_in_the_mode_cloud_needs_the_section_uplink() {
    let home = Home::new();
    home.edit("config.toml", "mode = \"standalone\"", "mode = \"cloud\"");
    let output = home.dag(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("add a section `[uplink]` with `endpoint`, `certificate` and `key`"), "{error}");
}

#[test]
fn a_change_of_the_mode_takes_effect_at_the_next_start() {
    let broker = UplinkBroker::start();
    let home = home(&broker, broker.certificate("cottage"), "");
    home.edit("config.toml", "mode = \"cloud\"", "mode = \"standalone\"");
    let daemon = home.run();
    home.json(&["unplug"]);
    wait_until(|| (home.json(&["status"])["incidents"].as_array().unwrap().len() == 2).then_some(()));
    home.edit("config.toml", "mode = \"standalone\"", "mode = \"cloud\"");
    let refused = home.dag(&["reload"]);
    assert!(text(&refused.stderr).contains("`mode` is read at the start alone"), "{}", text(&refused.stderr));
    drop(daemon);
    let _daemon = home.run();
    // The rule of the outage runs in the cloud now. The device's own rule goes on.
    let incidents = home.json(&["status"])["incidents"].clone();
    let rules: Vec<&str> = incidents.as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["alone"]);
}

#[test]
fn a_reload_connects_to_another_broker() {
    let (one, other) = (UplinkBroker::start(), UplinkBroker::start());
    let home = home(&one, one.certificate("cottage"), "");
    let _daemon = home.run();
    wait_until_connected(&home);
    let (certificate, key) = other.certificate("cottage");
    let cloud = other.cloud("cottage");
    let config = fs::read_to_string(home.path("config.toml")).unwrap();
    let (before, _) = config.split_once("\n[uplink]").unwrap();
    let uplink = format!(
        "[uplink]\nendpoint = \"localhost\"\nport = {}\nca = {:?}\ncertificate = {certificate:?}\nkey = {key:?}\n",
        other.port,
        other.ca(),
    );
    fs::write(home.path("config.toml"), format!("{before}\n{uplink}")).unwrap();
    home.json(&["reload"]);
    assert!(cloud.next().number > 1, "messages are counted on");
}

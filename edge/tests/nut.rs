//! The source `nut` against a real `upsd`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

#[path = "peers/nut.rs"]
mod peer;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use dag::source::{self, SourceSettings, SourceStatus, Sources, Timing};
use dag_config::Source;
use dag_engine::{Millis, Name, Time};
use peer::Nut;

/// Watches power and battery of a UPS, which is read all the time.
fn watch(address: &str, ups: &str) -> Sources {
    let nut = Source::Nut { address: address.to_owned(), ups: ups.to_owned(), poll: Millis::new(20) };
    let inputs = BTreeMap::from([(Name::new("power"), nut.clone()), (Name::new("battery"), nut)]);
    let waits =
        Timing { first_wait: Duration::from_millis(20), longest_wait: Duration::from_millis(50), ..Timing::default() };
    source::start(&inputs, &SourceSettings { nut: waits, ..SourceSettings::default() }, now).unwrap()
}

fn now() -> Time {
    SystemTime::now().into()
}

/// Waits for the next event. Returns the source's status, and the observations as `fact=value`.
async fn next(sources: &mut Sources) -> (SourceStatus, String) {
    let event = tokio::time::timeout(Duration::from_secs(20), sources.events.recv()).await;
    let event = event.expect("no event within 20 s").expect("the sources ended");
    let show = |value: Option<dag_engine::Value>| value.map_or("unknown".to_owned(), |value| value.to_string());
    let seen: Vec<_> = event.observations.iter().map(|seen| format!("{}={}", seen.fact, show(seen.value))).collect();
    (event.status, seen.join(" "))
}

/// Receives events until one with these observations. Returns the statuses meanwhile, except `Working`.
async fn reach(sources: &mut Sources, observations: &str) -> Vec<SourceStatus> {
    let mut statuses = Vec::new();
    loop {
        let (status, seen) = next(sources).await;
        statuses.extend((status != SourceStatus::Working).then_some(status));
        if seen.ends_with(observations) {
            return statuses;
        }
    }
}

fn works(observations: &str) -> (SourceStatus, String) {
    (SourceStatus::Working, observations.to_owned())
}

#[tokio::test]
async fn an_outage_and_the_battery_meanwhile_are_reported_as_changes() {
    let mut nut = Nut::start();
    let before = now();
    let mut sources = watch(&nut.address, "ups");
    let first = sources.events.recv().await.unwrap();
    assert_eq!(first.source, format!("nut:ups@{}", nut.address));
    assert!(first.observations.iter().all(|seen| before <= seen.at && seen.at <= now()));
    assert_eq!(first.observations.len(), 3);
    for (command, observations) in [("OB", "power=off"), ("charge 94.9", "battery=94"), ("status OL CHRG", "power=on")]
    {
        nut.tell(command);
        assert_eq!(next(&mut sources).await, works(observations), "{command}");
    }

    // A small change of the battery is reported only after `reread`.
    nut.tell("charge 92");
    sources.reread();
    assert_eq!(next(&mut sources).await, works("battery=92"));
}

#[tokio::test]
async fn a_misspelt_ups_and_a_driver_that_ends_make_the_facts_unknown() {
    let mut nut = Nut::start();
    let mut misspelt = watch(&nut.address, "usp");
    let reason = "the NUT server has no UPS `usp`, it has `ups`: set `ups` in config.toml";
    let lost = SourceStatus::Lost(reason.to_owned());
    assert_eq!(next(&mut misspelt).await, (lost, "power=unknown battery=unknown battery_mv=unknown".to_owned()));

    let mut sources = watch(&nut.address, "ups");
    assert_eq!(next(&mut sources).await, works("power=on battery=100 battery_mv=13400"));
    nut.tell("driver stop");
    let reason = "upsd has no driver for the UPS (DRIVER-NOT-CONNECTED): start it on the server with `upsdrvctl start`";
    let lost = SourceStatus::Lost(reason.to_owned());
    assert_eq!(next(&mut sources).await, (lost, "power=unknown battery=unknown battery_mv=unknown".to_owned()));
    nut.tell("driver start");
    assert_eq!(reach(&mut sources, "battery=100 battery_mv=13400").await.last(), Some(&SourceStatus::Recovered));
}

#[tokio::test]
async fn a_server_that_ends_makes_the_facts_unknown_until_it_is_back() {
    let mut nut = Nut::start();
    let mut sources = watch(&nut.address, "ups");
    assert_eq!(next(&mut sources).await, works("power=on battery=100 battery_mv=13400"));
    nut.tell("OB");
    assert_eq!(next(&mut sources).await, works("power=off"));

    nut.tell("server stop");
    let reason = "the NUT server closed the connection: upsd was stopped or started again, or serves too many already";
    let lost = SourceStatus::Lost(reason.to_owned());
    assert_eq!(next(&mut sources).await, (lost, "power=unknown battery=unknown battery_mv=unknown".to_owned()));
    let reason = "the NUT server cannot be reached (Connection refused (os error 111)): check that upsd runs and that \
                  `address` is right";
    assert_eq!(next(&mut sources).await, (SourceStatus::Lost(reason.to_owned()), String::new()));

    nut.tell("server start");
    let statuses = reach(&mut sources, "power=off battery=100 battery_mv=13400").await;
    assert_eq!(statuses.last(), Some(&SourceStatus::Recovered));
}

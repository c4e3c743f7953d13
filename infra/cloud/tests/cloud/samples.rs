//! Events as AWS documents them, from `tests/samples`.

use std::{fs, path::Path};

use dag_cloud::{ConnectionChange, Event, SWEEP};
use dag_delivery::EntryState;
use dag_engine::{Channel, Id, Kind};
use serde_json::{Value, json};

use crate::{
    fleet::Fleet,
    plan::Plan,
    story::{Act, OFF, ON, Story, minutes, story},
};

pub fn sample(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(format!("{name}.json")))
        .unwrap()
}

/// Returns the record that the topic rule makes of it.
fn presence(name: &str) -> String {
    let mut event: Value = serde_json::from_str(&sample(name)).unwrap();
    event["event"] = json!("presence");
    event["received_at"] = json!(1_768_068_000_000_i64);
    event.to_string()
}

/// Returns the mail service's event about one mail.
pub fn mail(name: &str, notification: Id, incident: Id) -> String {
    sample(name).replace("NOTIFICATION", &notification.to_string()).replace("INCIDENT", &incident.to_string())
}

#[test]
fn the_brokers_events_are_read() {
    let read = |name: &str| match Event::parse(&presence(name)).unwrap() {
        Event::Presence(event) => event,
        other => panic!("{other:?}"),
    };
    let (begins, ends) = (read("presence-connected"), read("presence-disconnected"));
    assert_eq!((begins.event_type, ends.event_type), (ConnectionChange::Connected, ConnectionChange::Disconnected));
    assert_eq!(begins.session_identifier, ends.session_identifier);
    assert_eq!((begins.version_number, ends.version_number), (3, 3));
    assert_eq!(ends.disconnect_reason.as_deref(), Some("MQTT_KEEP_ALIVE_TIMEOUT"));
    assert_eq!(begins.client_id, "cottage");
}

#[test]
fn an_attempt_to_connect_that_failed_is_no_connection() {
    let error = Event::parse(&presence("presence-connect-failed")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is no event: unknown variant `connect_failed`, expected `connected` or `disconnected`"
    );
}

#[test]
fn the_records_of_a_batch_are_events() {
    let batch: Value = serde_json::from_str(&sample("sqs-batch")).unwrap();
    let bodies: Vec<&str> =
        batch["Records"].as_array().unwrap().iter().map(|record| record["body"].as_str().unwrap()).collect();
    assert_eq!(bodies[0], SWEEP);
    assert_eq!(Event::parse(bodies[1]), Ok(Event::Timer { device: "cottage".into() }));
}

/// Runs an outage with an event of the mail service about its first mail.
fn after(name: &str) -> Fleet {
    let mut fleet = Fleet::new();
    let outage = [(10, Act::Read("power", OFF)), (60, Act::Read("power", ON))];
    fleet.live(Plan::default(), &story("cottage", outage.clone()), minutes(120));
    let (notification, incident) = {
        let rig = fleet.world().rig();
        let first = rig.arrivals.iter().map(|arrival| &arrival.notification);
        let mut mails = first.filter(|told| told.channel() == Channel::Email && told.kind == Kind::Opened);
        let mail = mails.next().unwrap();
        (mail.id, mail.incident().unwrap().id)
    };
    let mut story: Story = story("cottage", outage);
    story.insert(story.len() - 1, (minutes(12), "cottage", Act::Put(mail(name, notification, incident))));
    fleet.live(Plan::default(), &story, minutes(120));
    fleet.holds();
    fleet
}

#[test]
fn an_address_with_a_permanent_bounce_is_suppressed() {
    let fleet = after("ses-bounce-permanent");
    fleet.has_no_dead_letters();
    let state = fleet.world().memory.lock();
    assert_eq!(
        state.suppressions["nor@example.com"].text,
        "the mail came back (Permanent): smtp; 550 5.1.1 user unknown"
    );
    let resolved = state.finished.iter().map(|(_, entry)| entry);
    let resolved = resolved
        .filter(|entry| entry.notification.recipient == "nor" && entry.notification.kind == Kind::Resolved)
        .find(|entry| entry.notification.channel() == Channel::Email)
        .unwrap();
    assert!(matches!(resolved.state, EntryState::Undelivered { .. }));
    assert_eq!(
        resolved.last_error.as_deref().unwrap(),
        "nor@example.com is not written to since 2026-01-10T18:12:00Z: the mail came back (Permanent): smtp; \
         550 5.1.1 user unknown"
    );
    drop(state);
    assert!(
        fleet.arrived("keeper", Kind::System) > 0,
        "the operators hear of it; nor's webhook was reached all the same"
    );
}

#[test]
fn an_address_with_a_full_mailbox_is_not_suppressed() {
    let fleet = after("ses-bounce-transient");
    fleet.has_no_dead_letters();
    assert!(fleet.world().memory.lock().suppressions.is_empty());
    assert_eq!(fleet.arrived("nor", Kind::Resolved), 2);
}

#[test]
fn an_address_that_complains_is_suppressed() {
    let fleet = after("ses-complaint");
    fleet.has_no_dead_letters();
    assert_eq!(
        fleet.world().memory.lock().suppressions["nor@example.com"].text,
        "the mail was called unwanted by who got it"
    );
}

#[test]
fn an_event_that_is_no_bounce_is_put_aside_with_its_reason() {
    let fleet = after("ses-delivery");
    let state = fleet.world().memory.lock();
    assert_eq!(state.dead_letters.len(), 1);
    assert_eq!(state.dead_letters[0].1, "the mail service's event names no message of ours: bounce or complaint");
}

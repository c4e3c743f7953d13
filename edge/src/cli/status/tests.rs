//! Whole texts of `dag status`, as an engine and its messages stand in several situations.

use std::collections::BTreeMap;

use dag_engine::{
    Channel, Device, Engine, FactKind, GivenAs, Id, Input, Kind, Name, Outcome, Reading, Report, Ruleset, Silence,
    Sources, State, Time, Value,
};
use insta::assert_snapshot;

use super::text;
use crate::daemon::{MessageStatus, OpenIncident, Status};

const RULES: &str = r#"
[rule.power-outage]
when = "power == off"
open_after = "30s"
close_after = "10s"
severity = "critical"
escalation = "household"
inhibits = ["freezer"]
[rule.freezer]
when = "freezer_door == on"
escalation = "household"
[group]
watch = ["kim"]
[escalation.household]
ack_lapses_after = "2h"
steps = [
    { notify = ["nor", "kim"], repeat = "1h", at_most = 2 },
    { after = "10m", notify = ["pat"] },
]
[recipient.nor]
email = "nor@example.com"
webhook = { url = "https://example.com/hook", secret = "env:HOOK" }
[recipient.kim]
email = "kim@example.com"
quiet = { from = "18:00", to = "07:00" }
[recipient.pat]
email = "pat@example.com"
fallback = "sue"
[recipient.sue]
email = "sue@example.com"
"#;

#[test]
fn nothing_is_open() {
    let house = House::new();
    assert_snapshot!(house.status("5s"), @"
    Cottage (cottage)
      power        on         read 18:00:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    No incident is open.

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
}

#[test]
fn an_outage_that_may_be_a_flicker_waits() {
    let mut house = House::new();
    house.read("10s", "power", Some(Value::Off));
    assert_snapshot!(house.status("12s"), @"
    Cottage (cottage)
      power        off        read 18:00:10
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    No incident is open.

    Waiting: power-outage is true since 18:00:10; an incident opens at 18:00:40 if it stays so.

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
}

#[test]
fn an_outage_whose_sensor_is_lost_stands_still() {
    let mut house = House::new();
    house.read("10s", "power", Some(Value::Off));
    house.read("20s", "power", None);
    house.lost = Some("the server at 127.0.0.1:3493 cannot be reached");
    assert_snapshot!(house.status("1h"), @"
    Cottage (cottage)
      power        unknown    read 18:00:20
      LOST nut: the server at 127.0.0.1:3493 cannot be reached
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    No incident is open.

    Standing still: power-outage was true since 18:00:10, and now `power` is unknown.
      No incident opens before it is known again.

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
}

#[test]
fn an_outage_is_told_and_held_from_who_sleeps() {
    let mut house = House::outage();
    house.fails("nor", Channel::Webhook, "30s");
    assert_snapshot!(house.status("1m"), @"
    Cottage (cottage)
      power        off        read 18:00:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        NOT REACHED  nor by webhook at 18:00:30: failing since 18:00:30
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        next         step 1 at 18:10:30: pat by email

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
}

#[test]
fn times_by_a_clock_that_was_not_set_are_about_then() {
    let mut house = House::new();
    house.readings += 1;
    let reading = Reading { fact: "power".into(), value: Some(Value::Off), at: house.at("1m") };
    let (source, first) = ("gpio".into(), house.readings);
    let report = Report { source, boot: 1, first, uncertain: true, readings: vec![reading], ..Report::default() };
    house.step("1m", Input::Report(report));
    house.pass("2m");
    let mut status = house.whole_status("2m");
    assert!(text(&status).contains("power-outage (critical) since about 18:01:00\n"), "{}", text(&status));
    assert_eq!(serde_json::to_value(&status).unwrap()["incidents"][0]["uncertain"], true);

    // The daemon goes on just behind the last time noted: how long it was off is not known.
    for (clock, gap_ms, started) in [
        (None, 1, "18:00:00; nothing was read for less than a second before"),
        (
            Some("not set"),
            1,
            "about 18:00:00; for how long nothing was read before is not known: the clock is uncertain",
        ),
        (Some("not set"), 60_000, "about 18:00:00; nothing was read from about 17:59:00 until then"),
    ] {
        (status.clock, status.last_alive) = (clock.map(str::to_owned), Some(status.started.moved(-gap_ms)));
        let text = text(&status);
        assert!(text.contains(&format!("  started      {started}\n")), "{text}");
    }
}

#[test]
fn an_acknowledgement_holds_until_it_lapses() {
    let mut house = House::outage();
    house.step("5m", Input::Acknowledge { incident: house.open(), by: "nor".to_owned() });
    assert_snapshot!(house.status("6m"), @"
    Cottage (cottage)
      power        off        read 18:00:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        acknowledged by nor at 18:05:00, until 20:05:00
        next         step 0, repeat 2, and step 1 at 20:05:00: nor by email and webhook, pat by email
        next         kim by email is left out: these are quiet hours

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
    house.pass("2h6m");
    assert_snapshot!(house.incidents("2h6m"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 20:05:00, delivered
        told         nor by webhook at 20:05:00, delivered
        told         pat by email at 20:05:00, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        acknowledged by nor at 18:05:00; that lapsed at 20:05:00
        next         at 07:00:00 on Sun 11 Jan: kim by email
    ");
}

#[test]
fn a_snooze_holds_until_its_end() {
    let mut house = House::outage();
    house.step(
        "5m",
        Input::Snooze {
            incident: house.open(),
            until: house.at("8h"),
            until_given: GivenAs::TimeOfDay("02:00".parse().unwrap()),
            by: "kim".to_owned(),
        },
    );
    assert_snapshot!(house.incidents("6m"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        snoozed      by kim until 02:00:00 on Sun 11 Jan (given as 02:00)
        next         step 0, repeat 2, and step 1 at 02:00:00 on Sun 11 Jan: nor by email and webhook, pat by email
        next         kim by email is left out: these are quiet hours
    ");
}

#[test]
fn a_silence_is_shown_as_soon_as_it_is_asked_for_and_no_longer_than_it_holds() {
    let mut house = House::outage();
    for (from, until) in [("5m", "1h"), ("1h", "8h")] {
        let (from, until) = (house.at(from), house.at(until));
        // The second has another matcher, so that it does not replace the first.
        let device: Option<Name> = (until == house.at("8h")).then(|| "cottage".into());
        let until_given = match device {
            Some(_) => GivenAs::TimeOfDay("02:00".parse().unwrap()),
            None => GivenAs::Length,
        };
        let silence = Silence {
            device,
            labels: BTreeMap::new(),
            rule: None,
            from,
            from_given: Default::default(),
            until,
            until_given,
            by: "nor".to_owned(),
        };
        house.step("5m", Input::Silence(silence));
    }
    assert_snapshot!(house.status("5m"), @"
    Cottage (cottage)
      power        off        read 18:00:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        silenced     until 02:00:00 on Sun 11 Jan
        next         step 0, repeat 2, and step 1 at 02:00:00 on Sun 11 Jan: nor by email and webhook, pat by email
        next         kim by email is left out: these are quiet hours

    Silent: everything, since 18:05:00 until 19:00:00, by nor.
    Silent later: everything of the device cottage, from 19:00:00 until 02:00:00 on Sun 11 Jan (given as 02:00), by nor.

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
    // Time alone ends it: no step was made since.
    assert!(!house.incidents("9h").contains("silenced"));
}

#[test]
fn an_outage_that_is_about_to_end_says_when() {
    let mut house = House::outage();
    house.read("5m", "power", Some(Value::On));
    assert_snapshot!(house.incidents("5m"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        closing      the condition is false since 18:05:00; over if it stays so until 18:05:10
    ");
    house.read("5m", "power", None);
    assert_snapshot!(house.incidents("1h"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        unknown      `power`: whether it lasts is not known, and it does not end before that is known
        closing      the condition was last seen false, since 18:05:00; the wait for its end stands still
        next         step 1 at 18:10:30: pat by email
    ");
}

#[test]
fn what_quiet_hours_hold_of_an_outage_that_is_over_is_shown() {
    let mut house = House::watched_by(&["watch"]);
    house.read("0s", "power", Some(Value::Off));
    house.read("5m", "power", Some(Value::On));
    house.step("6m", Input::Trouble { about: "clock".into(), text: Some("it was never set".to_owned()) });
    assert_snapshot!(house.status("6m"), @"
    Cottage (cottage)
      power        on         read 18:05:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    No incident is open.

    Held
      past to kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours (power-outage, 18:00:00 to 18:05:00)
      system to kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours (about the monitor itself)

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
    // They are sent in the morning, and shown no longer.
    house.pass("13h");
    assert!(!house.status("13h").contains("Held"));
}

#[test]
fn a_fallback_says_in_whose_place_it_is_told() {
    let mut house = House::outage();
    house.pass("10m30s");
    house.fails("pat", Channel::Email, "10m30s");
    assert_snapshot!(house.incidents("11m"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        NOT REACHED  pat by email at 18:10:30: failing since 18:10:30
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        next         at 18:15:30: sue by email in place of pat (fallback)
    ");
}

#[test]
fn an_incident_that_another_inhibits_says_which() {
    let mut house = House::outage();
    house.read("5m", "freezer_door", Some(Value::On));
    assert_snapshot!(house.incidents("6m"), @"
    Open incidents
      power-outage (critical) since 18:00:00
        id           0a7de05e3e248e83f0d1df152f95523d
        told         nor by email at 18:00:30, delivered
        told         nor by webhook at 18:00:30, delivered
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        next         step 1 at 18:10:30: pat by email

      freezer (warning) since 18:05:00
        id           9f086b6146b58e0c09b45dd5232489e8
        told         nobody yet
        held         nor by email: was told of `power-outage`, which inhibits this
        held         nor by webhook: was told of `power-outage`, which inhibits this
        held         kim by email until 07:00:00 on Sun 11 Jan: these are quiet hours
        next         step 1 at 18:15:00: nobody
        next         pat by email is left out: this channel was told of an incident that inhibits this one
    ");
}

#[test]
fn a_message_that_was_given_up_says_when_and_why() {
    let mut house = House::new();
    let message = |recipient: &str, attempts, error: Option<&str>, due, given_up_at| MessageStatus {
        id: Id::parse(&"7".repeat(32)).unwrap(),
        recipient: recipient.into(),
        channel: Channel::Email,
        kind: Kind::Opened,
        attempts,
        last_error: error.map(str::to_owned),
        due,
        under_way: false,
        given_up_at,
    };
    house.waiting = vec![
        message("nor", 0, None, Some(house.at("30s")), None),
        message("kim", 1, Some("the server cannot be reached"), Some(house.at("35s")), None),
        MessageStatus { under_way: true, ..message("pat", 2, None, Some(house.at("2m30s")), None) },
    ];
    let refused = Some("the server answered 550: there is no such mailbox");
    house.undelivered = vec![message("sue", 3, refused, None, Some(house.at("20s")))];
    assert_snapshot!(house.status("31s"), @"
    Cottage (cottage)
      power        on         read 18:00:00
      started      18:00:00; nothing was read from 18:00:00 on Fri 9 Jan until then

    No incident is open.

    Waiting to be sent
      opened to nor by email, not tried yet, next at 18:00:30
      opened to kim by email, 1 attempt, next at 18:00:35: the server cannot be reached
      opened to pat by email, 2 attempts, being tried now

    Could not be delivered
      opened to sue by email, 3 attempts, given up at 18:00:20: the server answered 550: there is no such mailbox

    Rules aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa are in force.
    ");
}

/// A house whose mains are on, at six on a Saturday evening.
struct House {
    engine: Engine,
    state: State,
    readings: u64,
    lost: Option<&'static str>,
    waiting: Vec<MessageStatus>,
    undelivered: Vec<MessageStatus>,
}

impl House {
    fn new() -> House {
        House::watched_by(&[])
    }

    /// A house with operators.
    fn watched_by(operators: &[&'static str]) -> House {
        let sources = Sources {
            files: [("rules.toml".to_owned(), RULES.to_owned())].into(),
            facts: [("freezer_door".into(), FactKind::Switch)].into(),
            timezone: "Europe/London".into(),
            operators: operators.iter().map(|group| (*group).into()).collect(),
            ..Sources::default()
        };
        let engine = Engine::new(Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{problems}")));
        let (state, waiting, undelivered) = (State::new(device()), Vec::new(), Vec::new());
        let mut house = House { engine, state, readings: 0, lost: None, waiting, undelivered };
        house.read("0s", "power", Some(Value::On));
        house
    }

    /// A house whose mains failed half a minute ago. Everybody who does not sleep was told.
    fn outage() -> House {
        let mut house = House::new();
        house.read("0s", "power", Some(Value::Off));
        house.pass("30s");
        house
    }

    fn at(&self, offset: &str) -> Time {
        let start: Time = "2026-01-10T18:00:00Z".parse().unwrap();
        start + offset.parse().unwrap()
    }

    fn open(&self) -> Id {
        self.state.open_incidents().next().unwrap().id
    }

    fn read(&mut self, offset: &str, fact: &str, value: Option<Value>) {
        self.readings += 1;
        let reading = Reading { fact: fact.into(), value, at: self.at(offset) };
        let report = Report {
            source: "gpio".into(),
            boot: 1,
            first: self.readings,
            readings: vec![reading],
            ..Report::default()
        };
        self.step(offset, Input::Report(report));
    }

    fn pass(&mut self, offset: &str) {
        let until = self.at(offset);
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= until) {
            self.step_at(deadline, Input::Elapsed);
        }
    }

    fn step(&mut self, offset: &str, input: Input) {
        self.pass(offset);
        self.step_at(self.at(offset), input);
    }

    /// Makes a step. Every message is delivered at once.
    fn step_at(&mut self, now: Time, input: Input) {
        for decision in self.engine.step(&mut self.state, input, now) {
            if let Outcome::Notify(notification) = decision.outcome {
                self.step_at(now, Input::Delivered(notification.reference()));
            }
        }
    }

    /// An attempt to reach a channel fails.
    fn fails(&mut self, recipient: &str, channel: Channel, offset: &str) {
        let message = dag_engine::MessageRef {
            notification: self.open(),
            incident: Some(self.open()),
            recipient: recipient.into(),
            channel,
        };
        self.step(offset, Input::Failed { message, last: false });
    }

    fn status(&self, offset: &str) -> String {
        text(&self.whole_status(offset))
    }

    fn whole_status(&self, offset: &str) -> Status {
        let now = self.at(offset);
        let outlook = self.engine.outlook(&self.state, now);
        let incidents = self.state.open_incidents().zip(outlook.incidents);
        Status {
            device: device(),
            now,
            started: self.at("0s"),
            boot: 2,
            last_alive: Some(self.at("0s").moved(-86_400_000)),
            facts: self.state.facts().map(|(fact, value, at)| (fact.clone(), (value, at))).collect(),
            lost: self.lost.iter().map(|reason| ("nut".into(), (*reason).to_owned())).collect(),
            pending: outlook.pending,
            incidents: incidents.map(|(incident, outlook)| OpenIncident::new(incident, outlook, now)).collect(),
            silences: self.state.silences().cloned().collect(),
            waiting: self.waiting.clone(),
            held: outlook.held,
            undelivered: self.undelivered.clone(),
            rules: Id::parse(&"a".repeat(32)).unwrap(),
            rejected: None,
            failing: None,
            store: None,
            clock: None,
            receivers: Default::default(),
            heartbeats: Default::default(),
            deployment: Vec::new(),
            home_assistant: None,
            next_deadline: self.state.next_deadline(),
            uplink: None,
        }
    }

    /// The part of the status about incidents.
    fn incidents(&self, offset: &str) -> String {
        let status = self.status(offset);
        let (_, incidents) = status.split_once("\n\n").unwrap();
        let (incidents, _) = incidents.split_once("\n\nRules").unwrap();
        incidents.to_owned()
    }
}

fn device() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::new(),
        switches: BTreeMap::new(),
        timezone: Some("Europe/London".into()),
        account_emails: Vec::new(),
    }
}

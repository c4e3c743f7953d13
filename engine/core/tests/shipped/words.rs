//! The words of the shipped scripts: they hold whatever ended an incident, and whatever is known.

use dag_engine::{Engine, Millis, Outcome, Reading, Simulation, Time, Value};

use crate::{compile, device, folder::shipped};

const ON: Option<Value> = Some(Value::On);
const OFF: Option<Value> = Some(Value::Off);
const HEARD: Option<Value> = Some(Value::Connected);
const AWAY: Option<Value> = Some(Value::Disconnected);

const NOT_HEARD_YET: &str = "resolved: Nothing is heard of Cottage yet. Nothing is heard of the monitor at Cottage yet. \
     This closes what was told before, since more became known of the power. If it stays silent, another message tells of \
     it.";

/// Returns kind, subject and text of what a rule's own script says by mail to nor, and the kind alone where it leaves
/// the words to the templates. Each event is a fact's value from a minute on, counted from 10:00.
fn told(rule: &str, events: &[(i64, &str, Option<Value>)]) -> Vec<String> {
    let engine = Engine::new(compile(&shipped()));
    let mut simulation = Simulation::new(&engine, device("cottage", "hay-on-wye"));
    let start: Time = "2026-01-10T10:00:00Z".parse().unwrap();
    let at = |minute: i64| start + Millis::new(minute * 60_000);
    let mut told = Vec::new();
    let mut note = |decision: &dag_engine::Decision| {
        let Outcome::Notify(message) = &decision.outcome else { return };
        if message.recipient.as_str() == "nor" && message.incident().is_some_and(|one| one.rule.as_str() == rule) {
            let words = message.wording.as_ref().map(|words| format!(": {}. {}", words.subject, words.text));
            told.push(format!("{}{}", message.kind.as_str(), words.unwrap_or_default()));
        }
    };
    for (minute, fact, value) in events {
        let reading = Reading { fact: (*fact).into(), value: *value, at: at(*minute) };
        simulation.advance(at(*minute), &mut note);
        simulation.report(vec![reading], false, at(*minute), &mut note);
    }
    let last = events.last().map_or(0, |(minute, ..)| *minute);
    simulation.advance(at(last + 60), &mut note);
    told
}

#[test]
fn a_monitor_is_heard_again_only_if_it_is() {
    let silent = [(0, "power", ON), (0, "connection", HEARD), (10, "connection", AWAY)];
    let until = |more: &[(i64, &'static str, Option<Value>)]| [&silent[..], more].concat();
    let heard = told("lost-contact", &until(&[(40, "connection", HEARD)]));
    assert_eq!(
        heard,
        [
            "opened: Nothing is heard of Cottage. Nothing is heard of the monitor at Cottage. The reason may be the \
             network, the router or the monitor. Whether the power is on is not known.",
            "resolved: Cottage is heard again. The monitor at Cottage is heard again. The power is on, as it says."
        ]
    );
    // A late report says that the power is off. The monitor is still away.
    assert_eq!(told("lost-contact", &until(&[(40, "power", OFF)]))[1..], [NOT_HEARD_YET]);
}

#[test]
fn a_monitor_that_went_silent_in_an_outage_is_heard_again_only_if_it_is() {
    let silent = [(0, "power", OFF), (0, "connection", HEARD), (10, "connection", AWAY)];
    let until = |more: &[(i64, &'static str, Option<Value>)]| {
        let mut told = told("off-then-lost", &[&silent[..], more].concat());
        assert!(told.remove(0).starts_with("opened: Cottage went silent during an outage: it may have"), "{told:?}");
        told
    };
    assert_eq!(
        until(&[(40, "connection", HEARD)]),
        ["resolved: Cottage is heard again. The monitor at Cottage is heard again. The power is off, by its \
             last report."]
    );
    assert_eq!(
        until(&[(40, "connection", HEARD), (40, "power", None)]),
        ["resolved: Cottage is heard again. The monitor at Cottage is heard again. Whether the power is on \
             is not known yet."]
    );
    // A late report says that the power is on. The monitor is still away.
    assert_eq!(until(&[(40, "power", ON)]), [NOT_HEARD_YET]);
}

#[test]
fn a_low_battery_is_told_by_what_is_known_of_the_mains() {
    let told = |power, more: &[(i64, &'static str, Option<Value>)]| {
        told("battery-low", &[&[(0, "power", power), (1, "battery", Some(Value::Number(18)))], more].concat())
    };
    assert_eq!(
        told(ON, &[]),
        [
            "opened: Cottage: battery at 18 %, on mains. The battery of the monitor at Cottage is at 18 %. The mains are \
             on, so it should be charging. If it stays low it may be worn out, and the monitor would not outlast the next \
             outage."
        ]
    );
    assert_eq!(
        told(OFF, &[]),
        ["opened: Cottage: battery at 18 %, enough until about 10:23. The battery of the monitor at Cottage is at 18 \
             %. That is enough for about 21 minutes, until about 10:23. After that it can tell nothing more, also not \
             that the power is back."]
    );
    assert_eq!(
        told(None, &[]),
        [
            "opened: Cottage: battery at 18 %, and the mains are not seen. The battery of the monitor at Cottage is at 18 \
             %. Whether the mains are on is not known. If they are off, that is enough for about 21 minutes, until about \
             10:23."
        ]
    );
    assert_eq!(
        self::told("battery-low", &[(0, "power", OFF), (1, "battery", Some(Value::Number(0)))]),
        [
            "opened: Cottage: battery at 0 %, and may be empty soon. The battery of the monitor at Cottage is at 0 %. It \
             may stop at any moment."
        ]
    );
    // Its charge is not known while the monitor is away.
    assert_eq!(told(OFF, &[(1, "connection", AWAY)]), ["opened"]);
}

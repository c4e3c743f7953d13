//! No input panics, hangs or lets the state grow without bound.

use dag_engine::{Channel, Id, Input, MessageRef, Name, Outcome, Reading, Report, Silence, State, Time, Value};
use proptest::prelude::*;

use crate::{
    host::{Manner, START, device},
    plan_generator::plan,
    player::play,
    stories::{With, all, story},
};

/// The most bytes of a stored state, without the reports that wait.
const MOST: usize = 64 * 1024;

fn size(state: &State) -> usize {
    let mut state = serde_json::to_value(state).unwrap();
    state.as_object_mut().unwrap().remove("waiting");
    state.to_string().len()
}

fn time() -> impl Strategy<Value = Time> {
    let start = START.parse::<Time>().unwrap().as_millis();
    let near = -10_000_000..10_000_000_i64;
    let edges = prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX]);
    prop_oneof![
        8 => near.prop_map(move |later| Time::from_millis(start + later)),
        1 => any::<i64>().prop_map(Time::from_millis),
        1 => edges.prop_map(Time::from_millis),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..5_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z@\\[\"\\\\é]{0,4}", 1 => Just("long ".repeat(4_000)), 1 => Just("nor".to_owned())]
}

fn name() -> impl Strategy<Value = Name> {
    text().prop_map(Name::from)
}

fn report() -> impl Strategy<Value = Report> {
    let fact = prop_oneof![
        4 => prop::sample::select(vec!["power", "door", "battery", "connection"]).prop_map(Name::from),
        1 => name(),
    ];
    let value = prop_oneof![
        3 => prop::sample::select(vec![Some(Value::On), Some(Value::Off), Some(Value::Connected), None]),
        1 => any::<i64>().prop_map(|number| Some(Value::Number(number))),
    ];
    let reading = (fact, value, time()).prop_map(|(fact, value, at)| Reading { fact, value, at });
    let readings = prop::collection::vec(reading, 0..6);
    let source = prop::sample::select(vec!["gpio", "gauge"]).prop_map(Name::from);
    let before = prop::option::of(number());
    (source, number(), before, number(), number(), any::<bool>(), any::<bool>(), readings).prop_map(
        |(source, boot, before, first, resent, more, uncertain, readings)| Report {
            source,
            boot,
            before,
            first,
            resent,
            more,
            uncertain,
            readings,
        },
    )
}

/// Random inputs. The test replaces their ids by those of open incidents and sent messages.
fn input() -> impl Strategy<Value = Input> {
    let id = || Just(Id::of(&[b"nothing"]));
    let message = || {
        let channel = prop::sample::select(vec![Channel::Email, Channel::Webhook]);
        (id(), prop::option::of(id()), name(), channel).prop_map(|(notification, incident, recipient, channel)| {
            MessageRef { notification, incident, recipient, channel }
        })
    };
    let silence = (prop::option::of(name()), prop::option::of(name()), text(), text(), time(), time(), text());
    let silence = silence.prop_map(|(device, rule, label, value, from, until, by)| Silence {
        device,
        labels: [(label, value)].into(),
        rule,
        from,
        from_given: Default::default(),
        until,
        until_given: Default::default(),
        by,
    });
    prop_oneof![
        6 => report().prop_map(Input::Report),
        1 => (id(), text()).prop_map(|(incident, by)| Input::Acknowledge { incident, by }),
        1 => (id(), time(), text()).prop_map(|(incident, until, by)| Input::Snooze { incident, until, until_given: Default::default(), by }),
        1 => silence.prop_map(Input::Silence),
        1 => message().prop_map(Input::Attempted),
        1 => message().prop_map(Input::Delivered),
        1 => (message(), any::<bool>()).prop_map(|(message, last)| Input::Failed { message, last }),
        1 => (name(), prop::option::of(text())).prop_map(|(about, text)| Input::Trouble { about, text }),
        1 => (number(), time(), any::<i64>()).prop_map(|(boot, began, shift_ms)| {
            Input::ClockSet { boot, began, shift_ms, estimated: false }
        }),
        1 => Just(Input::Elapsed),
    ]
}

#[test]
fn no_input_makes_the_engine_panic_hang_or_remember_too_much() {
    all(40, (plan(), prop::collection::vec((input(), time()), 0..40)), |(plan, inputs)| {
        let engine = plan.engine();
        let mut state = State::new(device());
        let mut sent: Vec<MessageRef> = Vec::new();
        for (mut input, now) in inputs {
            let open = state.open_incidents().next().map(|incident| incident.id);
            match &mut input {
                Input::Acknowledge { incident, .. } | Input::Snooze { incident, .. } => {
                    *incident = open.unwrap_or(*incident)
                }
                Input::Attempted(message) | Input::Delivered(message) | Input::Failed { message, .. } => {
                    // Some are of nothing that was ever sent.
                    *message = sent.pop().unwrap_or_else(|| message.clone());
                }
                _ => {}
            }
            let decisions = engine.step(&mut state, input, now);
            for decision in &decisions {
                if let Outcome::Notify(message) = &decision.outcome {
                    sent.push(message.reference());
                }
            }
            prop_assert!(state.next_deadline().is_none_or(|deadline| deadline > state.now()));
        }
        let stored = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(&serde_json::from_str::<State>(&stored).unwrap(), &state);
        prop_assert!(size(&state) <= MOST, "{} bytes: {:.2000}", size(&state), stored);
        Ok(())
    });
}

#[test]
fn the_state_stays_small_however_long_the_story() {
    let rows = prop::collection::vec(story(With { reloads: false, ..With::EVERYTHING }), 4);
    all(12, rows, |stories| {
        // One long story under the first plan.
        let mut long = stories[0].clone();
        long.events.extend(stories.into_iter().skip(1).flat_map(|story| story.events));
        for _ in 0..2 {
            long.events.extend(long.events.clone());
        }
        let host = play(&long, Manner::default());
        prop_assert!(size(&host.state) <= 4 * 1024, "{} bytes at the end", size(&host.state));
        Ok(())
    });
}

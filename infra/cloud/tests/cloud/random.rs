//! Any call may fail for hours. Then all calls succeed, and the laws hold at the end.

use dag_engine::{Millis, Value};
use proptest::prelude::*;

use crate::{
    fleet::Fleet,
    plan::{CallFailure, Manners, Plan, Timers},
    story::{Act, DEVICES, OFF, ON, Story, all_well, minutes, seconds},
};

/// The time until which things happen and calls fail.
const TROUBLED: Millis = minutes(360);

/// The length of a story. After the failures a day passes, so that all retries are made.
const LENGTH: Millis = minutes(360 + 26 * 60);

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Read("power", OFF)),
        4 => Just(Act::Read("power", ON)),
        1 => Just(Act::Read("power", None)),
        2 => (0_i64..100).prop_map(|percent| Act::Read("battery", Some(Value::Number(percent)))),
        2 => Just(Act::Lose),
        2 => Just(Act::Back),
        1 => Just(Act::Restart),
        1 => Just(Act::NewCard),
        1 => Just(Act::Acknowledge),
        1 => Just(Act::Put("no record".to_owned())),
    ]
}

fn stories() -> impl Strategy<Value = Story> {
    let one = (60..TROUBLED.get() / 1_000, 0..DEVICES.len(), act());
    prop::collection::vec(one, 1..40).prop_map(|acts| {
        let mut story = all_well();
        story.extend(acts.into_iter().map(|(at, device, act)| (seconds(at), DEVICES[device], act)));
        story.sort_by_key(|(at, ..)| *at);
        for device in DEVICES {
            story.push((minutes(370), device, Act::Back));
            story.push((minutes(370), device, Act::Read("power", ON)));
        }
        story
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    let timers = prop_oneof![Just(Timers::Fine), Just(Timers::Lost), Just(Timers::Doubled), Just(Timers::Early)];
    let to = prop::option::of((prop_oneof![Just("nor"), Just("kim"), Just("ola")], any::<bool>()));
    (0_u64..150, 0_u64..500, 0_u64..500, any::<bool>(), timers, to, any::<u64>()).prop_map(
        |(chance, doubled, delayed, shuffled, timers, to, seed)| {
            let how = |gone: bool| if gone { CallFailure::Permanent } else { CallFailure::Refuse };
            Plan {
                chance,
                until: Some(Fleet::START.parse::<dag_engine::Time>().unwrap() + TROUBLED),
                manners: Manners { doubled, delayed, late: seconds(300), shuffled },
                timers,
                to: to.map(|(to, gone)| (to, 1..=12, how(gone))).into_iter().collect(),
                seed,
                ..Plan::default()
            }
        },
    )
}

#[test]
fn whatever_goes_wrong_every_message_comes_to_one_end() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let fleet = std::cell::RefCell::new(Fleet::new());
    proptest!(config, |(plan in plans(), story in stories())| {
        let mut fleet = fleet.borrow_mut();
        fleet.live(plan, &story, LENGTH);
        fleet.holds();
    });
}

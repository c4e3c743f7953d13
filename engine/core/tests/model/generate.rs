//! Random rules, edits and histories.

use dag_engine::{FactKind, Millis, Severity, Value};
use proptest::{
    collection::vec,
    option::{self, weighted},
    prelude::*,
    sample::select,
};

use crate::{
    condition::{Comparison, Condition, DAYS, Number},
    edit::Edit,
    history::{Asked, Attempt, Case, Event, Fate, Moment, Post, Read, STARTS, Unfit},
    rules::{Escalation, GROUPS, Quiet, RECIPIENTS, RULES, Recipient, Rule, Rules, STEPS, Step, ZONES},
    script::Script,
    wall_clock::TimeOfDay,
};

fn of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + Clone + use<T> {
    select(values.to_vec())
}

fn length(texts: &[&'static str]) -> impl Strategy<Value = Millis> + Clone + use<> {
    of(&texts.iter().map(|text| text.parse::<Millis>().unwrap()).collect::<Vec<_>>())
}

fn clock() -> impl Strategy<Value = TimeOfDay> {
    (of(&[0, 1, 1, 2, 2, 3, 7, 12, 18, 22, 23]), of(&[0, 0, 15, 30, 45]))
        .prop_map(|(hour, minute)| TimeOfDay { hour, minute })
}

fn severity() -> impl Strategy<Value = Severity> {
    of(&[Severity::Info, Severity::Warning, Severity::Critical])
}

fn switch() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("power"), 1 => Just("door")]
}

fn number() -> impl Strategy<Value = Number> {
    let leaf = prop_oneof![
        3 => Just(Number::Fact("battery")),
        1 => (0..5_i64).prop_map(Number::Literal),
        3 => (prop_oneof![3 => Just("power"), 1 => Just("battery")], length(&["1m", "10m", "1h"]))
            .prop_map(|(fact, window)| Number::Changes(fact, window)),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Number::Plus(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Number::Minus(Box::new(a), Box::new(b))),
            (inner.clone(), -2..4_i64).prop_map(|(a, n)| Number::Times(Box::new(a), n)),
            (inner.clone(), of(&[-3_i64, 2, 10])).prop_map(|(a, n)| Number::Divided(Box::new(a), n)),
            (inner.clone(), of(&[3_i64, 7])).prop_map(|(a, n)| Number::Rest(Box::new(a), n)),
            inner.prop_map(|a| Number::Negative(Box::new(a))),
        ]
    })
}

fn comparison() -> impl Strategy<Value = Condition> {
    let how = of(&[
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ]);
    let level = (how.clone(), of(&[5_i64, 20, 50]))
        .prop_map(|(how, n)| Condition::Compare(Number::Fact("battery"), how, Number::Literal(n)));
    let counted = (length(&["1m", "10m", "1h"]), 1..4_i64).prop_map(|(window, n)| {
        Condition::Compare(Number::Changes("power", window), Comparison::GreaterOrEqual, Number::Literal(n))
    });
    let any = (number(), how, number()).prop_map(|(left, how, right)| Condition::Compare(left, how, right));
    prop_oneof![2 => level, 2 => counted, 1 => any]
}

fn condition() -> impl Strategy<Value = Condition> {
    let power = of(&[Value::Off, Value::Off, Value::Off, Value::On]);
    let is = |fact| (any::<bool>(), power.clone()).prop_map(move |(not, value)| Condition::Is { fact, not, value });
    let leaf = prop_oneof![
        8 => Just(Condition::Is { fact: "power", not: false, value: Value::Off }),
        2 => is("power"),
        2 => is("door"),
        4 => comparison(),
        1 => of(&["power", "battery", "door"]).prop_map(Condition::Known),
        2 => (switch(), length(&["20s", "1m", "10m"])).prop_map(|(fact, length)| Condition::Held(fact, length)),
        2 => (clock(), clock())
            .prop_filter("the ends differ", |(from, to)| from != to)
            .prop_map(|(from, to)| Condition::Between(from, to)),
        1 => (any::<bool>(), of(&DAYS)).prop_map(|(not, (day, _))| Condition::Weekday { not, day }),
    ];
    let tree = leaf.clone().prop_recursive(2, 5, 2, |inner| prop_oneof![4 => pair(inner.clone()), 1 => not(inner)]);
    prop_oneof![2 => pair(leaf), 3 => tree]
}

fn pair(of: impl Strategy<Value = Condition> + Clone) -> impl Strategy<Value = Condition> {
    (of.clone(), any::<bool>(), of).prop_map(|(a, and, b)| {
        let (a, b) = (Box::new(a), Box::new(b));
        if and { Condition::And(a, b) } else { Condition::Or(a, b) }
    })
}

fn not(of: impl Strategy<Value = Condition>) -> impl Strategy<Value = Condition> {
    of.prop_map(|a| Condition::Not(Box::new(a)))
}

fn rule() -> impl Strategy<Value = Rule> {
    let wait = || length(&["0s", "0s", "10s", "30s", "1m", "10m"]);
    let script = weighted(0.25, of(&[Script::Waits, Script::People]));
    let inhibits = prop_oneof![1 => Just(Vec::new()), 1 => vec(of(&RULES), 1..3)];
    let cloud = prop::bool::weighted(0.03);
    (of(&RULES), condition(), wait(), wait(), severity(), 0..3_usize, script, inhibits, cloud).prop_map(
        |(name, when, open_after, close_after, severity, escalation, script, inhibits, cloud)| Rule {
            name,
            was: None,
            when,
            open_after,
            close_after,
            severity,
            escalation,
            script,
            inhibits,
            cloud,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let names: Vec<&str> = RECIPIENTS.into_iter().chain(GROUPS.map(|(group, _)| group)).chain(["@account"]).collect();
    let notify = vec(of(&names), 1..3);
    let repeat = weighted(0.3, length(&["15m", "1h", "3h"]));
    let at_most = weighted(0.9, 0..4_u32);
    let name = weighted(0.3, of(&STEPS));
    (name, length(&["0s", "0s", "5m", "10m", "30m", "2h"]), notify, repeat, at_most)
        .prop_map(|(name, after, notify, repeat, at_most)| Step { name, after, notify, repeat, at_most })
}

fn lapse() -> impl Strategy<Value = Option<Millis>> {
    weighted(0.4, length(&["5m", "1h"]))
}

fn recipient(name: impl Strategy<Value = &'static str>) -> impl Strategy<Value = Recipient> {
    let quiet = (clock(), clock(), option::of(severity())).prop_map(|(from, to, unless)| Quiet { from, to, unless });
    let channels = of(&[(true, false), (true, false), (false, true), (true, true)]);
    let fallback = weighted(0.5, of(&RECIPIENTS));
    let after = option::of(length(&["1s", "1m", "10m"]));
    let zone = weighted(0.4, of(&ZONES));
    (name, channels, prop::bool::weighted(0.2), zone, weighted(0.5, quiet), fallback, after).prop_map(
        |(name, (email, webhook), moved, zone, quiet, fallback, fallback_after)| Recipient {
            name,
            email,
            webhook,
            moved,
            zone,
            quiet,
            fallback,
            fallback_after,
        },
    )
}

fn rules() -> impl Strategy<Value = Rules> {
    let escalation =
        (vec(step(), 1..5), lapse()).prop_map(|(steps, ack_lapses_after)| Escalation { steps, ack_lapses_after });
    let nor = recipient(Just("nor"));
    let others = vec(recipient(of(&RECIPIENTS)), 0..4);
    let operators = option::of(of(&["owners", "watch"]));
    let door = weighted(0.9, door());
    (vec(rule(), 1..6), vec(escalation, 1..4), nor, others, operators, of(&ZONES), door).prop_map(
        |(rules, escalations, nor, others, operators, zone, door)| {
            let recipients = std::iter::once(nor).chain(others).collect();
            Rules { rules, escalations, recipients, operators, zone, door }.tidy()
        },
    )
}

fn door() -> impl Strategy<Value = FactKind> {
    prop_oneof![3 => Just(FactKind::Switch), 1 => Just(FactKind::Number)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..5_usize;
    let wait = || length(&["0s", "10s", "1m", "20m"]);
    prop_oneof![
        1 => Just(Edit::Nothing),
        2 => (at(), wait()).prop_map(|(at, wait)| Edit::OpenAfter(at, wait)),
        2 => (at(), wait()).prop_map(|(at, wait)| Edit::CloseAfter(at, wait)),
        1 => (at(), severity()).prop_map(|(at, severity)| Edit::Severity(at, severity)),
        2 => (at(), condition()).prop_map(|(at, when)| Edit::When(at, when)),
        2 => (at(), condition()).prop_map(|(at, when)| Edit::Narrow(at, when)),
        2 => (at(), condition()).prop_map(|(at, when)| Edit::Widen(at, when)),
        1 => (at(), option::of(of(&[Script::Waits, Script::People]))).prop_map(|(at, script)| Edit::Script(at, script)),
        2 => (at(), vec(of(&RULES), 0..3)).prop_map(|(at, inhibits)| Edit::Inhibits(at, inhibits)),
        1 => (at(), any::<bool>()).prop_map(|(at, cloud)| Edit::Cloud(at, cloud)),
        3 => (at(), of(&RULES)).prop_map(|(at, name)| Edit::Rename(at, name)),
        2 => at().prop_map(Edit::Remove),
        2 => rule().prop_map(|rule| Edit::Add(Box::new(rule))),
        1 => (at(), lapse()).prop_map(|(at, lapse)| Edit::Lapse(at, lapse)),
        3 => (at(), at(), step()).prop_map(|(at, place, step)| Edit::InsertStep(at, place, step)),
        3 => (at(), at(), step()).prop_map(|(at, place, step)| Edit::ChangeStep(at, place, step)),
        2 => (at(), at()).prop_map(|(at, place)| Edit::RemoveStep(at, place)),
        3 => recipient(of(&RECIPIENTS)).prop_map(|recipient| Edit::Recipient(Box::new(recipient))),
        3 => of(&RECIPIENTS).prop_map(Edit::RemoveRecipient),
        1 => option::of(of(&["owners", "watch"])).prop_map(Edit::Operators),
        1 => of(&ZONES).prop_map(Edit::Zone),
        4 => weighted(0.8, door()).prop_map(Edit::Door),
        1 => rules().prop_map(|rules| Edit::All(Box::new(rules))),
        2 => Just(Edit::Undo),
    ]
}

fn reading(age: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = (&'static str, Option<Value>, i64)> {
    let power = of(&[Some(Value::On), Some(Value::On), Some(Value::Off), Some(Value::Off), Some(Value::Off), None]);
    let levels = [3, 7, 11, 13, 18, 25, 50, 90].map(|level| Some(Value::Number(level)));
    let level = prop_oneof![8 => of(&levels), 1 => Just(None)];
    prop_oneof![
        12 => (Just("power"), power.clone(), age.clone()),
        5 => (Just("battery"), level, age.clone()),
        4 => (Just("door"), prop_oneof![3 => power, 1 => Just(Some(Value::Number(3)))], age.clone()),
        1 => (of(&["powr", "connection"]), Just(Some(Value::Connected)), age.clone()),
        1 => (of(&["power", "battery"]), Just(Some(Value::Connected)), age),
    ]
}

fn read() -> impl Strategy<Value = Read> {
    let source = prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)];
    let fate = prop_oneof![12 => Just(Fate::Comes), 1 => Just(Fate::Doubled), 2 => Just(Fate::Lost)];
    let resent = prop_oneof![4 => Just(0_usize), 1 => 0..6_usize];
    let age = prop_oneof![
        6 => Just(0_i64),
        2 => 0..90_000_i64,
        1 => 0..20_000_000_i64,
        1 => -90_000..0_i64,
    ];
    let readings = prop_oneof![1 => Just(Vec::new()), 20 => vec(reading(age), 1..4)];
    (source, readings, fate, resent, prop::bool::weighted(0.06), prop::bool::weighted(0.1)).prop_map(
        |(source, readings, fate, resent, more, uncertain)| Read { source, readings, fate, resent, more, uncertain },
    )
}

/// What one source read minutes or hours ago, in order.
fn late_read() -> impl Strategy<Value = Read> {
    let age = prop_oneof![1 => 0..600_000_i64, 2 => 0..4_000_000_i64, 1 => 0..20_000_000_i64];
    (0..2_usize, vec(reading(age), 1..5), prop::bool::weighted(0.06)).prop_map(|(source, mut readings, more)| {
        readings.sort_by_key(|(_, _, age)| -age);
        Read { source, readings, fate: Fate::Comes, resent: 0, more, uncertain: false }
    })
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![-600_000..600_000_i64, 0..20_000_000_i64]
}

fn asked() -> impl Strategy<Value = Asked> {
    let decades = 0..700_000_000_000_i64;
    prop_oneof![
        4 => span().prop_map(Asked::Length),
        2 => clock().prop_map(Asked::TimeOfDay),
        2 => prop_oneof![5 => span().boxed(), 1 => decades.boxed()].prop_map(Asked::Date),
    ]
}

/// How much a clock is wrong, in milliseconds.
fn wrong() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![
        4 => -100_000..100_000_i64,
        4 => -100_000_000..100_000_000_i64,
        1 => -1_200_000_000_000..0_i64,
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let by = || of(&["nor", "kim", "pager", "web", "Nor", "KIM", "Ann@Example.com", ""]);
    let outcome = of(&[Attempt::Begins, Attempt::Succeeds, Attempt::Fails, Attempt::Fails, Attempt::FailsForGood]);
    let silence = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), option::of(of(&RULES)), asked(), asked());
    let back = prop_oneof![1 => 0..100_000_i64, 2 => 0..40_000_000_i64];
    let ahead = prop_oneof![2 => Just(0_i64), 1 => -100_000..100_000_i64, 1 => -100_000_000..100_000_000_i64];
    let unfit = of(&[Unfit::TooManyReadings, Unfit::LongName]);
    let estimated = || prop::bool::weighted(0.3);
    let label = any::<bool>();
    prop_oneof![
        36 => read().prop_map(Event::Read),
        8 => late_read().prop_map(Event::Read),
        6 => Just(Event::Nothing),
        1 => prop_oneof![0..10_u8, 130..150_u8].prop_map(|times| Event::Flicker { times }),
        1 => prop_oneof![4 => 0..4_u8, 1 => 62..68_u8].prop_map(|count| Event::Holes { count }),
        1 => prop_oneof![4 => 1..3_u8, 1 => 60..66_u8].prop_map(|count| Event::Sources { count }),
        1 => unfit.prop_map(Event::Refused),
        3 => (any::<bool>(), ahead).prop_map(|(before, ahead)| Event::Boot { before, ahead }),
        4 => (0..4_usize).prop_map(Event::Late),
        2 => (0..6_usize).prop_map(Event::Again),
        5 => (0..3_usize, by()).prop_map(|(incident, by)| Event::Acknowledge { incident, by }),
        4 => (0..3_usize, asked()).prop_map(|(incident, until)| Event::Snooze { incident, until }),
        4 => silence.prop_map(|(device, label, rule, from, until)| Event::Silence { device, label, rule, from, until }),
        1 => of(&[2_u8, 3, 65]).prop_map(|count| Event::Silences { count }),
        10 => (0..6_usize, outcome).prop_map(|(message, outcome)| Event::Attempt { message, outcome }),
        3 => (of(&["store", "clock"]), prop::bool::weighted(0.6))
            .prop_map(|(about, begins)| Event::Trouble { about, begins }),
        2 => (0..3_usize, option::of(of(&ZONES)), label)
            .prop_map(|(emails, zone, label)| Event::Account { emails, zone, label }),
        7 => vec(edit(), 1..3).prop_map(Event::Reload),
        3 => (back, wrong(), prop::bool::weighted(0.2), estimated()).prop_map(|(back, shift, earlier_boot, estimated)| {
            Event::ClockSet { back, shift, earlier_boot, estimated }
        }),
        2 => (any::<bool>(), estimated())
            .prop_map(|(earlier_boot, estimated)| Event::ClockRighted { earlier_boot, estimated }),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    let later = prop_oneof![
        2 => Just(0_i64),
        5 => 0..60_000_i64,
        4 => 0..900_000_i64,
        4 => 0..8_000_000_i64,
        1 => 0..90_000_000_i64,
    ];
    (later, prop::bool::weighted(0.1), event()).prop_map(|(later, asleep, event)| Moment {
        // Whole seconds read better, and meet more often.
        later: Millis::new(later / 1_000 * 1_000),
        asleep,
        event,
    })
}

pub fn case() -> impl Strategy<Value = Case> {
    let post = prop_oneof![
        2 => Just(Post::Waits),
        3 => Just(Post::Delivers),
        2 => of(&RECIPIENTS).prop_map(Post::FailsFor),
    ];
    let history = vec(moment(), 0..40);
    (rules(), of(&STARTS), post, any::<bool>(), prop::bool::weighted(0.2), history).prop_map(
        |(rules, start, post, alone, restarts, history)| Case { rules, start, post, alone, restarts, history },
    )
}

//! Daylight saving: quiet hours and conditions follow the wall clock, when it jumps and when it repeats itself.
//!
//! The times are calculated by hand from the rules of the zones in 2026, and written without the year:
//!
//! | zone | forward | back |
//! |---|---|---|
//! | Europe/London | 29 March 01:00Z, 01:00 to 02:00 | 25 October 01:00Z, 02:00 to 01:00 |
//! | America/New_York | 8 March 07:00Z, 02:00 to 03:00 | 1 November 06:00Z, 02:00 to 01:00 |
//! | Australia/Lord_Howe | 3 October 15:30Z, 02:00 to 02:30 | 4 April 15:00Z, 02:00 to 01:30 |
//! | Asia/Kolkata (+5:30) | never | never |

use dag_engine::{Decision, Device, Engine, Input, Millis, Outcome, Reading, Simulation, Time, Value};

use crate::host::{cottage, engine, outage, rule_on};

/// A span of the wall clock, and when it lasts in UTC: the first moment of it, and the first moment after it.
struct Span {
    from: &'static str,
    to: &'static str,
    lasts: &'static [(&'static str, &'static str)],
}

const fn span(from: &'static str, to: &'static str, lasts: &'static [(&'static str, &'static str)]) -> Span {
    Span { from, to, lasts }
}

#[rustfmt::skip]
const SPANS: [(&str, &[Span]); 8] = [
    // 01:00 to 02:00 is skipped: +0 before 01:00Z, +1 from then on.
    ("Europe/London", &[
        // Begins inside: at the jump.
        span("01:30", "03:00", &[("03-29T01:00Z", "03-29T02:00Z")]),
        // Ends inside: at the jump.
        span("00:30", "01:30", &[("03-29T00:30Z", "03-29T01:00Z")]),
        // Lies inside: not that night.
        span("01:15", "01:45", &[("03-28T01:15Z", "03-28T01:45Z"), ("03-30T00:15Z", "03-30T00:45Z")]),
        span("01:00", "02:00", &[("03-28T01:00Z", "03-28T02:00Z"), ("03-30T00:00Z", "03-30T01:00Z")]),
        // Around it: an hour shorter.
        span("00:30", "02:30", &[("03-29T00:30Z", "03-29T01:30Z")]),
        // Over midnight: an hour shorter; and ending inside.
        span("22:00", "07:00", &[("03-28T22:00Z", "03-29T06:00Z")]),
        span("22:30", "01:30", &[("03-28T22:30Z", "03-29T01:00Z")]),
    ]),
    // 01:00 to 02:00 comes twice: from 00:00Z (+1) and from 01:00Z (+0).
    ("Europe/London", &[
        // Begins inside: in both passes, and is left in between.
        span("01:30", "03:00", &[("10-25T00:30Z", "10-25T01:00Z"), ("10-25T01:30Z", "10-25T03:00Z")]),
        // Ends inside: in both passes.
        span("00:30", "01:30", &[("10-24T23:30Z", "10-25T00:30Z"), ("10-25T01:00Z", "10-25T01:30Z")]),
        // Lies inside: twice.
        span("01:15", "01:45", &[("10-25T00:15Z", "10-25T00:45Z"), ("10-25T01:15Z", "10-25T01:45Z")]),
        // All of it, without a break.
        span("01:00", "02:00", &[("10-25T00:00Z", "10-25T02:00Z")]),
        // Around it: an hour longer.
        span("00:30", "02:30", &[("10-24T23:30Z", "10-25T02:30Z")]),
        // Over midnight: an hour longer; and ending inside.
        span("22:00", "07:00", &[("10-24T21:00Z", "10-25T07:00Z")]),
        span("22:30", "01:30", &[("10-24T21:30Z", "10-25T00:30Z"), ("10-25T01:00Z", "10-25T01:30Z")]),
    ]),
    // 02:00 to 03:00 is skipped: -5 before 07:00Z, -4 from then on.
    ("America/New_York", &[
        span("02:30", "04:00", &[("03-08T07:00Z", "03-08T08:00Z")]),
        span("01:30", "02:30", &[("03-08T06:30Z", "03-08T07:00Z")]),
        span("02:15", "02:45", &[("03-07T07:15Z", "03-07T07:45Z"), ("03-09T06:15Z", "03-09T06:45Z")]),
        span("01:30", "03:30", &[("03-08T06:30Z", "03-08T07:30Z")]),
        span("22:00", "07:00", &[("03-08T03:00Z", "03-08T11:00Z")]),
        span("22:30", "02:30", &[("03-08T03:30Z", "03-08T07:00Z")]),
    ]),
    // 01:00 to 02:00 comes twice: from 05:00Z (-4) and from 06:00Z (-5).
    ("America/New_York", &[
        span("01:30", "03:00", &[("11-01T05:30Z", "11-01T06:00Z"), ("11-01T06:30Z", "11-01T08:00Z")]),
        span("00:30", "01:30", &[("11-01T04:30Z", "11-01T05:30Z"), ("11-01T06:00Z", "11-01T06:30Z")]),
        span("01:15", "01:45", &[("11-01T05:15Z", "11-01T05:45Z"), ("11-01T06:15Z", "11-01T06:45Z")]),
        span("00:30", "02:30", &[("11-01T04:30Z", "11-01T07:30Z")]),
        span("22:00", "07:00", &[("11-01T02:00Z", "11-01T12:00Z")]),
        span("22:30", "01:30", &[("11-01T02:30Z", "11-01T05:30Z"), ("11-01T06:00Z", "11-01T06:30Z")]),
    ]),
    // 02:00 to 02:30 is skipped: +10:30 before 15:30Z, +11 from then on.
    ("Australia/Lord_Howe", &[
        span("02:15", "03:30", &[("10-03T15:30Z", "10-03T16:30Z")]),
        span("01:30", "02:15", &[("10-03T15:00Z", "10-03T15:30Z")]),
        span("02:10", "02:20", &[("10-02T15:40Z", "10-02T15:50Z"), ("10-04T15:10Z", "10-04T15:20Z")]),
        span("01:30", "03:00", &[("10-03T15:00Z", "10-03T16:00Z")]),
        span("22:00", "07:00", &[("10-03T11:30Z", "10-03T20:00Z")]),
        span("22:30", "02:15", &[("10-03T12:00Z", "10-03T15:30Z")]),
    ]),
    // 01:30 to 02:00 comes twice: from 14:30Z (+11) and from 15:00Z (+10:30).
    ("Australia/Lord_Howe", &[
        span("01:45", "03:00", &[("04-04T14:45Z", "04-04T15:00Z"), ("04-04T15:15Z", "04-04T16:30Z")]),
        span("01:00", "01:45", &[("04-04T14:00Z", "04-04T14:45Z"), ("04-04T15:00Z", "04-04T15:15Z")]),
        span("01:40", "01:50", &[("04-04T14:40Z", "04-04T14:50Z"), ("04-04T15:10Z", "04-04T15:20Z")]),
        span("01:00", "02:30", &[("04-04T14:00Z", "04-04T16:00Z")]),
        span("22:00", "07:00", &[("04-04T11:00Z", "04-04T20:30Z")]),
        span("22:30", "01:45", &[("04-04T11:30Z", "04-04T14:45Z"), ("04-04T15:00Z", "04-04T15:15Z")]),
    ]),
    // No change in either night: 5 h 30 min before the wall clock.
    ("Asia/Kolkata", &[
        span("01:30", "03:00", &[("03-28T20:00Z", "03-28T21:30Z"), ("03-29T20:00Z", "03-29T21:30Z")]),
        span("22:00", "07:00", &[("03-28T16:30Z", "03-29T01:30Z"), ("03-29T16:30Z", "03-30T01:30Z")]),
    ]),
    ("Asia/Kolkata", &[
        span("01:30", "03:00", &[("10-24T20:00Z", "10-24T21:30Z"), ("10-25T20:00Z", "10-25T21:30Z")]),
        span("22:00", "07:00", &[("10-24T16:30Z", "10-25T01:30Z"), ("10-25T16:30Z", "10-26T01:30Z")]),
    ]),
];

/// The Sunday on which the clocks change, from midnight to midnight.
const SUNDAYS: [(&str, &str, &str); 7] = [
    // 23 hours, 25 hours.
    ("Europe/London", "03-29T00:00Z", "03-29T23:00Z"),
    ("Europe/London", "10-24T23:00Z", "10-26T00:00Z"),
    ("America/New_York", "03-08T05:00Z", "03-09T04:00Z"),
    ("America/New_York", "11-01T04:00Z", "11-02T05:00Z"),
    // 23 hours and a half, 24 hours and a half.
    ("Australia/Lord_Howe", "10-03T13:30Z", "10-04T13:00Z"),
    ("Australia/Lord_Howe", "04-04T13:00Z", "04-05T13:30Z"),
    // 24 hours.
    ("Asia/Kolkata", "03-28T18:30Z", "03-29T18:30Z"),
];

#[test]
fn quiet_hours_begin_and_end_by_the_recipients_wall_clock() {
    for (zone, Span { from, to, lasts }) in spans() {
        let engine = engine(&quiet(zone, from, to), None);
        let told = |off: Time| told_at(&engine, off);
        let lasts = times(lasts);
        for (begin, end) in &lasts {
            // The last moment before, the first, the last, and the first after.
            let seen = [told(before(*begin)), told(*begin), told(before(*end)), told(*end)];
            assert_eq!(seen, [before(*begin), *end, *end, *end], "{from} to {to} in {zone}");
        }
        // And at no other time.
        for (at, next) in lasts.iter().map(|(_, end)| *end).zip(lasts.iter().skip(1).map(|(begin, _)| *begin)) {
            let mut at = at;
            while at < next {
                assert_eq!(told(at), at, "{from} to {to} in {zone}");
                at = at + Millis::new(300_000);
            }
        }
    }
}

#[test]
fn between_holds_by_the_devices_wall_clock() {
    for (zone, Span { from, to, lasts }) in spans() {
        let condition = format!("between(\"{from}\", \"{to}\")");
        assert_eq!(holds(&condition, zone, &times(lasts)), times(lasts), "{condition} in {zone}");
    }
}

#[test]
fn a_weekday_is_from_midnight_to_midnight_of_the_devices_zone() {
    for (zone, from, to) in SUNDAYS {
        let sunday = times(&[(from, to)]);
        assert_eq!(holds("weekday() == \"sun\"", zone, &sunday), sunday, "{zone}");
    }
}

fn spans() -> impl Iterator<Item = (&'static str, &'static Span)> {
    SPANS.iter().flat_map(|(zone, spans)| spans.iter().map(move |span| (*zone, span)))
}

fn times(lasts: &[(&str, &str)]) -> Vec<(Time, Time)> {
    let time = |text: &str| format!("2026-{text}").parse::<Time>().unwrap();
    lasts.iter().map(|(begin, end)| (time(begin), time(end))).collect()
}

fn before(at: Time) -> Time {
    at.moved(-1)
}

fn quiet(zone: &str, from: &str, to: &str) -> String {
    let outage = outage("{ notify = [\"pat\"] }");
    format!(
        "{outage}\n[recipient.pat]\nemail = \"pat@example.com\"\ntimezone = \"{zone}\"\n\
         quiet = {{ from = \"{from}\", to = \"{to}\" }}"
    )
}

/// When the one recipient is told of an outage that begins at `off`.
fn told_at(engine: &Engine, off: Time) -> Time {
    let mut simulation = Simulation::new(engine, cottage());
    let mut told = None;
    let mut see = |decision: &Decision| {
        if let Outcome::Notify(message) = &decision.outcome {
            told.get_or_insert(message.at);
        }
    };
    simulation.advance(off, &mut see);
    let reading = Reading { fact: "power".into(), value: Some(Value::Off), at: off };
    simulation.report(vec![reading], false, off, &mut see);
    simulation.advance(off + Millis::new(86_400_000), &mut see);
    told.expect("somebody is told within a day")
}

/// The incidents of a condition, from an hour before the first one expected to an hour after the last.
fn holds(condition: &str, zone: &str, expected: &[(Time, Time)]) -> Vec<(Time, Time)> {
    let engine = engine(&rule_on(condition), None);
    let mut simulation = Simulation::new(&engine, Device { timezone: Some(zone.into()), ..cottage() });
    let mut incidents = Vec::new();
    let mut see = |decision: &Decision| {
        if let Outcome::Resolved { since, ended, .. } = decision.outcome {
            incidents.push((since, ended));
        }
    };
    let hour = 3_600_000;
    simulation.step(Input::Elapsed, expected[0].0.moved(-hour), &mut see);
    simulation.advance(expected[expected.len() - 1].1.moved(hour), &mut see);
    incidents
}

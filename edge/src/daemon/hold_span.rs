//! When a snooze or a silence begins and ends that somebody asks for, and why it may not.

use dag_engine::{Input, Millis, Moment, Time, zone};

use super::request::Until;

/// The time at which somebody asks, by the daemon's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedAt<'z> {
    pub now: Time,
    /// The device's zone.
    pub timezone: &'z str,
    /// The clock may be wrong by any amount.
    pub uncertain: bool,
}

/// The span of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HoldSpan {
    pub from: Time,
    pub until: Time,
}

impl HoldSpan {
    /// Works out when a hold begins and ends. Without `from` it begins now.
    ///
    /// # Errors
    /// It is over before now, it ends before it begins, or it lasts longer than 3660 days. By a clock that is uncertain
    /// nobody can tell the last: then that is for when the clock is set.
    pub fn new(from: Option<Moment>, until: Until, asked: AskedAt<'_>) -> Result<HoldSpan, String> {
        let AskedAt { now, timezone, uncertain } = asked;
        let zone = zone(timezone)?;
        let given = (from, until);
        let from = from.map_or(now, |from| from.next_after(now, &zone));
        let begins = from.max(now);
        let until = match until {
            // The engine ends an earlier hold where one ends now.
            Until::Lifted => return Ok(HoldSpan { from: Time::MIN, until: now }),
            Until::For(Millis::ZERO) if from <= now => return Ok(HoldSpan { from, until: now }),
            Until::For(length) => from + length,
            Until::At(moment) => moment.next_after(begins, &zone),
        };
        let named = |time: Time| {
            let end = match time {
                Time::MAX => ", where the calendar ends",
                Time::MIN => ", where the calendar begins",
                _ => "",
            };
            format!("{}{end}", time.in_zone(&zone).strftime("%H:%M:%S on %a %-d %b %Y"))
        };
        if until <= now {
            let help = if uncertain {
                "The clock is uncertain: write `--for`, which needs none"
            } else {
                "To end an earlier one now, write `--lift`"
            };
            let (now, until) = (named(now), named(until));
            return Err(format!("nothing was changed: it would end at {until}, and it is {now}. {help}"));
        }
        if until <= from {
            let (from, until) = (named(from), named(until));
            return Err(format!("nothing was changed: it would end at {until}, and not begin before {from}"));
        }
        // Where clocks skip the beginning it is later, and the end that was meant for the same night may lie before it.
        if let (Some(Moment::TimeOfDay(first)), Until::At(Moment::TimeOfDay(last))) = given
            && first < last
            && from.in_zone(&zone).date() != until.in_zone(&zone).date()
        {
            let begins = named(from);
            return Err(format!(
                "nothing was changed: clocks skip {first} in that night, so that it would begin at {begins}, and not end \
                 before {}. Write another `--from`",
                named(until)
            ));
        }
        if until.since(begins) > Input::LONGEST_HOLD && !uncertain {
            let latest = named(begins + Input::LONGEST_HOLD);
            return Err(format!(
                "nothing was changed: it would end at {}, and the longest is 3660 days, until {latest}. What nobody \
                 wants to be told at all is better taken out of rules/",
                named(until)
            ));
        }
        Ok(HoldSpan { from, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In London, on a Saturday in January, at six in the evening.
    const NOW: &str = "2026-01-10T18:00:00Z";

    fn span(from: Option<&str>, until: Until, uncertain: bool) -> Result<(String, String), String> {
        let from = from.map(|from| from.parse().unwrap());
        let asked = AskedAt { now: NOW.parse().unwrap(), timezone: "Europe/London", uncertain };
        HoldSpan::new(from, until, asked).map(|span| (span.from.to_string(), span.until.to_string()))
    }

    fn at(text: &str) -> Until {
        Until::At(text.parse().unwrap())
    }

    fn length(text: &str) -> Until {
        Until::For(text.parse().unwrap())
    }

    #[test]
    fn what_was_given_is_worked_out_by_the_devices_clock() {
        for (from, until, span_from, span_until) in [
            (None, length("8h"), NOW, "2026-01-11T02:00:00Z"),
            (None, at("22:00"), NOW, "2026-01-10T22:00:00Z"),
            (None, at("17:00"), NOW, "2026-01-11T17:00:00Z"),
            (Some("22:00"), length("1h"), "2026-01-10T22:00:00Z", "2026-01-10T23:00:00Z"),
            // The first such moment after the beginning, and not after now.
            (Some("22:00"), at("06:00"), "2026-01-10T22:00:00Z", "2026-01-11T06:00:00Z"),
            (Some("22:00"), at("20:00"), "2026-01-10T22:00:00Z", "2026-01-11T20:00:00Z"),
            (Some("22:00"), at("22:00"), "2026-01-10T22:00:00Z", "2026-01-11T22:00:00Z"),
            (Some("2026-07-01"), at("22:00"), "2026-06-30T23:00:00Z", "2026-07-01T21:00:00Z"),
            (Some("2026-07-01"), at("2026-07-02"), "2026-06-30T23:00:00Z", "2026-07-01T23:00:00Z"),
            // One that began before now ends after now.
            (Some("2026-01-10T12:00Z"), at("15:00"), "2026-01-10T12:00:00Z", "2026-01-11T15:00:00Z"),
            (Some("2026-01-10T12:00Z"), length("8h"), "2026-01-10T12:00:00Z", "2026-01-10T20:00:00Z"),
            (Some("2099-01-01"), length("3660d"), "2099-01-01T00:00:00Z", "2109-01-09T00:00:00Z"),
            (None, length("0s"), NOW, NOW),
            (None, Until::Lifted, "1970-01-01T00:00:00Z", NOW),
        ] {
            let worked_out = Ok((span_from.to_owned(), span_until.to_owned()));
            assert_eq!(span(from, until, false), worked_out, "{from:?} {until:?}");
        }
    }

    #[test]
    fn what_would_hold_nothing_is_refused_with_what_to_do() {
        for (from, until, error) in [
            (
                None,
                at("2026-01-10T17:00"),
                "nothing was changed: it would end at 17:00:00 on Sat 10 Jan 2026, and it is 18:00:00 on Sat 10 Jan \
                 2026. To end an earlier one now, write `--lift`",
            ),
            (
                None,
                at("1969-12-31"),
                "nothing was changed: it would end at 01:00:00 on Thu 1 Jan 1970, where the calendar begins, and it \
                 is 18:00:00 on Sat 10 Jan 2026. To end an earlier one now, write `--lift`",
            ),
            (
                Some("2026-01-01"),
                length("1h"),
                "nothing was changed: it would end at 01:00:00 on Thu 1 Jan 2026, and it is 18:00:00 on Sat 10 Jan \
                 2026. To end an earlier one now, write `--lift`",
            ),
            (
                Some("2099-01-02"),
                at("2099-01-01"),
                "nothing was changed: it would end at 00:00:00 on Thu 1 Jan 2099, and not begin before 00:00:00 on \
                 Fri 2 Jan 2099",
            ),
            (
                Some("9999-12-31"),
                length("1h"),
                "nothing was changed: it would end at 22:00:00 on Thu 30 Dec 9999, where the calendar ends, and not \
                 begin before 22:00:00 on Thu 30 Dec 9999, where the calendar ends",
            ),
            (
                Some("22:00"),
                length("0s"),
                "nothing was changed: it would end at 22:00:00 on Sat 10 Jan 2026, and not begin before 22:00:00 on \
                 Sat 10 Jan 2026",
            ),
            (
                None,
                at("2036-01-19"),
                "nothing was changed: it would end at 00:00:00 on Sat 19 Jan 2036, and the longest is 3660 days, \
                 until 18:00:00 on Fri 18 Jan 2036. What nobody wants to be told at all is better taken out of rules/",
            ),
            (
                None,
                at("9999-12-31"),
                "nothing was changed: it would end at 22:00:00 on Thu 30 Dec 9999, where the calendar ends, and the \
                 longest is 3660 days, until 18:00:00 on Fri 18 Jan 2036. What nobody wants to be told at all is \
                 better taken out of rules/",
            ),
        ] {
            assert_eq!(span(from, until, false), Err(error.to_owned()), "{from:?} {until:?}");
        }
    }

    #[test]
    fn where_clocks_skip_the_beginning_the_end_of_the_same_night_is_missed_and_that_is_said() {
        let span = |until: &str| {
            let now = "2026-03-28T22:00:00Z".parse().unwrap();
            let asked = AskedAt { now, timezone: "Europe/Paris", uncertain: false };
            HoldSpan::new(Some("02:30".parse().unwrap()), at(until), asked).map(|span| span.until.to_string())
        };
        assert_eq!(
            span("03:00"),
            Err("nothing was changed: clocks skip 02:30 in that night, so that it would begin at 03:30:00 on Sun 29 Mar \
                 2026, and not end before 03:00:00 on Mon 30 Mar 2026. Write another `--from`"
                .to_owned())
        );
        assert_eq!(span("04:00"), Ok("2026-03-29T02:00:00Z".to_owned()));
        assert_eq!(span("01:00"), Ok("2026-03-29T23:00:00Z".to_owned()));
    }

    /// A clock that was never set may be in 1970 or in 2066: a date far ahead or behind may be near.
    #[test]
    fn by_an_uncertain_clock_a_far_date_is_taken_and_a_past_one_is_refused_with_advice() {
        assert_eq!(span(None, at("2066-12-01"), true).unwrap().1, "2066-12-01T00:00:00Z");
        assert_eq!(
            span(None, at("2025-12-01"), true),
            Err("nothing was changed: it would end at 00:00:00 on Mon 1 Dec 2025, and it is 18:00:00 on Sat 10 Jan \
             2026. The clock is uncertain: write `--for`, which needs none"
                .to_owned())
        );
    }
}

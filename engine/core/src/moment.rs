//! A moment as people give it: until 22:00, until 1 December, from eight o'clock on that day.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{GivenAs, LengthError, LocalTime, Millis, Time, TimeOfDay};

/// A moment as somebody gave it, to be worked out by whoever knows the time and the device's zone.
///
/// ```
/// use dag_engine::{Moment, zone};
///
/// let (paris, now) = (zone("Europe/Paris")?, "2026-12-01T22:30:00Z".parse()?);
/// let moment = |text: &str| text.parse::<Moment>().map(|moment| moment.next_after(now, &paris));
/// assert_eq!(moment("22:00")?, "2026-12-02T21:00:00Z".parse()?);
/// assert_eq!(moment("10pm")?, moment("22:00")?);
/// assert_eq!(moment("2026-12-03 08:00")?, "2026-12-03T07:00:00Z".parse()?);
/// assert_eq!(moment("2026-12-03T08:00:00Z")?, "2026-12-03T08:00:00Z".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The next such moment, by the device's wall clock.
    TimeOfDay(TimeOfDay),
    /// A date and time by the device's wall clock. A date alone is the beginning of that day.
    Local(LocalTime),
    /// A date and time with its offset from UTC.
    At(Time),
}

impl Moment {
    /// Returns the moment; of a time of the day the first after `at`. `zone` is the device's.
    pub fn next_after(self, at: Time, zone: &TimeZone) -> Time {
        match self {
            Moment::TimeOfDay(time) => time.next_after(at, zone),
            Moment::Local(local) => local.in_zone(zone),
            Moment::At(time) => time,
        }
    }

    /// Returns how it was given: what becomes of it when the clock is set.
    pub fn given(self) -> GivenAs {
        match self {
            Moment::TimeOfDay(time) => GivenAs::TimeOfDay(time),
            Moment::Local(_) | Moment::At(_) => GivenAs::Date,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::TimeOfDay(time) => time.fmt(f),
            Moment::Local(local) => local.fmt(f),
            Moment::At(time) => time.fmt(f),
        }
    }
}

/// The reason why a text is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// A length of time. It holds the length as durations are written here.
    #[error("`{0}` is a length of time, and not a moment")]
    Length(String),
    /// A moment in another form. It holds the text, and the same as moments are written here.
    #[error("`{0}` is no moment: did you mean `{1}`?")]
    OtherForm(String, String),
    /// A time of the day with seconds. It holds the text, and the same without them.
    #[error("`{0}` has seconds, and a time of the day has none: write `{1}`, or the date too")]
    Seconds(String, String),
    /// A time of the day with a zone.
    #[error("`{0}` has a zone and no date: write `{1}`, by the device's clock, or the date too")]
    ZoneWithoutDate(String, String),
    /// A date or a time of the day that no calendar or clock shows, like 30 February.
    #[error("there is no `{0}`: look at the day, the hour and the minute")]
    NoSuch(String),
    /// Anything else.
    #[error(
        "`{0}` is no moment: write a time of the day (22:00), a date (2026-12-01) or both (2026-12-01T08:00), by the \
         device's clock, or both with the offset (2026-12-01T08:00:00+01:00)"
    )]
    Form(String),
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let text = text.trim();
        if let Ok(time) = text.parse() {
            return Ok(Moment::At(time));
        }
        if let Ok(local) = text.parse() {
            return Ok(Moment::Local(local));
        }
        match clock(text) {
            Some(Clock { hour, minute, second: None | Some(0), zone: "" }) => {
                let time = format!("{hour:02}:{minute:02}").parse();
                time.map(Moment::TimeOfDay).map_err(|_| match (hour, minute) {
                    (24, 0) => MomentError::OtherForm(text.to_owned(), "00:00".to_owned()),
                    _ => MomentError::NoSuch(text.to_owned()),
                })
            }
            Some(Clock { hour, minute, zone: "", .. }) => {
                Err(MomentError::Seconds(text.to_owned(), format!("{hour:02}:{minute:02}")))
            }
            Some(Clock { hour, minute, .. }) => {
                Err(MomentError::ZoneWithoutDate(text.to_owned(), format!("{hour:02}:{minute:02}")))
            }
            None => Err(advice(text)),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The numbers of a time of the day, which may be none that a clock shows.
struct Clock<'t> {
    hour: u8,
    minute: u8,
    second: Option<u8>,
    /// What stands behind it: a zone, in whatever form.
    zone: &'t str,
}

/// Reads `22:00`, `22:00:30`, `10pm`, `10:30 p.m.`, and one of the first two with a zone.
fn clock(text: &str) -> Option<Clock<'_>> {
    let (hour, rest) = number(text)?;
    let (minute, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest).filter(|_| has_two_digits(rest)).map(|(minute, rest)| (Some(minute), rest))?,
        None => (None, rest),
    };
    let (second, rest) = match rest.strip_prefix(':').filter(|_| minute.is_some()) {
        Some(rest) => number(rest).filter(|_| has_two_digits(rest)).map(|(second, rest)| (Some(second), rest))?,
        None => (None, rest),
    };
    let half: String = rest.chars().filter(|c| !matches!(c, ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect();
    let hour = match half.as_str() {
        // Noon is 12 pm, and midnight 12 am.
        "am" | "pm" if !(1..=12).contains(&hour) => return None,
        "am" => hour % 12,
        "pm" => hour % 12 + 12,
        _ => {
            let zone = rest.trim_start();
            let is_zone =
                zone.starts_with(['+', '-', '[']) || zone.chars().all(|c| c.is_ascii_alphabetic() || c == '/');
            return (is_zone && zone.len() <= 40).then_some(Clock { hour, minute: minute?, second, zone });
        }
    };
    Some(Clock { hour, minute: minute.unwrap_or(0), second, zone: "" })
}

/// Returns the number of one or two digits at the beginning, and what stands behind it.
fn number(text: &str) -> Option<(u8, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at_checked(digits)?;
    (1..=2).contains(&digits).then(|| number.parse().ok()).flatten().map(|number| (number, rest))
}

fn has_two_digits(text: &str) -> bool {
    text.bytes().take_while(u8::is_ascii_digit).count() == 2
}

/// Returns what is wrong with a text that is no moment.
fn advice(text: &str) -> MomentError {
    let other = |meant: &str| MomentError::OtherForm(text.to_owned(), meant.to_owned());
    match text.to_ascii_lowercase().as_str() {
        "noon" | "midday" => return other("12:00"),
        "midnight" => return other("00:00"),
        _ => {}
    }
    // As clocks are written in some countries, and on a ticket: 22.00, 22h00, 2200.
    let digits: String = text.chars().filter(|c| !matches!(c, '.' | 'h')).collect();
    if let Some((hour, minute)) = digits.split_at_checked(2)
        && digits.len() == 4
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        let time = format!("{hour}:{minute}");
        if time.parse::<TimeOfDay>().is_ok() {
            return other(&time);
        }
    }
    let length = text.strip_prefix("in ").or_else(|| text.strip_prefix('+')).unwrap_or(text);
    match length.parse::<Millis>() {
        Ok(length) => return MomentError::Length(length.to_string()),
        Err(LengthError::OtherWords(_, meant)) => return MomentError::Length(meant),
        Err(_) => {}
    }
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    if year >= 4 && text.as_bytes().get(year) == Some(&b'-') {
        return MomentError::NoSuch(text.to_owned());
    }
    MomentError::Form(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        let zone = crate::zone("Europe/London").unwrap();
        let now = "2026-07-10T15:00:00Z".parse().unwrap();
        for (text, moment) in [
            ("22:00", "2026-07-10T21:00:00Z"),
            ("22:00:00", "2026-07-10T21:00:00Z"),
            (" 22:00 ", "2026-07-10T21:00:00Z"),
            // A time that is over today is meant tomorrow, and not at once: github.com/systemd/systemd, issue 40882.
            ("03:00", "2026-07-11T02:00:00Z"),
            ("3:00", "2026-07-11T02:00:00Z"),
            ("16:00", "2026-07-11T15:00:00Z"),
            ("00:00", "2026-07-10T23:00:00Z"),
            // With minutes as without them: github.com/scalyr/scalyr-tool, pull request 52. The 24 hours of the day as
            // the twice twelve: github.com/mojombo/chronic, issue 76.
            ("5pm", "2026-07-10T16:00:00Z"),
            ("17:00", "2026-07-10T16:00:00Z"),
            ("10pm", "2026-07-10T21:00:00Z"),
            ("10 PM", "2026-07-10T21:00:00Z"),
            ("10 p.m.", "2026-07-10T21:00:00Z"),
            ("10:30am", "2026-07-11T09:30:00Z"),
            ("10:30:00 am", "2026-07-11T09:30:00Z"),
            ("12am", "2026-07-10T23:00:00Z"),
            ("12pm", "2026-07-11T11:00:00Z"),
            // By the device's clock, and not by UTC: github.com/roxy-wi/IncidentRelay, issue 37.
            ("2026-07-28T15:00", "2026-07-28T14:00:00Z"),
            ("2026-12-01", "2026-12-01T00:00:00Z"),
            ("2026-12-01 08:00", "2026-12-01T08:00:00Z"),
            ("2026-12-01T08:00:00+01:00", "2026-12-01T07:00:00Z"),
            ("2026-12-01 08:00Z", "2026-12-01T08:00:00Z"),
            ("9999-12-31", "9999-12-30T22:00:00Z"),
            ("9999-12-31T23:59:60Z", "9999-12-30T22:00:00Z"),
            ("12026-12-31", "9999-12-30T22:00:00Z"),
            ("1969-12-31", "1970-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("-009999-01-01", "1970-01-01T00:00:00Z"),
        ] {
            let read: Moment = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read.next_after(now, &zone), moment.parse().unwrap(), "{text}");
            assert_eq!(read.to_string().parse(), Ok(read), "{text}");
        }
    }

    /// A day is not always 24 hours long: github.com/systemd/systemd, issue 39232.
    #[test]
    fn the_next_such_time_is_found_across_a_change_of_clocks() {
        let zone = crate::zone("Europe/London").unwrap();
        let four: Moment = "04:00".parse().unwrap();
        for (evening, morning) in
            [("2026-10-24T21:00:00Z", "2026-10-25T04:00:00Z"), ("2026-03-28T22:00:00Z", "2026-03-29T03:00:00Z")]
        {
            assert_eq!(four.next_after(evening.parse().unwrap(), &zone), morning.parse().unwrap());
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_to_write() {
        let form = "is no moment: write a time of the day (22:00), a date (2026-12-01) or both (2026-12-01T08:00), by \
                    the device's clock, or both with the offset (2026-12-01T08:00:00+01:00)";
        for (text, error) in [
            ("2h", "`2h` is a length of time, and not a moment"),
            ("+2h", "`2h` is a length of time, and not a moment"),
            ("in 2 hours", "`2h` is a length of time, and not a moment"),
            ("22h", "`22h` is a length of time, and not a moment"),
            ("noon", "`noon` is no moment: did you mean `12:00`?"),
            ("Midnight", "`Midnight` is no moment: did you mean `00:00`?"),
            ("24:00", "`24:00` is no moment: did you mean `00:00`?"),
            ("22.00", "`22.00` is no moment: did you mean `22:00`?"),
            ("2200", "`2200` is no moment: did you mean `22:00`?"),
            ("22h30", "`22h30` is no moment: did you mean `22:30`?"),
            ("25:00", "there is no `25:00`: look at the day, the hour and the minute"),
            ("22:60", "there is no `22:60`: look at the day, the hour and the minute"),
            ("2026-02-30", "there is no `2026-02-30`: look at the day, the hour and the minute"),
            ("2026-12-01T25:00", "there is no `2026-12-01T25:00`: look at the day, the hour and the minute"),
            ("22:00:30", "`22:00:30` has seconds, and a time of the day has none: write `22:00`, or the date too"),
            ("22:00Z", "`22:00Z` has a zone and no date: write `22:00`, by the device's clock, or the date too"),
            ("22:00 CET", "`22:00 CET` has a zone and no date: write `22:00`, by the device's clock, or the date too"),
            (
                "9:00+01:00",
                "`9:00+01:00` has a zone and no date: write `09:00`, by the device's clock, or the date too",
            ),
        ] {
            assert_eq!(text.parse::<Moment>().map_err(|error| error.to_string()), Err(error.to_owned()), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "today 22:00",
            "Fri",
            "1/12/2026",
            "1.12.2026",
            "22",
            "22:0",
            "222:00",
            ":",
            "13pm",
            "0am",
            "22:00!",
            "٢٢:٠٠",
            "99999999999999999999",
            "1767225600",
            "[]",
            "12:00[",
            "4-",
            "2026-W49",
        ] {
            let error = text.parse::<Moment>().expect_err(text).to_string();
            let known = error == format!("`{text}` {form}") || text == "12:00[" || text == "2026-W49";
            assert!(known, "{text}: {error}");
        }
    }
}

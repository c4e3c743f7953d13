//! Times as timelines write them: `10:00`, `10:00:30`, and `07:00+1` on the next day.

use dag_engine::{Millis, Time};

/// The midnight before every timeline, in Europe/London as in UTC: a Saturday.
const MIDNIGHT: &str = "2026-01-10T00:00:00Z";

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Reads a time of a timeline.
pub fn parse(text: &str) -> Result<Time, String> {
    let (clock, days) = text.split_once('+').unwrap_or((text, "0"));
    let days: i64 = days.parse().map_err(|_| format!("`{text}` is no time"))?;
    let padded = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let time = format!("2026-01-10T{padded}Z").parse::<Time>().map_err(|_| format!("`{text}` is no time"))?;
    Ok(time + Millis::new(days * DAY))
}

/// Writes it.
pub fn write(time: Time) -> String {
    let since = time.since(MIDNIGHT.parse().unwrap()).get();
    let (days, rest) = (since.div_euclid(DAY), since.rem_euclid(DAY));
    let (hours, minutes, seconds, millis) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
    let mut text = format!("{hours:02}:{minutes:02}");
    match (seconds, millis) {
        (0, 0) => {}
        (_, 0) => text += &format!(":{seconds:02}"),
        _ => text += &format!(":{seconds:02}.{millis:03}"),
    }
    if days == 0 { text } else { format!("{text}{days:+}") }
}

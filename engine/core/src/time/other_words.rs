//! Durations as other programs write them: of systemd (`5min`), of Go (`1.5h`), of clocks (`00:05:00`), of people
//! (`5 minutes`). They are not accepted, so that rules are written in one way. The error says how to write them.

use super::units::{LONGEST, UNITS, write};

/// The words for each unit, in lower case. `M` and `m` are both taken as minutes: nobody waits for months here.
const WORDS: [(&str, &[&str]); 6] = [
    ("w", &["w", "wk", "wks", "week", "weeks"]),
    ("d", &["d", "day", "days"]),
    ("h", &["h", "hr", "hrs", "hour", "hours"]),
    ("m", &["m", "min", "mins", "minute", "minutes"]),
    ("s", &["s", "sec", "secs", "second", "seconds"]),
    ("ms", &["ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"]),
];

/// A week in milliseconds. It is no unit of durations here: people write `7d`.
const WEEK: i64 = 7 * 86_400_000;

/// Returns how a length of time in other words is written here, if the text is one.
pub(super) fn translate(text: &str) -> Option<String> {
    let parts = of_clock(text).or_else(|| of_words(text))?;
    let mut total: i64 = 0;
    for part in &parts {
        total = total.checked_add(part.millis)?;
    }
    if total > LONGEST {
        return None;
    }
    // In the units that were meant, `90s` for `90sec`, where each stands once and the largest is first.
    let in_order = parts.windows(2).all(|pair| matches!(pair, [one, next] if one.size > next.size && next.size > 0));
    let written = || parts.iter().map(|part| part.written.as_str()).collect();
    Some(if in_order { written() } else { write(total) })
}

/// One number with its unit.
struct Part {
    /// The same in the way in which durations are written here; of a fraction or of weeks the length in smaller units.
    written: String,
    millis: i64,
    /// The milliseconds of its unit; 0 where it is written in others.
    size: i64,
}

/// Reads numbers with units in words: `1 hour and 30 minutes`.
fn of_words(text: &str) -> Option<Vec<Part>> {
    let lower = text.to_ascii_lowercase();
    let mut rest = lower.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (number, after) = rest.split_at_checked(digits)?;
        let after = after.trim_start();
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (word, after) = after.split_at_checked(letters)?;
        let (unit, _) = WORDS.iter().find(|(_, words)| words.contains(&word))?;
        parts.push(part(number, unit)?);
        rest = after.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    (!parts.is_empty()).then_some(parts)
}

/// Reads `hours:minutes:seconds`, as Home Assistant writes durations.
fn of_clock(text: &str) -> Option<Vec<Part>> {
    let numbers: Vec<&str> = text.split(':').collect();
    let [hours, minutes, seconds] = numbers.as_slice() else { return None };
    let parts: Option<Vec<Part>> =
        [(hours, "h"), (minutes, "m"), (seconds, "s")].into_iter().map(|(number, unit)| part(number, unit)).collect();
    let mut parts = parts?;
    parts.retain(|part| part.millis > 0);
    (!parts.is_empty()).then_some(parts)
}

/// Returns a number of units; a number may have a decimal fraction, down to a whole millisecond.
fn part(number: &str, unit: &str) -> Option<Part> {
    let size = if unit == "w" { WEEK } else { UNITS.iter().find(|(name, _)| *name == unit)?.1 };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = whole.parse().ok()?;
    let mut millis = whole.checked_mul(size)?;
    if !fraction.is_empty() {
        let scale = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let share = fraction.parse::<i64>().ok()?.checked_mul(size)?;
        if share % scale != 0 {
            return None;
        }
        millis = millis.checked_add(share / scale)?;
    }
    if fraction.is_empty() && unit != "w" {
        return Some(Part { written: format!("{whole}{unit}"), millis, size });
    }
    // In several units it stands alone, or everything is written anew.
    Some(Part { written: write(millis), millis, size: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_duration_in_any_words_is_not_translated() {
        for text in [
            "",
            " ",
            "min",
            "5 minuets",
            "5mm",
            "1.h.2",
            "1..5h",
            "0.0001s",
            "5:00",
            "::",
            "00:00:00",
            "5m ago",
            "-5min",
            "99999999999999999999 hours",
            "9999 weeks",
            "0.9999999999999999999h",
            "½ hour",
            "5,5h",
        ] {
            assert_eq!(translate(text), None, "{text}");
        }
    }
}

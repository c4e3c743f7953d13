//! Lengths of time, read back from words.

use dag_engine::Time;

/// Returns whether a text is the length from one time to another, as whoever subtracts the times beside it finds it: of
/// the seconds that clocks show below ten minutes, and of the minutes from then on.
pub fn is_length(text: &str, from: Time, to: Time) -> bool {
    let seconds = units(from, to, 1_000);
    if text == "less than a second" {
        return seconds < 1;
    }
    let Some((said, unit)) = read(text) else { return false };
    let true_length = if unit == 1 || seconds < 600 { seconds } else { units(from, to, 60_000) * 60 };
    // From an hour on minutes are left out or hours, so that a length may be up to one of these longer.
    said <= true_length && true_length < said + unit && (to.since(from).get() / 1_000 - said).abs() <= unit.max(60)
}

/// The whole units between two times, each of which is cut to the unit.
fn units(from: Time, to: Time, unit_ms: i64) -> i64 {
    to.as_millis().div_euclid(unit_ms) - from.as_millis().div_euclid(unit_ms)
}

/// Returns a length in seconds, and the seconds that its last place stands for.
fn read(text: &str) -> Option<(i64, i64)> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut said = 0;
    let mut units = Vec::new();
    for pair in words.chunks(2) {
        let [number, name] = pair else { return None };
        let unit = match name.trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return None,
        };
        said += number.parse::<i64>().ok()? * unit;
        units.push(unit);
    }
    // `2 hours` leaves out no minutes but the seconds, `3 days` no hours.
    let last = match (units.len(), units.first()?) {
        (1, 60) if said < 600 => 1,
        (1, 3_600) => 60,
        (1, 86_400) => 3_600,
        _ => *units.last()?,
    };
    Some((said, last))
}

#[test]
fn a_length_is_what_the_times_beside_it_say() {
    let t = |text: &str| format!("2026-01-10T{text}Z").parse::<Time>().unwrap();
    for (from, to, text, is) in [
        ("10:00:00.900", "10:00:19.100", "19 seconds", true),
        ("10:00:00.900", "10:00:19.100", "18 seconds", false),
        ("10:00:00.100", "10:00:00.900", "less than a second", true),
        ("10:00:00", "10:02:00", "2 minutes", true),
        ("10:00:00", "10:02:01", "2 minutes", false),
        ("14:02:59", "14:31:01", "29 minutes", true),
        ("14:02:59", "14:31:01", "28 minutes", false),
        ("14:00:59", "16:05:01", "2 hours 5 minutes", true),
        ("14:00:00", "16:00:59", "2 hours", true),
        ("14:00:00", "16:01:00", "2 hours", false),
    ] {
        assert_eq!(is_length(text, t(from), t(to)), is, "{from} to {to}: {text}");
    }
}

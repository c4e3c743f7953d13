//! The units of durations.

/// Units as people write them, largest first, each with its milliseconds.
pub(super) const UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest length that a user may write, in milliseconds: ten years.
pub(super) const LONGEST: i64 = 3_660 * 86_400_000;

/// Returns a length in milliseconds as people write it: `1h30m`.
pub(super) fn write(millis: i64) -> String {
    let mut rest = millis;
    let mut text = String::new();
    for (unit, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

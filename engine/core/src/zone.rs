//! Time zones by name, from the bundled database alone, so that every host reads the same clock.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::problem::did_you_mean;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name like `Europe/London`.
///
/// # Errors
/// A sentence with the nearest name, where there is no zone of this name.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    BUNDLED.get(name).map_err(|_| format!("there is no time zone `{name}`: {}", zone_advice(name)))
}

/// Returns advice about a name that no time zone has: the nearest name, if it is a slip.
pub fn zone_advice(name: &str) -> String {
    let is_abbreviation = !name.contains('/') && name.chars().all(|c| c.is_ascii_uppercase());
    let is_offset = !name.contains('/') && name.contains(['+', '-']);
    if is_abbreviation || is_offset {
        // The nearest name would be that of another offset.
        return "use the name of a city, like `America/Los_Angeles`, which also knows when clocks change".to_owned();
    }
    let names: Vec<String> = BUNDLED.available().map(|name| name.to_string()).collect();
    // `London` is in many minds, and `Europe/London` in the database.
    let city = name.replace(' ', "_");
    let is_city = |zone: &&String| zone.rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&city));
    let by_city = names.iter().find(is_city).map(|zone| format!("did you mean `{zone}`?"));
    let help = by_city.or_else(|| did_you_mean(name, names.iter().map(String::as_str)));
    help.unwrap_or_else(|| "write a name of the IANA database, like `Europe/London` or `UTC`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest names of these are hours away.
    #[test]
    fn an_abbreviation_or_an_offset_is_not_answered_with_another_offset() {
        for name in ["PST", "CET+1", "UTC+2", "GMT+1", "IST"] {
            assert!(zone_advice(name).starts_with("use the name of a city"), "{name}");
        }
        assert_eq!(zone_advice("Europe/Lodnon"), "did you mean `Europe/London`?");
        assert_eq!(zone_advice("London"), "did you mean `Europe/London`?");
        assert_eq!(zone_advice("new york"), "did you mean `America/New_York`?");
    }
}

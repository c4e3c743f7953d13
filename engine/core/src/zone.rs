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
    let unknown = || {
        let names: Vec<String> = BUNDLED.available().map(|name| name.to_string()).collect();
        let help = did_you_mean(name, names.iter().map(String::as_str));
        let help = help.unwrap_or_else(|| "use an IANA name like `Europe/London` or `UTC`".to_owned());
        format!("there is no time zone `{name}`: {help}")
    };
    BUNDLED.get(name).map_err(|_| unknown())
}

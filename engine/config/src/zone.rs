//! Time zones by their IANA names.

use std::sync::OnceLock;

use dag_engine::{Name, did_you_mean};
use jiff::tz::TimeZoneDatabase;

use crate::diagnostic::Diagnostic;

/// The time zones that are built in, so that every host has the same, whatever its system knows.
fn zones() -> &'static TimeZoneDatabase {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled)
}

/// Returns the zone's name in its usual spelling.
pub(crate) fn zone(name: &str) -> Result<Name, Diagnostic> {
    let found = zones().get(name).ok().and_then(|zone| zone.iana_name().map(Name::new));
    found.ok_or_else(|| {
        let all: Vec<String> = zones().available().map(|zone| zone.as_str().to_owned()).collect();
        let near = did_you_mean(name, all.iter().map(String::as_str));
        let help =
            near.unwrap_or_else(|| "write a name of the IANA database, like `Europe/London` or `UTC`".to_owned());
        Diagnostic::new(format!("there is no time zone `{name}`"), help)
    })
}

//! Time zones by their IANA names.

use std::sync::OnceLock;

use dag_engine::Name;
use jiff::tz::TimeZoneDatabase;

use crate::wrong::{Wrong, nearest};

/// The zones that come with the program: every host reads the same clock, whatever its system knows.
fn zones() -> &'static TimeZoneDatabase {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled)
}

/// The zone's name in its usual spelling.
pub(crate) fn zone(name: &str) -> Result<Name, Wrong> {
    let found = zones().get(name).ok().and_then(|zone| zone.iana_name().map(Name::new));
    found.ok_or_else(|| {
        let all: Vec<String> = zones().available().map(|zone| zone.as_str().to_owned()).collect();
        let help = match nearest(name, all.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name of the IANA database, like `Europe/London` or `UTC`".to_owned(),
        };
        Wrong::new(format!("there is no time zone `{name}`"), help)
    })
}

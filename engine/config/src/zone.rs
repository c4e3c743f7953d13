//! Time zones by their IANA names.

use dag_engine::{Name, zone_advice};

use crate::diagnostic::Diagnostic;

/// Returns the zone's name in its usual spelling.
pub(crate) fn zone(name: &str) -> Result<Name, Diagnostic> {
    let found = dag_engine::zone(name).ok().and_then(|zone| zone.iana_name().map(Name::new));
    found.ok_or_else(|| Diagnostic::new(format!("there is no time zone `{name}`"), zone_advice(name)))
}

//! The time zone of this machine.

use std::{env, fs, path::PathBuf};

/// Returns the IANA name of this machine's time zone, if one can be found: from `TZ`, from where `/etc/localtime` leads,
/// or from `/etc/timezone`.
pub(crate) fn machine_zone() -> Option<String> {
    let link = fs::canonicalize("/etc/localtime").or_else(|_| fs::read_link("/etc/localtime")).ok();
    zone_of(env::var("TZ").ok(), link, fs::read_to_string("/etc/timezone").ok())
}

fn zone_of(variable: Option<String>, localtime: Option<PathBuf>, timezone: Option<String>) -> Option<String> {
    let within = |path: &str| {
        let name = path.split_once("zoneinfo/").map_or(path, |(_, name)| name);
        name.strip_prefix("posix/").or(name.strip_prefix("right/")).unwrap_or(name).to_owned()
    };
    let variable = variable.map(|text| within(text.trim_start_matches(':')));
    let localtime = localtime.and_then(|path| path.to_str().map(within));
    let timezone = timezone.map(|text| text.trim().to_owned());
    let mut named = [variable, localtime, timezone].into_iter().flatten().filter(|name| !name.is_empty());
    named.find_map(|name| super::timezone(&name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variable: Option<&str>, localtime: Option<&str>, timezone: Option<&str>, zone: Option<&str>) {
        let found = zone_of(variable.map(str::to_owned), localtime.map(PathBuf::from), timezone.map(str::to_owned));
        assert_eq!(found.as_deref(), zone);
    }

    #[test]
    fn the_first_that_is_known_counts() {
        let paris = Some("/usr/share/zoneinfo/Europe/Paris");
        check(Some("Asia/Tokyo"), paris, Some("UTC\n"), Some("Asia/Tokyo"));
        check(Some(":/usr/share/zoneinfo/Asia/Tokyo"), None, None, Some("Asia/Tokyo"));
        check(Some(""), paris, Some("UTC\n"), Some("Europe/Paris"));
        check(Some("CET-1CEST"), Some("/usr/share/zoneinfo/posix/Europe/Paris"), None, Some("Europe/Paris"));
        check(None, Some("/etc/localtime"), Some("Europe/London\n"), Some("Europe/London"));
        check(None, None, Some("nowhere"), None);
        check(None, None, None, None);
    }
}

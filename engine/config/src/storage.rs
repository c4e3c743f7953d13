//! `[storage]`: the store and its size.

use std::path::PathBuf;

use crate::section::Section;

/// The section `[storage]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The store's file.
    pub path: PathBuf,
    /// The size of the logs of readings and decisions, in bytes. The oldest entries go first.
    pub keep: u64,
}

/// The smallest size, in bytes: less would not hold a day of trouble.
const LEAST: u64 = 1 << 20;

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Storage {
    pub(crate) fn read(mut section: Section<'_>) -> Storage {
        let path = section.file("path").unwrap_or_else(|| section.root().join("var/dag.redb"));
        let keep = section.get("keep").and_then(|text: String| section.check("keep", size(&text, LEAST)));
        section.finish();
        Storage { path, keep: keep.unwrap_or(64 << 20) }
    }
}

/// Parses a size as people write it, into bytes. `least` is the smallest that is accepted.
pub(crate) fn size(text: &str, least: u64) -> Result<u64, String> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (number, unit) = text.split_at_checked(text.len() - digits.len()).unwrap_or_default();
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim()).filter(|_| !number.is_empty());
    let (_, unit) = unit.ok_or_else(|| {
        format!("`{text}` is not a size: write a whole number and a unit, like `500 KiB`, `64 MiB` or `1 GiB`")
    })?;
    let bytes = number.parse().ok().and_then(|number: u64| number.checked_mul(*unit));
    let bytes = bytes.ok_or_else(|| format!("`{text}` is too large"))?;
    if bytes < least {
        let shown = UNITS.iter().rev().find(|(_, unit)| least.is_multiple_of(*unit));
        let shown = shown.map_or_else(|| format!("{least} bytes"), |(name, unit)| format!("{} {name}", least / unit));
        return Err(format!("`{text}` is too little: keep at least `{shown}`"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_bytes() {
        for (text, bytes) in [("1 MiB", 1 << 20), ("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("2048 KiB", 2 << 20)] {
            assert_eq!(size(text, LEAST), Ok(bytes), "{text}");
        }
        for text in ["", "64", "MiB", "-1 MiB", "1.5 GiB", "64 MB", "64 MiB more", "½ GiB"] {
            assert!(size(text, LEAST).is_err_and(|error| error.contains("is not a size")), "{text}");
        }
        assert_eq!(size("500 KiB", LEAST), Err("`500 KiB` is too little: keep at least `1 MiB`".into()));
        assert_eq!(size("63 KiB", 64 << 10), Err("`63 KiB` is too little: keep at least `64 KiB`".into()));
        for text in ["99999999999999 GiB", "99999999999999999999999 KiB"] {
            assert_eq!(size(text, LEAST), Err(format!("`{text}` is too large")));
        }
    }
}

//! The sources of rules.

use std::{collections::BTreeMap, path::Path};

use crate::{FactKind, Name};

/// The sources that rules are compiled from: the files of `rules/` and what the configuration adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The `*.toml` and `*.rhai` files, by their path from `rules/`, with their text. Others are left alone.
    pub files: BTreeMap<String, String>,
    /// The facts that devices declare beside the built-in ones.
    pub facts: BTreeMap<Name, FactKind>,
    /// There are devices that the configuration does not know. Then a name that nobody here declares is not a mistake
    /// but a digital input of one of those, which stays unknown here.
    pub other_devices: bool,
    /// The IANA name of the site's time zone, for devices and recipients without one of their own.
    pub timezone: Name,
    /// The groups that are told when the monitor itself is in trouble. Each must exist.
    pub operators: Vec<Name>,
}

impl Sources {
    /// Returns whether a file of `rules/` is one that the compiler reads: `*.toml` and `*.rhai` of the folder itself.
    pub fn is_rules_file(path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let top = path.parent().is_none_or(|parent| parent.as_os_str().is_empty());
        top && matches!(extension, Some("toml" | "rhai"))
    }
}

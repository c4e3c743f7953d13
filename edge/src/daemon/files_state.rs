//! How the files of the owner compare to the rules in force.

/// How `rules/` and `config.toml` compare to what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilesState {
    /// They are in force.
    InForce,
    /// They are in force, although scenarios fail: no rules are known that pass theirs, and a monitor that watches
    /// nothing is worse.
    Failing(String),
    /// They have problems, and the rules before them stay in force.
    Rejected(String),
}

impl FilesState {
    /// Returns the state of files that are in force.
    pub fn in_force(failing: Option<String>) -> FilesState {
        failing.map_or(FilesState::InForce, FilesState::Failing)
    }

    /// Returns the scenarios that fail by the rules in force.
    pub fn failing(&self) -> Option<&str> {
        match self {
            FilesState::Failing(text) => Some(text),
            FilesState::InForce | FilesState::Rejected(_) => None,
        }
    }

    /// Returns the problems of files that are not in force.
    pub fn rejected(&self) -> Option<&str> {
        match self {
            FilesState::Rejected(text) => Some(text),
            FilesState::InForce | FilesState::Failing(_) => None,
        }
    }
}

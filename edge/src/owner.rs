//! The owner of the monitor's folder, where that is not the user root who runs a command.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The place of the unit that is shipped, `dag.service`.
pub(crate) const SERVICE_FOLDER: &str = "/var/lib/dag";

/// Root would make files that their owner cannot read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` belongs to another user (id {owner}), who could not read what root makes there, so nothing was started: \
     start the service with `sudo systemctl enable --now dag`, or run this as that user, with `sudo -u '#{owner}'`",
    .place.display()
)]
pub(crate) struct ForeignFolder {
    /// What belongs to somebody else.
    place: PathBuf,
    /// The id of its owner.
    owner: u32,
}

/// Checks that this user may make files for the store at `path`: root may only where the store, or else the folder that
/// it goes to, is root's.
///
/// # Errors
/// The user is root, and it belongs to somebody else.
pub(crate) fn check_owner(path: &Path) -> Result<(), ForeignFolder> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|place| Some((place, fs::metadata(place).ok()?.uid())));
    match found {
        Some((place, owner)) if owner != 0 => Err(ForeignFolder { place: place.to_owned(), owner }),
        _ => Ok(()),
    }
}

/// Returns whether the user is root, and `folder` belongs to somebody else.
pub(crate) fn is_foreign(folder: &Path) -> bool {
    check_owner(folder).is_err()
}

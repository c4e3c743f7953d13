//! Replaces a file of the user's at once: a reader sees the old text or the new one, and never a part.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, fchown},
    path::Path,
};

/// Replaces the text of a file that was read as `old`. The file keeps its permissions, and where this process may give
/// it away its owner. A symbolic link keeps its place, and the file that it names is replaced.
///
/// # Errors
/// The file is not `old` any more, or the new text cannot be written beside it. Then the file is as it was.
pub(super) fn replace_file(path: &Path, old: &str, new: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Hidden, so that a daemon that watches the folder does not read it.
    let temporary = path.with_file_name(format!(".{name}.dag-{}", std::process::id()));
    let written = write(&path, &temporary, old, new);
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write(path: &Path, temporary: &Path, old: &str, new: &str) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.write_all(new.as_bytes())?;
    file.set_permissions(metadata.permissions())?;
    keep_owner(&file, &metadata);
    file.sync_all()?;
    // As late as possible: an editor may have saved the file meanwhile.
    if fs::read(path)? != old.as_bytes() {
        return Err(io::Error::other("it was changed while the scenarios were played: run this again"));
    }
    fs::rename(temporary, path)
}

/// Gives the file the owner and the group of the old one. Only root may do so, and others seldom have to.
fn keep_owner(file: &File, old: &fs::Metadata) {
    let _ = fchown(file, Some(old.uid()), Some(old.gid()));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

    use std::{fs, os::unix::fs::PermissionsExt};

    use super::replace_file;

    #[test]
    fn a_link_stays_and_permissions_too() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.toml"), folder.path().join("link.toml"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a.toml", &link).unwrap();
        replace_file(&link, "old", "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_file_that_was_saved_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "saved meanwhile").unwrap();
        let error = replace_file(&file, "old", "new").unwrap_err().to_string();
        assert_eq!(error, "it was changed while the scenarios were played: run this again");
        assert_eq!(fs::read_to_string(&file).unwrap(), "saved meanwhile");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// The temporary file is never written over another.
    #[test]
    fn a_file_that_cannot_be_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "old").unwrap();
        fs::create_dir(folder.path().join(format!(".a.toml.dag-{}", std::process::id()))).unwrap();
        assert!(replace_file(&file, "old", "new").is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    }
}

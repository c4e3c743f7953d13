//! Files that are written atomically, and with the rights that secrets need.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};

/// The readers of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody may read it.
    Open,
    /// Its owner alone may read it.
    Secret,
}

impl Access {
    pub fn mode(self) -> u32 {
        match self {
            Access::Open => 0o644,
            Access::Secret => 0o600,
        }
    }
}

/// Writes a file of a bundle, durably. Returns whether that changed anything.
///
/// # Errors
/// The folder cannot be written to.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<bool> {
    put(path, bytes, access).map_err(|error| write_error(path, &error))
}

/// Returns the error of a path in a bundle that cannot be written, with advice.
pub(super) fn write_error(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("`{}` cannot be written ({error}): name a folder of your own with `--out DIR`", path.display())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file, durably. Missing folders are made for their owner alone, because keys are in them. Returns whether
/// that changed anything.
pub(super) fn put(path: &Path, bytes: &[u8], access: Access) -> io::Result<bool> {
    let here = fs::read(path);
    if here.is_ok_and(|here| here == bytes) {
        if access == Access::Secret {
            restrict(path)?;
        }
        return Ok(false);
    }
    let folder = folder(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(access.mode()).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    move_file(&new, path)?;
    Ok(true)
}

/// Lets only the owner read a file. A file system without rights, like the boot partition of a Pi, refuses that, which
/// is ignored.
fn restrict(path: &Path) -> io::Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(Access::Secret.mode())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Moves a file, durably. It replaces a file at the new path.
pub(super) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(folder(to))?.sync_all()
}

/// Moves a file to a free name beside it: `device.key` becomes `device.key.old`. It is used instead of a deletion,
/// because somebody may still need the file.
///
/// # Errors
/// The folder cannot be written to.
pub(super) fn set_aside(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let old = |number: u16| match number {
        1 => path.with_file_name(format!("{name}.old")),
        _ => path.with_file_name(format!("{name}.old-{number}")),
    };
    let free = (1..=u16::MAX).map(old).find(|old| fs::symlink_metadata(old).is_err());
    let free = free.with_context(|| format!("too many files lie beside `{}`: remove old ones", path.display()))?;
    move_file(path, &free).map_err(|error| write_error(path, &error))
}

/// Returns a file's text, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_rights_cannot_be_changed_may_stay_as_it_is() {
        // A file of /proc refuses a change of its rights, as one on FAT does.
        let path = Path::new("/proc/self/comm");
        let bytes = fs::read(path).unwrap();
        assert_eq!(fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap_err().raw_os_error(), Some(1));
        assert!(!put(path, &bytes, Access::Secret).unwrap());
    }

    #[test]
    fn what_is_set_aside_is_never_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        for text in ["first", "second", "third"] {
            fs::write(&path, text).unwrap();
            set_aside(&path).unwrap();
        }
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(["device.key.old", "device.key.old-2", "device.key.old-3"].map(text), ["first", "second", "third"]);
        assert!(!path.exists());
    }
}

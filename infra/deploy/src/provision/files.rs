//! Files that are whole or not there, and that nobody else reads where they are secret.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Its owner.
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

/// Writes a file, durably. Answers whether that changed anything.
///
/// # Errors
/// The folder cannot be written to.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access) -> Result<bool> {
    put(path, bytes, access).map_err(|error| unwritten(path, &error))
}

/// What to do about a path that cannot be written.
pub(super) fn unwritten(path: &Path, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("`{}` cannot be written ({error}): name a folder of your own with `--out DIR`", path.display())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn put(path: &Path, bytes: &[u8], access: Access) -> io::Result<bool> {
    let here = fs::read(path);
    if here.is_ok_and(|here| here == bytes) {
        if access == Access::Secret {
            fs::set_permissions(path, Permissions::from_mode(access.mode()))?;
        }
        return Ok(false);
    }
    let folder = folder(path);
    fs::create_dir_all(folder)?;
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

/// Puts a file in the place of another, durably.
pub(super) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(folder(to))?.sync_all()
}

/// A file's text; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    }
}

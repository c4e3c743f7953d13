//! Restoring a backup into a folder that has no monitor.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use dag_config::Config;
use dag_engine::{Name, Time};

use super::{
    archive::{self, ArchiveError, Entry},
    contents::{LARGEST_FILE, is_of_rules},
    manifest::{CONFIG, FORMAT, FileRecord, Hashing, MANIFEST, Manifest, STORE},
};
use crate::{
    new_files::{NewFiles, NewFilesError},
    store,
};

/// The most files in a backup: those of `rules/`, and three more.
const MOST_FILES: usize = 1_003;

/// A monitor that was restored.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The device, if the backup names it.
    pub device: Option<Name>,
    /// When the backup was made.
    pub made_at: Time,
    /// The version that made it.
    pub version: String,
    /// The number of its files.
    pub files: usize,
    /// Where the store is now.
    pub store: PathBuf,
    /// The problems of its `config.toml`. They were there when the backup was made.
    pub problems: Option<String>,
}

/// The reason why nothing was restored. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The folder has a monitor already.
    #[error(
        "{} there already, and a restore overwrites nothing: name another folder, or stop the daemon and move away \
         what is there",
        are(.0)
    )]
    InTheWay(Vec<PathBuf>),
    /// The backup cannot be opened.
    #[error("`{}` cannot be read: {}", .0.display(), .1)]
    Unread(PathBuf, io::Error),
    /// The backup is refused.
    #[error("`{}` cannot be restored: {}", .0.display(), .1)]
    Refused(PathBuf, BackupError),
    /// The files cannot be made.
    #[error(transparent)]
    Unwritten(#[from] NewFilesError),
}

/// The reason why a file is not a good backup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The archive as such cannot be read.
    #[error("{0}: take another copy of the backup")]
    Archive(String),
    /// It has a file that no backup has.
    #[error("it holds `{0}`, and no backup of detectordag does")]
    Foreign(String),
    /// It lacks a file.
    #[error("it has no `{0}`: take another copy of the backup")]
    Missing(String),
    /// A file is not the one that was written.
    #[error("`{0}` in it was changed since the backup was made: take another copy of the backup")]
    Changed(String),
    /// A later version made it.
    #[error(
        "it was made by a newer version of detectordag ({0}, and this is {version}): install that version first",
        version = env!("CARGO_PKG_VERSION")
    )]
    Newer(String),
    /// The store in it is refused.
    #[error("its store is refused: {0}")]
    Store(String),
    /// A file of it cannot be written.
    #[error("{0}")]
    Unwritten(NewFilesError),
}

fn are(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    match names.as_slice() {
        [one] => format!("{one} is"),
        names => format!("{} are", names.join(", ")),
    }
}

/// Restores the backup at `path` into `folder`, which is made if there is none. `overrides` are values over those of
/// its configuration, which may put the store elsewhere.
///
/// The store gets an identity of its own. [`store::adopt_copy`] says why.
///
/// # Errors
/// The cases of [`RestoreError`].
pub(crate) fn restore(path: &Path, folder: &Path, overrides: &[(String, String)]) -> Result<Restored, RestoreError> {
    let in_the_way = |places: &[PathBuf]| {
        let there = places.iter().filter(|place| place.symlink_metadata().is_ok());
        let there: Vec<PathBuf> = there.cloned().collect();
        if there.is_empty() { Ok(()) } else { Err(RestoreError::InTheWay(there)) }
    };
    let (config, rules) = (folder.join(CONFIG), folder.join("rules"));
    let usual_store = folder.join("var/dag.redb");
    in_the_way(&[config.clone(), rules.clone(), usual_store.clone()])?;
    let refused = |error: BackupError| match error {
        BackupError::Unwritten(error) => RestoreError::Unwritten(error),
        error => RestoreError::Refused(path.to_owned(), error),
    };
    let unread = |error| RestoreError::Unread(path.to_owned(), error);
    // Opening a pipe could wait for ever.
    if !path.metadata().map_err(unread)?.is_file() {
        return Err(unread(io::Error::other("it is not a file")));
    }
    let archive = BufReader::new(File::open(path).map_err(unread)?);
    let new = NewFiles::new(folder)?;
    let manifest = unpack(archive, |entry| {
        let file = new.create(&entry.name, entry.mode & 0o777).map_err(BackupError::Unwritten)?;
        Ok(Box::new(file) as Box<dyn Write>)
    });
    let manifest = manifest.map_err(refused)?;
    let staged = new.staged(STORE);
    store::adopt_copy(&staged).map_err(|error| {
        refused(BackupError::Store(error.to_string().replace(&staged.display().to_string(), STORE)))
    })?;
    let loaded = Config::load(&new.staged(CONFIG), overrides);
    let (store, problems) = match loaded {
        // Where a path of the file leads from the folder in which the file is to be.
        Ok(config) => match config.storage.path.strip_prefix(&config.root) {
            Ok(below) => (folder.join(below), None),
            Err(_) => (config.storage.path, None),
        },
        Err(problems) => (usual_store, Some(problems.to_string())),
    };
    in_the_way(std::slice::from_ref(&store))?;
    let has_rules = manifest.files.keys().any(|name| name.starts_with("rules/"));
    let mut moves = vec![(STORE, store.clone()), (CONFIG, config)];
    if has_rules {
        moves.insert(0, ("rules", rules));
    }
    new.place(&moves)?;
    let Manifest { version, device, made_at, files, .. } = manifest;
    Ok(Restored { device, made_at, version, files: files.len(), store, problems })
}

/// Reads a backup to its end.
///
/// # Errors
/// It is not a good backup.
pub(super) fn verify(archive: impl Read) -> Result<Manifest, BackupError> {
    unpack(archive, |_| Ok(Box::new(io::sink())))
}

/// Reads a backup, and writes each file but the manifest to what `open` returns for it.
fn unpack(
    archive: impl Read,
    mut open: impl FnMut(&Entry) -> Result<Box<dyn Write>, BackupError>,
) -> Result<Manifest, BackupError> {
    let unread = |error: ArchiveError| BackupError::Archive(error.to_string());
    let mut archive = tar::Archive::new(archive);
    let mut found: BTreeMap<String, FileRecord> = BTreeMap::new();
    for file in archive::files(&mut archive).map_err(unread)? {
        let mut file = file.map_err(unread)?;
        let entry = file.entry.clone();
        if entry.name == MANIFEST {
            if entry.bytes > LARGEST_FILE {
                return Err(BackupError::Foreign(entry.name));
            }
            let mut json = Vec::new();
            file.copy(&mut json).map_err(unread)?;
            // What else there may be is not looked at.
            return compare(&json, &found);
        }
        let is_small = entry.bytes <= LARGEST_FILE;
        let is_known = entry.name == STORE || ((entry.name == CONFIG || is_of_rules(&entry.name)) && is_small);
        if !is_known || found.contains_key(&entry.name) || found.len() >= MOST_FILES {
            return Err(BackupError::Foreign(entry.name));
        }
        let mut to = Hashing::new(open(&entry)?);
        file.copy(&mut to).map_err(|error| match error {
            ArchiveError::Unreadable(error) if error.kind() == io::ErrorKind::StorageFull => {
                BackupError::Unwritten(NewFilesError::of(Path::new(&entry.name), error))
            }
            error => unread(error),
        })?;
        found.insert(entry.name, to.finish());
    }
    Err(BackupError::Missing(MANIFEST.to_owned()))
}

/// Compares the files that were found with those of the manifest.
fn compare(json: &[u8], found: &BTreeMap<String, FileRecord>) -> Result<Manifest, BackupError> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
        version: String,
    }
    let unreadable = |_| BackupError::Changed(MANIFEST.to_owned());
    // A newer manifest may have other fields.
    let Version { format, version } = serde_json::from_slice(json).map_err(unreadable)?;
    if format > FORMAT {
        return Err(BackupError::Newer(version));
    }
    let manifest: Manifest = serde_json::from_slice(json).map_err(unreadable)?;
    if manifest.store_format > store::newest_format() {
        return Err(BackupError::Newer(version));
    }
    let needed = [CONFIG, STORE].map(str::to_owned);
    let mut wanted = manifest.files.keys().chain(&needed);
    if let Some(missing) = wanted.find(|name| !found.contains_key(*name)) {
        return Err(BackupError::Missing(missing.clone()));
    }
    let changed = found.iter().find(|(name, record)| manifest.files.get(*name) != Some(record));
    match changed {
        Some((name, _)) => Err(BackupError::Changed(name.clone())),
        None => Ok(manifest),
    }
}

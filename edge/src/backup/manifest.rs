//! The manifest of a backup.

use std::collections::BTreeMap;

use dag_engine::{Name, Time};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// The format of backups that this version makes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// The name of the manifest in the archive. It is the last file.
pub(super) const MANIFEST: &str = "manifest.json";
/// The name of the configuration.
pub(super) const CONFIG: &str = "config.toml";
/// The name of the store.
pub(super) const STORE: &str = "store/dag.redb";

/// The record of a backup about itself. Later versions may add fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The format of the backup.
    pub format: u32,
    /// The version of detectordag that made it.
    pub version: String,
    /// The format of the store in it.
    pub store_format: u32,
    /// The device. `None` where nobody said which of several it is.
    pub device: Option<Name>,
    /// When it was made.
    pub made_at: Time,
    /// All other files of the archive.
    pub files: BTreeMap<String, FileRecord>,
}

/// The size and the hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 in hex.
    pub sha256: String,
}

/// Counts and hashes what passes through it, in either direction.
pub(super) struct Hashing<T> {
    inner: T,
    bytes: u64,
    hash: Context,
}

impl<T> Hashing<T> {
    pub(super) fn new(inner: T) -> Hashing<T> {
        Hashing { inner, bytes: 0, hash: Context::new(&SHA256) }
    }

    /// Returns the record of what has passed.
    pub(super) fn finish(self) -> FileRecord {
        let hash = self.hash.finish();
        let sha256 = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        FileRecord { bytes: self.bytes, sha256 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }
}

impl<R: std::io::Read> std::io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.add(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<W: std::io::Write> std::io::Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.add(buffer.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

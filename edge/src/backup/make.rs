//! Making a backup.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use dag_engine::{Name, Time};

use super::{
    archive::{Entry, Writer},
    contents::{Content, LARGEST_FILE, LeftOut, contents},
    manifest::{FORMAT, Hashing, MANIFEST, Manifest, STORE},
    restore,
};
use crate::{
    daemon::StoreCopy,
    new_files::{hidden_name, move_to_new, sync_folder},
    store::{CopyError, copy_stored},
};

/// Where the store comes from.
#[derive(Debug)]
pub(crate) enum StoreFrom {
    /// From the daemon that runs with it.
    Daemon(StoreCopy),
    /// From the file, which no daemon uses, and the device if it is known.
    File(PathBuf, Option<Name>),
}

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of its files.
    pub files: usize,
    /// The device that it is of.
    pub device: Option<Name>,
    /// The files of `rules/` that are not in it.
    pub left_out: Vec<LeftOut>,
}

/// The reason why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// The name is in use.
    #[error("`{}` is there already, and nothing is overwritten: name another file", .0.display())]
    InTheWay(PathBuf),
    /// There is no room for it.
    #[error(
        "the disk of `{}` is full, so there is no backup, and nothing is left of it: free some space, or name a file \
         on another disk. The monitor itself is as it was",
        .0.display()
    )]
    Full(PathBuf),
    /// It cannot be written.
    #[error("the backup `{}` cannot be written: {}", .0.display(), .1)]
    Unwritten(PathBuf, io::Error),
    /// A file of the monitor cannot be read.
    #[error("`{}` cannot be read, so there is no backup: {}", .0.display(), .1)]
    Unread(PathBuf, io::Error),
    /// The store cannot be copied.
    #[error("{0}")]
    Store(String),
    /// What was written cannot be read.
    #[error("what was written is not what is read back ({0}), so there is no backup: check the disk of `{path}`", path = .1.display())]
    Damaged(String, PathBuf),
}

/// Makes a backup at `path` of the monitor with the configuration `config`.
///
/// # Errors
/// The cases of [`MakeError`].
pub(crate) fn make(path: &Path, config: &Path, store: StoreFrom, now: Time) -> Result<Made, MakeError> {
    if path.symlink_metadata().is_ok() {
        return Err(MakeError::InTheWay(path.to_owned()));
    }
    let unfinished = Unfinished::new(path)?;
    let (files, left_out) = contents(config).map_err(|(path, error)| MakeError::Unread(path, error))?;
    let (device, count) = unfinished.fill(&files, store, now)?;
    let bytes = unfinished.check()?;
    unfinished.finish()?;
    Ok(Made { bytes, files: count, device, left_out })
}

/// A backup that does not have its name yet. Its file is removed when it is dropped.
struct Unfinished<'a> {
    path: &'a Path,
    hidden: PathBuf,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.hidden);
    }
}

/// A store that is ready to be read into an archive.
struct OpenStore {
    content: Box<dyn Read>,
    entry: Entry,
    device: Option<Name>,
    /// The format of the store.
    format: u32,
}

impl<'a> Unfinished<'a> {
    fn new(path: &'a Path) -> Result<Unfinished<'a>, MakeError> {
        let Some(name) = path.file_name() else {
            return Err(MakeError::Unwritten(path.to_owned(), io::Error::other("this is not the name of a file")));
        };
        let mut hidden = std::ffi::OsString::from(hidden_name("backup"));
        hidden.push("-");
        hidden.push(name);
        Ok(Unfinished { path, hidden: path.with_file_name(hidden) })
    }

    fn failed(&self, error: io::Error) -> MakeError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                MakeError::Full(self.path.to_owned())
            }
            _ => MakeError::Unwritten(self.path.to_owned(), error),
        }
    }

    fn create(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&self.hidden)
    }

    /// Writes the archive, and returns the device and the number of files.
    fn fill(&self, files: &[Content], store: StoreFrom, now: Time) -> Result<(Option<Name>, usize), MakeError> {
        let failed = |error| self.failed(error);
        let OpenStore { mut content, entry, device, format: store_format } = self.open_store(store)?;
        let seconds = u64::try_from(now.as_millis() / 1_000).unwrap_or_default();
        let mut archive = Writer::new(BufWriter::new(self.create().map_err(failed)?), seconds);
        let mut manifest = Manifest {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store_format,
            device,
            made_at: now,
            files: Default::default(),
        };
        for Content { name, path, mode, .. } in files {
            // Read at once: the file may be edited meanwhile, and its size comes first.
            let mut content = Vec::new();
            let read = File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut content));
            read.map_err(|error| MakeError::Unread(path.clone(), error))?;
            let entry = Entry { name: name.clone(), mode: *mode, bytes: content.len() as u64 };
            let mut content = Hashing::new(content.as_slice());
            archive.append(&entry, &mut content).map_err(failed)?;
            manifest.files.insert(name.clone(), content.finish());
        }
        let mut content = Hashing::new(&mut content);
        archive.append(&entry, &mut content).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => MakeError::Store(
                "the daemon ended while it sent its store, so there is no backup: try again".to_owned(),
            ),
            _ => self.failed(error),
        })?;
        manifest.files.insert(STORE.to_owned(), content.finish());
        let json = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
        let entry = Entry { name: MANIFEST.to_owned(), mode: 0o600, bytes: json.len() as u64 };
        archive.append(&entry, &mut json.as_slice()).map_err(failed)?;
        let file = archive.finish().and_then(|buffer| buffer.into_inner().map_err(|error| error.into_error()));
        file.and_then(|file| file.sync_all()).map_err(failed)?;
        Ok((manifest.device, manifest.files.len()))
    }

    fn open_store(&self, store: StoreFrom) -> Result<OpenStore, MakeError> {
        let entry = |bytes| Entry { name: STORE.to_owned(), mode: 0o600, bytes };
        match store {
            StoreFrom::Daemon(copy) => {
                let (bytes, device, format) = (copy.bytes, copy.device.clone(), copy.store_format);
                Ok(OpenStore { content: Box::new(copy), entry: entry(bytes), device: Some(device), format })
            }
            StoreFrom::File(path, device) => {
                let mut file = self.create().map_err(|error| self.failed(error))?;
                // It needs its name no longer, and is gone when it is closed.
                fs::remove_file(&self.hidden).map_err(|error| self.failed(error))?;
                let format = copy_stored(&path, &file).map_err(|error| match error {
                    CopyError::Copy(error) => self.failed(error),
                    CopyError::Store(error) => MakeError::Store(error.to_string()),
                })?;
                let rewound = file.flush().and_then(|()| file.rewind()).and_then(|()| file.metadata());
                let bytes = rewound.map_err(|error| self.failed(error))?.len();
                Ok(OpenStore { content: Box::new(file), entry: entry(bytes), device, format })
            }
        }
    }

    /// Reads the archive back, and returns its size.
    fn check(&self) -> Result<u64, MakeError> {
        let damaged = |error: String| MakeError::Damaged(error, self.path.to_owned());
        let file = File::open(&self.hidden).map_err(|error| damaged(error.to_string()))?;
        let bytes = file.metadata().map_err(|error| damaged(error.to_string()))?.len();
        restore::verify(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
        Ok(bytes)
    }

    /// Gives the archive its name.
    fn finish(self) -> Result<(), MakeError> {
        move_to_new(&self.hidden, self.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MakeError::InTheWay(self.path.to_owned()),
            _ => self.failed(error),
        })?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(folder).map_err(|error| self.failed(error))
    }
}

//! Copies of the store over the control socket, for `dag backup`. The daemon has the store's lock, so that nobody else
//! can read it.
//!
//! The copy is made beside the loop, in a file without a name beside the store: nothing is left of it when the daemon is
//! killed. It crosses the socket, so that whoever asks needs no rights to the daemon's folder, and the daemon none to
//! the place of the backup.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::store::{CopyError, Store};

/// The longest wait for a client to read on. It writes to its disk meanwhile, which may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The space that a copy leaves free on the store's disk, in bytes: a backup must not stop the daemon.
const SPARE: u64 = 4 << 20;

/// Makes copies of the store, one at a time.
#[derive(Debug)]
pub(super) struct Copies {
    store: Arc<Store>,
    /// The name that the file of a copy has before it loses it. The folder is the store's.
    path: PathBuf,
    one: Arc<Semaphore>,
}

/// A copy in a file without a name.
#[derive(Debug)]
pub(super) struct FinishedCopy {
    file: File,
    /// Its size.
    pub bytes: u64,
    _one: OwnedSemaphorePermit,
}

impl Copies {
    /// Returns the maker of copies of `store`. The control socket at `socket` stands beside it.
    pub(super) fn new(store: Arc<Store>, socket: &Path) -> Copies {
        Copies { store, path: socket.with_extension("copy"), one: Arc::new(Semaphore::new(1)) }
    }

    /// Makes a copy, or returns a sentence that says why there is none.
    pub(super) async fn make(&self) -> Result<FinishedCopy, String> {
        let Ok(one) = Arc::clone(&self.one).try_acquire_owned() else {
            return Err("another backup is being made: try again when it is done".to_owned());
        };
        let (store, path) = (Arc::clone(&self.store), self.path.clone());
        let made = tokio::task::spawn_blocking(move || copy(&store, &path)).await;
        let made = made.unwrap_or_else(|error| Err(format!("the copy was cut short: {error}")));
        made.map(|(file, bytes)| FinishedCopy { file, bytes, _one: one })
    }
}

impl FinishedCopy {
    /// Sends the whole file.
    pub(super) async fn send(self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut file = tokio::fs::File::from_std(self.file).take(self.bytes);
        let mut chunk = vec![0; 64 << 10];
        loop {
            let read = file.read(&mut chunk).await?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            timeout(PATIENCE, to.write_all(bytes)).await??;
        }
    }
}

fn copy(store: &Store, path: &Path) -> Result<(File, u64), String> {
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => no_room(path, 0),
        _ => format!("no copy of the store can be made in {}: {error}", folder(path).display()),
    };
    let needed = store.file_size().map_err(|error| error.to_string())?.saturating_add(SPARE);
    if free_space(path).is_some_and(|free| free < needed) {
        return Err(no_room(path, needed));
    }
    let mut file = nameless(path).map_err(cannot)?;
    match store.copy_to(&file) {
        Ok(()) => {}
        Err(CopyError::Copy(error)) => return Err(cannot(error)),
        Err(CopyError::Store(error)) => return Err(format!("{error}; try the backup again")),
    }
    file.rewind().map_err(cannot)?;
    let bytes = file.metadata().map_err(cannot)?.len();
    Ok((file, bytes))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn no_room(path: &Path, needed: u64) -> String {
    let needed = if needed > 0 { format!("{} KiB", needed.div_ceil(1024)) } else { "more room".to_owned() };
    format!(
        "the disk of {} has no room for a copy of the store: a backup needs {needed} there for a moment. Free some \
         space, or stop the daemon and make the backup then",
        folder(path).display()
    )
}

/// Makes a file and removes its name. It is gone when it is closed.
fn nameless(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// Returns the free space of the disk of `path` in bytes, where the system says.
fn free_space(path: &Path) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return rustix::fs::statvfs(folder(path)).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(target_os = "linux"))]
    return None;
}

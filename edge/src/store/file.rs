//! Opening and making the file. A new file is made whole or not at all. An existing one is checked as a whole before
//! anything in it is changed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use dag_engine::Id;
use redb::{Builder, Database, Durability, ReadableDatabase, TableError};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{
    error::{StoreError, TransactionError},
    meta::{self, FORMAT, META, META_KEY, Meta},
    migrations,
    staging::StagedFile,
    tables,
};

/// The size of redb's cache in bytes. The daemon has 10 MB in all, and a step touches some twenty pages of 4 KiB.
const CACHE_BYTES: usize = 512 * 1024;

/// The first bytes of a redb file (redb, `docs/design.md`).
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// The offsets of the version of redb's file format in the two commit slots.
const REDB_VERSIONS: [usize; 2] = [64, 192];
/// The newest version of it that the redb of this version reads.
const REDB_FORMAT: u8 = 3;
/// The length of the header in bytes.
const REDB_HEADER: u64 = 320;

/// Opens the store, or makes it where there is none. Returns also the format that it had.
pub(super) fn open_or_create(path: &Path) -> Result<(Database, u32), StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(StoreError::Folder(path.to_owned())),
        // A device or a pipe must not be read.
        Ok(found) if !found.is_file() => Err(StoreError::NotAStore(path.to_owned())),
        Ok(_) => open(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(StoreError::disk(path, error)),
    }
}

/// Opens a store that exists, and migrates it to the present format. Returns also the format that it had. A file that
/// is refused is unchanged.
pub(super) fn open(path: &Path) -> Result<(Database, u32), StoreError> {
    let (database, staged, found) = open_staged(path)?;
    staged.approve().map_err(|error| StoreError::disk(path, error))?;
    migrations::run(&database, found).map_err(|error| error.at(path))?;
    Ok((database, found))
}

/// Opens a store that exists, for reading alone. The file is never changed: what redb would write stays in memory.
/// Returns also the format of the store.
pub(super) fn open_unchanged(path: &Path) -> Result<(Database, u32), StoreError> {
    let (database, _, found) = open_staged(path)?;
    Ok((database, found))
}

/// Opens a store that exists, and leaves it in the format that it has.
pub(super) fn open_unmigrated(path: &Path) -> Result<Database, StoreError> {
    let (database, staged, _) = open_staged(path)?;
    staged.approve().map_err(|error| StoreError::disk(path, error))?;
    Ok(database)
}

/// Opens a store that exists. Nothing is written to the file before its approval.
///
/// Every page is checked against its checksum first. redb trusts what it reads later, and a flipped bit must not end
/// the daemon.
fn open_staged(path: &Path) -> Result<(Database, StagedFile, u32), StoreError> {
    let disk = |error| StoreError::disk(path, error);
    let at_path = |error: TransactionError| error.at(path);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(disk)?;
    check_header(&mut file, path)?;
    let staged = StagedFile::new(file).map_err(|error| at_path(error.into()))?;
    let database = builder().set_check_integrity_on_open(true).create_with_backend(staged.clone());
    let database = database.map_err(|error| at_path(error.into()))?;
    let found = check_format(&database, path)?;
    Ok((database, staged, found))
}

/// Makes a new store beside its place, and moves it there when it is whole. So a file that is empty or cut short is
/// always one that has lost something.
fn create(path: &Path) -> Result<(Database, u32), StoreError> {
    let disk = |error| StoreError::disk(path, error);
    let at_path = |error: TransactionError| error.at(path);
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(disk)?;
    let unfinished = unfinished_path(path);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&unfinished);
    let staged = StagedFile::empty(file.map_err(disk)?).map_err(|error| at_path(error.into()))?;
    // Locks the file. Of two daemons that start at the same time, one fails here.
    let database = builder().create_with_backend(staged.clone()).map_err(|error| at_path(error.into()))?;
    if path.exists() {
        // Another daemon has made the store just before.
        let _ = fs::remove_file(&unfinished);
        drop(database);
        return open(path);
    }
    let made = fill(&database).map_err(at_path).and_then(|()| {
        staged.approve().map_err(disk)?;
        fs::rename(&unfinished, path).map_err(disk)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk)
    });
    if let Err(error) = made {
        // It has no content yet. Where it cannot be removed, the next start overwrites it.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok((database, FORMAT))
}

/// Returns the path at which a new store is made.
fn unfinished_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn fill(database: &Database) -> Result<(), TransactionError> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    tables::create(&transaction, incarnation()?)?;
    Ok(transaction.commit()?)
}

/// Returns a random identity, which no other store has.
pub(super) fn incarnation() -> Result<Id, TransactionError> {
    let mut random = [0; 16];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| redb::Error::Io(io::Error::other("the system gives no random numbers")))?;
    Ok(Id::of(&[&random]))
}

/// Tells other files, and files of a newer redb, from a damaged store.
fn check_header(file: &mut File, path: &Path) -> Result<(), StoreError> {
    let mut header = Vec::new();
    file.take(REDB_HEADER).read_to_end(&mut header).map_err(|error| StoreError::disk(path, error))?;
    if header.is_empty() {
        return Err(StoreError::Empty(path.to_owned()));
    }
    if !header.starts_with(MAGIC) && !MAGIC.starts_with(&header) {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    if header.len() as u64 != REDB_HEADER {
        let problem = format!("it ends after {} bytes", header.len());
        return Err(StoreError::Damaged { path: path.to_owned(), problem });
    }
    let formats = REDB_VERSIONS.map(|at| header.get(at).copied().unwrap_or_default());
    match formats.into_iter().min() {
        // One slot alone with a newer version is damaged.
        Some(found) if found > REDB_FORMAT => {
            Err(StoreError::NewerDatabase { path: path.to_owned(), found, known: REDB_FORMAT })
        }
        _ => Ok(()),
    }
}

/// Refuses a redb file of another program, and a store of a later version of this one. Returns the store's format.
fn check_format(database: &Database, path: &Path) -> Result<u32, StoreError> {
    let at_path = |error: TransactionError| error.at(path);
    let foreign = || StoreError::NotAStore(path.to_owned());
    let reading = database.begin_read().map_err(|error| at_path(error.into()))?;
    let table = reading.open_table(META).map_err(|error| match error {
        TableError::Storage(error) => at_path(error.into()),
        _ => foreign(),
    })?;
    let record = table.get(META_KEY).map_err(|error| at_path(error.into()))?.ok_or_else(foreign)?;
    let found = meta::format_of(record.value()).map_err(at_path)?;
    if found > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    Meta::parse(record.value()).map_err(at_path)?;
    Ok(found)
}

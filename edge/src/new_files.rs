//! Files that are made whole or not at all, and never in the place of others.
//!
//! They are written to a hidden folder first, and moved when all of them are there and good. A move that finds something
//! in its place ends, and what was moved before is taken back. A place on another file system gets a copy, which has a
//! hidden name until it is whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The reason why files were not made. Nothing is left of them then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewFilesError {
    /// Something stands where a file should be.
    #[error("`{}` is there already, and nothing is overwritten", .0.display())]
    InTheWay(PathBuf),
    /// The disk is full.
    #[error("`{}` cannot be made: the disk is full. Nothing is left of it; free some space there", .0.display())]
    Full(PathBuf),
    /// This user may not write there.
    #[error("`{}` cannot be made by this user: choose another folder, or run this as the folder's owner", .0.display())]
    Denied(PathBuf),
    /// Any other failure.
    #[error("`{}` cannot be made: {}", .0.display(), .1)]
    Other(PathBuf, io::Error),
}

impl NewFilesError {
    /// Returns the variant for a failure at `path`.
    pub(crate) fn of(path: &Path, error: io::Error) -> NewFilesError {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => NewFilesError::InTheWay(path),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                NewFilesError::Full(path)
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => NewFilesError::Denied(path),
            _ => NewFilesError::Other(path, error),
        }
    }
}

/// New files on their way into a folder. Dropped before [`NewFiles::place`], nothing is left of them.
#[derive(Debug)]
pub(crate) struct NewFiles {
    folder: PathBuf,
    staging: PathBuf,
    /// The folders that were made on the way, outermost first. They are removed if nothing gets into them.
    made: Vec<PathBuf>,
}

impl NewFiles {
    /// Prepares new files in `folder`, which is made if there is none.
    ///
    /// # Errors
    /// `folder` is no folder, or cannot be made or written.
    pub(crate) fn new(folder: &Path) -> Result<NewFiles, NewFilesError> {
        let mut files =
            NewFiles { folder: folder.to_owned(), staging: folder.join(hidden_name("new")), made: Vec::new() };
        for level in absent(folder) {
            fs::create_dir(&level).map_err(|error| NewFilesError::of(&level, error))?;
            files.made.push(level);
        }
        // A killed program may have left one of the same process id.
        let _ = fs::remove_dir_all(&files.staging);
        let staging = DirBuilder::new().mode(0o700).create(&files.staging);
        staging.map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => NewFilesError::InTheWay(folder.to_owned()),
            _ => NewFilesError::of(folder, error),
        })?;
        Ok(files)
    }

    /// Returns where the file with the path `name` is until it is moved.
    pub(crate) fn staged(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }

    /// Makes the file with the path `name`, and the folders above it, for writing.
    ///
    /// # Errors
    /// Failures of the disk; `name` was made before.
    pub(crate) fn create(&self, name: &str, mode: u32) -> Result<File, NewFilesError> {
        let (path, shown) = (self.staged(name), self.folder.join(name));
        let create = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path)
        };
        create().map_err(|error| NewFilesError::of(&shown, error))
    }

    /// Makes the file with the path `name` and this content.
    ///
    /// # Errors
    /// As for [`NewFiles::create`].
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), NewFilesError> {
        let mut file = self.create(name, 0o666)?;
        file.write_all(content).map_err(|error| NewFilesError::of(&self.folder.join(name), error))
    }

    /// Moves files and folders to their places: pairs of a path as in [`NewFiles::create`] and the place.
    ///
    /// # Errors
    /// Something stands in one of the places, or the disk fails. None of them is there then.
    pub(crate) fn place(mut self, moves: &[(&str, PathBuf)]) -> Result<(), NewFilesError> {
        let mut placed = Vec::new();
        for (name, place) in moves {
            let done = self.place_one(&self.staging.join(name), place);
            if let Err(error) = done {
                // In the other order, as they are inside each other perhaps.
                for place in placed.into_iter().rev() {
                    let _ = remove(place);
                }
                return Err(error);
            }
            placed.push(place);
        }
        self.made.clear();
        Ok(())
    }

    fn place_one(&mut self, staged: &Path, place: &Path) -> Result<(), NewFilesError> {
        let at = |error| NewFilesError::of(place, error);
        sync(staged).map_err(at)?;
        self.give(staged).map_err(at)?;
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for folder in absent(parent) {
            fs::create_dir(&folder).map_err(at)?;
            self.made.push(folder.clone());
            self.give(&folder).map_err(at)?;
        }
        let moved = move_to_new(staged, place);
        self.copy_if_elsewhere(moved, staged, place).map_err(at)?;
        sync_folder(parent).map_err(at)
    }

    /// Copies to `place` what could not be moved there, since it is on another file system. `moved` is the result of the
    /// move, and is returned if it has any other reason.
    fn copy_if_elsewhere(&self, moved: io::Result<()>, staged: &Path, place: &Path) -> io::Result<()> {
        if !matches!(&moved, Err(error) if error.kind() == io::ErrorKind::CrossesDevices) {
            return moved;
        }
        if place.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let hidden = place.with_file_name(hidden_name("copy"));
        // A killed program may have left one of the same process id.
        let _ = remove(&hidden);
        let copied = copy(staged, &hidden)
            .and_then(|()| sync(&hidden))
            .and_then(|()| self.give(&hidden))
            .and_then(|()| move_to_new(&hidden, place));
        if copied.is_err() {
            let _ = remove(&hidden);
        }
        copied
    }

    /// Gives what root made to the owner of the folder: `sudo dag init /var/lib/dag` is for the user `dag`.
    fn give(&self, path: &Path) -> io::Result<()> {
        let (mine, theirs) = (fs::metadata(&self.staging)?, fs::metadata(&self.folder)?);
        if mine.uid() != 0 || (mine.uid(), mine.gid()) == (theirs.uid(), theirs.gid()) {
            return Ok(());
        }
        let give = |path: &Path| std::os::unix::fs::chown(path, Some(theirs.uid()), Some(theirs.gid()));
        walk(path, &give)
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.staging);
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Returns the name of a hidden file that no other process uses.
pub(crate) fn hidden_name(what: &str) -> String {
    format!(".dag-{what}-{}", std::process::id())
}

/// Returns the folders that are missing on the way to `folder`, itself included, outermost first.
fn absent(folder: &Path) -> Vec<PathBuf> {
    let levels = folder.ancestors().filter(|level| !level.as_os_str().is_empty());
    let mut absent: Vec<PathBuf> =
        levels.take_while(|level| level.symlink_metadata().is_err()).map(Path::to_owned).collect();
    absent.reverse();
    absent
}

/// Writes everything at `path` to the disk.
fn sync(path: &Path) -> io::Result<()> {
    walk(path, &|path| if path.is_dir() { sync_folder(path) } else { File::open(path)?.sync_all() })
}

/// Writes the names in a folder to the disk, if its file system can do that: some network shares cannot.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    as_far_as_supported(File::open(folder).and_then(|folder| folder.sync_all()))
}

fn as_far_as_supported(synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Does something for a file, or for a folder and all that is in it.
fn walk(path: &Path, act: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            walk(&entry?.path(), act)?;
        }
    }
    act(path)
}

/// Copies a file or a folder with its permissions to `to`, where nothing is.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = from.symlink_metadata()?;
    let mode = metadata.mode() & 0o7777;
    if metadata.is_dir() {
        DirBuilder::new().mode(mode).create(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(to)?;
    io::copy(&mut File::open(from)?, &mut file)?;
    // The umask may have taken some of them.
    file.set_permissions(metadata.permissions())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Renames a file or a folder. What stands in the place is never replaced.
pub(crate) fn move_to_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{fs::RenameFlags, io::Errno};
        match rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, RenameFlags::NOREPLACE) {
            // Some file systems of other systems cannot do it in one step.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
    }
    match to.symlink_metadata() {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Older kernels answer so for a folder on CIFS.
    #[test]
    fn a_folder_that_cannot_be_synced_as_such_is_no_failure() {
        use rustix::io::Errno;
        for (errno, is_failure) in [(Errno::INVAL, false), (Errno::NOTSUP, false), (Errno::IO, true)] {
            assert_eq!(as_far_as_supported(Err(errno.into())).is_err(), is_failure, "{errno}");
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_in_the_way_takes_back_what_was_moved_before() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), "mine").unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.write("rules/a.toml", b"a").unwrap();
        files.write("config.toml", b"new").unwrap();
        let places = ["rules", "config.toml"].map(|name| (name, folder.path().join(name)));
        let error = files.place(&places).unwrap_err().to_string();
        assert!(error.ends_with("config.toml` is there already, and nothing is overwritten"), "{error}");
        assert_eq!(names(folder.path()), ["config.toml"]);
        assert_eq!(fs::read(folder.path().join("config.toml")).unwrap(), b"mine");
    }

    #[test]
    fn folders_are_made_on_the_way_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let files = NewFiles::new(&deep).unwrap();
        files.write("config.toml", b"new").unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        drop(files);
        assert!(names(folder.path()).is_empty());

        let files = NewFiles::new(&deep).unwrap();
        files.write("config.toml", b"new").unwrap();
        files.place(&[("config.toml", deep.join("config.toml"))]).unwrap();
        assert_eq!(names(&deep), ["config.toml"]);
    }

    #[test]
    fn new_files_belong_to_the_owner_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let me = fs::metadata(folder.path()).unwrap().uid();
        // Only root can give a folder away, and works in a folder of somebody else.
        let owner = if me == 0 { 65_534 } else { me };
        std::os::unix::fs::chown(folder.path(), Some(owner), None).unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.write("rules/tests/a.toml", b"a").unwrap();
        files.write("store", b"a").unwrap();
        let at = |name: &str| folder.path().join(name);
        files.place(&[("rules", at("rules")), ("store", at("var/store"))]).unwrap();
        for name in ["rules", "rules/tests", "rules/tests/a.toml", "var", "var/store"] {
            assert_eq!(fs::metadata(at(name)).unwrap().uid(), owner, "{name}");
        }
    }

    fn elsewhere() -> io::Result<()> {
        Err(rustix::io::Errno::XDEV.into())
    }

    #[test]
    fn a_place_on_another_file_system_gets_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.create("store", 0o600).unwrap().write_all(b"a").unwrap();
        files.write("rules/tests/a.toml", b"b").unwrap();
        let (store, rules) = (folder.path().join("copy"), folder.path().join("rules"));
        files.copy_if_elsewhere(elsewhere(), &files.staged("store"), &store).unwrap();
        files.copy_if_elsewhere(elsewhere(), &files.staged("rules"), &rules).unwrap();
        drop(files);
        assert_eq!(names(folder.path()), ["copy", "rules"]);
        assert_eq!((fs::read(&store).unwrap(), fs::metadata(&store).unwrap().mode() & 0o777), (b"a".to_vec(), 0o600));
        assert_eq!(fs::read(rules.join("tests/a.toml")).unwrap(), b"b");

        // In a temporary folder in memory it is another one in earnest, on most machines.
        let memory = Path::new("/dev/shm");
        let place = tempfile::tempdir_in(if memory.is_dir() { memory } else { folder.path() }).unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.write("store", b"a").unwrap();
        files.place(&[("store", place.path().join("var/store"))]).unwrap();
        assert_eq!(names(&place.path().join("var")), ["store"]);
    }

    #[test]
    fn a_copy_to_another_file_system_replaces_nothing_and_leaves_nothing_half() {
        let folder = tempfile::tempdir().unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.write("store", b"new").unwrap();
        let place = folder.path().join("store");
        fs::write(&place, "mine").unwrap();
        let refused = files.copy_if_elsewhere(elsewhere(), &files.staged("store"), &place).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&place).unwrap(), b"mine");

        // A link without a target cannot be copied: the copy ends in the middle of the folder.
        files.write("rules/a.toml", b"a").unwrap();
        std::os::unix::fs::symlink("nowhere", files.staged("rules/b.toml")).unwrap();
        let rules = folder.path().join("rules");
        let failed = files.copy_if_elsewhere(elsewhere(), &files.staged("rules"), &rules).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::NotFound);
        drop(files);
        assert_eq!(names(folder.path()), ["store"]);
    }

    #[test]
    fn an_empty_folder_in_the_way_is_not_replaced_either() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        let files = NewFiles::new(folder.path()).unwrap();
        files.write("rules/a.toml", b"a").unwrap();
        files.write("store", b"a").unwrap();
        let places = [("store", folder.path().join("var/store")), ("rules", folder.path().join("rules"))];
        assert!(matches!(files.place(&places), Err(NewFilesError::InTheWay(_))));
        assert_eq!(names(folder.path()), ["rules"]);
    }
}

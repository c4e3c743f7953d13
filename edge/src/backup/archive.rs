//! Tar archives, as far as a backup needs them: ordinary files with plain names, one behind the other.
//!
//! A backup is a tar so that its files can be had without this program (`tar xf`). The reader takes nothing else than
//! what the writer writes: no links, no devices, no folders, no extensions. So there is nothing to follow out of the
//! folder, and nothing in an archive is larger than the archive.

use std::io::{self, Read, Write};

use tar::{Archive, Builder, EntryType, Header};

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path, with `/`. It is as it was read: nothing says that it stays in a folder.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes an archive.
pub(super) struct Writer<W: Write> {
    archive: Builder<W>,
    /// The time of the files, in seconds since 1970.
    made_at: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(to: W, made_at: u64) -> Writer<W> {
        Writer { archive: Builder::new(to), made_at }
    }

    /// Appends a file with exactly `entry.bytes` of `content`.
    ///
    /// # Errors
    /// A name that does not fit; content that ends too early; failures of the disk.
    pub(super) fn append(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_path(&entry.name).map_err(|_| {
            let message = format!("`{}` has too long a name for a backup: rename it", entry.name);
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(entry.mode & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(entry.bytes);
        header.set_mtime(self.made_at);
        header.set_cksum();
        let mut content = content.take(entry.bytes);
        self.archive.append(&header, &mut content)?;
        if content.limit() > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{}` ended too early", entry.name)));
        }
        Ok(())
    }

    /// Ends the archive.
    pub(super) fn finish(self) -> io::Result<W> {
        self.archive.into_inner()
    }
}

/// The reason why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It ends within a file, it is no archive, or it changed since it was written.
    #[error("it is cut short or damaged, or no backup at all")]
    Damaged,
    /// It has something that no backup has.
    #[error("it holds `{0}`, which is not an ordinary file, and no backup has such things")]
    NotAFile(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What the format does not allow is of these kinds.
            io::ErrorKind::Other | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ArchiveError::Damaged,
            _ => ArchiveError::Unreadable(error),
        }
    }
}

/// A file of an archive that is being read.
pub(super) struct File<'a, R: Read> {
    pub entry: Entry,
    content: tar::Entry<'a, R>,
}

impl<R: Read> File<'_, R> {
    /// Writes the content of the file to `to`.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`]; failures of either disk.
    pub(super) fn copy(&mut self, to: &mut impl Write) -> Result<(), ArchiveError> {
        if io::copy(&mut self.content, to)? == self.entry.bytes { Ok(()) } else { Err(ArchiveError::Damaged) }
    }
}

/// Returns the files of an archive.
///
/// # Errors
/// The cases of [`ArchiveError`], also for each file.
pub(super) fn files<R: Read>(
    archive: &mut Archive<R>,
) -> Result<impl Iterator<Item = Result<File<'_, R>, ArchiveError>>, ArchiveError> {
    // Raw: an extension, like a longer name, counts as something that is not an ordinary file.
    Ok(archive.entries()?.raw(true).map(|content| {
        let content = content?;
        let header = content.header();
        let name = String::from_utf8(content.path_bytes().into_owned()).map_err(|_| ArchiveError::Damaged)?;
        if header.entry_type() != EntryType::Regular {
            return Err(ArchiveError::NotAFile(name));
        }
        let entry = Entry { name, mode: header.mode()?, bytes: header.size()? };
        Ok(File { entry, content })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, bytes: usize) -> Entry {
        Entry { name: name.to_owned(), mode: 0o640, bytes: bytes as u64 }
    }

    fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 1_768_046_400);
        for (name, content) in files {
            writer.append(&entry(name, content.len()), &mut content.as_slice()).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(archive: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, ArchiveError> {
        let mut found = Vec::new();
        for file in files(&mut Archive::new(archive))? {
            let mut file = file?;
            let mut content = Vec::new();
            file.copy(&mut content)?;
            found.push((file.entry, content));
        }
        Ok(found)
    }

    #[test]
    fn what_is_written_is_read_whatever_its_size() {
        let long = format!("rules/{}/{}.toml", "f".repeat(120), "n".repeat(90));
        let sizes = [0, 1, 511, 512, 513, 5_000];
        for size in sizes {
            let content: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let files = [("config.toml", content.clone()), (&long, content.clone()), ("a", Vec::new())];
            let expected: Vec<_> =
                files.iter().map(|(name, content)| (entry(name, content.len()), content.clone())).collect();
            assert_eq!(read(&archive(&files)).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused() {
        for name in ["n".repeat(101), format!("{}/n", "f".repeat(156)), format!("f/{}", "n".repeat(101))] {
            let error = Writer::new(Vec::new(), 0).append(&entry(&name, 0), &mut io::empty()).unwrap_err();
            assert!(error.to_string().ends_with("has too long a name for a backup: rename it"), "{name}");
        }
    }

    #[test]
    fn content_that_ends_too_early_is_refused() {
        let error = Writer::new(Vec::new(), 0).append(&entry("a", 2), &mut [1_u8].as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    /// The end of a backup is its manifest, so that an archive may end behind any file.
    #[test]
    fn an_archive_that_is_cut_within_a_file_is_refused() {
        let whole = archive(&[("config.toml", vec![7; 700]), ("rules/a.toml", vec![8; 30])]);
        for length in (1..1_212).chain(1_537..2_078).filter(|length| *length != 512) {
            assert!(matches!(read(&whole[..length]), Err(ArchiveError::Damaged)), "{length}");
        }
    }

    #[test]
    fn a_changed_header_is_refused() {
        let whole = archive(&[("config.toml", vec![7; 700])]);
        for at in 0..512 {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            // The spaces and ends around a number may differ between programs.
            if let Ok(files) = read(&changed) {
                assert_eq!(files[0].0, entry("config.toml", 700), "{at}");
            }
        }
    }

    #[test]
    fn links_folders_and_extensions_are_refused() {
        for kind in [b'1', b'2', b'3', b'5', b'6', b'x', b'L'] {
            let mut header = Header::new_ustar();
            header.set_path("rules").unwrap();
            header.set_entry_type(EntryType::new(kind));
            header.set_size(0);
            header.set_cksum();
            let mut archive = Builder::new(Vec::new());
            archive.append(&header, io::empty()).unwrap();
            let read = read(&archive.into_inner().unwrap());
            assert!(matches!(read, Err(ArchiveError::NotAFile(name)) if name == "rules"));
        }
    }

    #[test]
    fn a_file_that_claims_more_than_there_is_takes_no_memory() {
        let mut header = Header::new_ustar();
        header.set_path("store/dag.redb").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        let mut archive = header.as_bytes().to_vec();
        archive.extend([0; 1_024]);
        assert!(matches!(read(&archive), Err(ArchiveError::Damaged)));
    }

    #[test]
    fn the_command_tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup.tar");
        std::fs::write(&path, archive(&[("config.toml", b"mode = 1\n".to_vec()), ("rules/a.toml", vec![b'x'; 600])]))
            .unwrap();
        let tar = |words: &[&str]| {
            let output =
                std::process::Command::new("tar").args(words).arg(&path).args(["config.toml"]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        assert_eq!(tar(&["-xOf"]), b"mode = 1\n");
    }
}

//! Tar archives, as far as a backup needs them: regular files with plain names, one behind the other (POSIX.1-2017,
//! `pax`, "ustar Interchange Format").
//!
//! A backup is a tar so that its files can be had without this program (`tar xf`). The reader takes nothing else than
//! what the writer writes: no links, no devices, no folders, no extensions. So there is nothing to follow out of the
//! folder, and nothing in an archive is larger than the archive.

use std::io::{self, Read, Write};

/// The size of a header, and what contents are filled up to, in bytes.
const BLOCK: usize = 512;

/// The largest file, in bytes: its size has eleven octal digits.
const LARGEST: u64 = (1 << 33) - 1;

/// The largest name, in bytes, and the largest of the folder before it.
const NAME: usize = 100;
const PREFIX: usize = 155;

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
#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    to: W,
    /// The time of the files, in seconds since 1970.
    made_at: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(to: W, made_at: u64) -> Writer<W> {
        Writer { to, made_at }
    }

    /// Appends a file with exactly `entry.bytes` of `content`.
    ///
    /// # Errors
    /// A name or a size that does not fit; content that ends too early; failures of the disk.
    pub(super) fn append(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        self.to.write_all(&header(entry, self.made_at)?)?;
        if io::copy(&mut content.take(entry.bytes), &mut self.to)? != entry.bytes {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{}` ended too early", entry.name)));
        }
        self.to.write_all(zeros(padding(entry.bytes)))
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        Ok(self.to)
    }
}

/// Returns how many bytes follow a content up to the next block.
fn padding(bytes: u64) -> usize {
    // Less than a block.
    (BLOCK - (bytes % BLOCK as u64) as usize) % BLOCK
}

fn zeros(count: usize) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; BLOCK];
    ZEROS.get(..count).unwrap_or_default()
}

fn header(entry: &Entry, made_at: u64) -> io::Result<Vec<u8>> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {what}", entry.name));
    let (prefix, name) = split(&entry.name).ok_or_else(|| invalid("has too long a name for a backup: rename it"))?;
    if entry.bytes > LARGEST {
        return Err(invalid("is larger than 8 GiB, and a backup holds no such file"));
    }
    let mut header = Vec::with_capacity(BLOCK);
    let mut field = |text: &str, length: usize| {
        header.extend_from_slice(text.as_bytes());
        header.resize(header.len() + length.saturating_sub(text.len()), 0);
    };
    field(name, NAME);
    field(&format!("{:07o}", entry.mode & 0o777), 8);
    field("0000000", 8);
    field("0000000", 8);
    field(&format!("{:011o}", entry.bytes), 12);
    field(&format!("{:011o}", made_at.min(LARGEST)), 12);
    // The sum counts its own field as spaces.
    field("        ", 8);
    // An ordinary file, and no link.
    field("0", 1);
    field("", 100);
    field("ustar", 6);
    field("00", 2);
    field("", 32);
    field("", 32);
    field("0000000", 8);
    field("0000000", 8);
    field(prefix, PREFIX);
    field("", 12);
    let sum = format!("{:06o}\0 ", checksum(&header));
    header.splice(CHECKSUM, sum.bytes());
    Ok(header)
}

/// Splits a path where both parts fit.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME {
        return Some(("", name));
    }
    let mut splits = name.match_indices('/').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)));
    splits.find(|(prefix, name)| prefix.len() <= PREFIX && name.len() <= NAME)
}

const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Returns the sum of a header's bytes, of which those of the sum itself count as spaces.
fn checksum(header: &[u8]) -> u32 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| u32::from(if CHECKSUM.contains(&at) { b' ' } else { *byte })).sum()
}

/// The reason why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It ends within a file, or without its end.
    #[error("it is cut short")]
    CutShort,
    /// It is no archive, or changed since it was written.
    #[error("it is damaged, or no backup at all")]
    Damaged,
    /// It has something that no backup has.
    #[error("it holds `{0}`, which is not an ordinary file, and no backup has such things")]
    NotAFile(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// Reads an archive.
#[derive(Debug)]
pub(super) struct Reader<R: Read> {
    from: R,
    /// The bytes of the last file that are not read yet, and what fills its last block.
    left: u64,
    padding: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(from: R) -> Reader<R> {
        Reader { from, left: 0, padding: 0 }
    }

    /// Returns the next file, or `None` at the end. Its content is read next.
    ///
    /// # Errors
    /// The cases of [`ArchiveError`].
    pub(super) fn next(&mut self) -> Result<Option<Entry>, ArchiveError> {
        // What was not read of the last file.
        let rest = self.left.saturating_add(self.padding);
        if io::copy(&mut (&mut self.from).take(rest), &mut io::sink())? != rest {
            return Err(ArchiveError::CutShort);
        }
        (self.left, self.padding) = (0, 0);
        let mut block = Vec::with_capacity(BLOCK);
        (&mut self.from).take(BLOCK as u64).read_to_end(&mut block)?;
        if block.len() < BLOCK {
            return Err(ArchiveError::CutShort);
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let entry = parse(&block)?;
        (self.left, self.padding) = (entry.bytes, padding(entry.bytes) as u64);
        Ok(Some(entry))
    }

    /// Writes the content of the file to `to`.
    ///
    /// # Errors
    /// [`ArchiveError::CutShort`]; failures of either disk.
    pub(super) fn content(&mut self, to: &mut impl Write) -> Result<(), ArchiveError> {
        let copied = io::copy(&mut (&mut self.from).take(self.left), to)?;
        self.left = self.left.saturating_sub(copied);
        if self.left > 0 { Err(ArchiveError::CutShort) } else { Ok(()) }
    }
}

fn parse(block: &[u8]) -> Result<Entry, ArchiveError> {
    let field = |from: usize, length: usize| block.get(from..from + length).unwrap_or_default();
    let text = |from: usize, length: usize| {
        let bytes = field(from, length).split(|byte| *byte == 0).next().unwrap_or_default();
        str::from_utf8(bytes).map_err(|_| ArchiveError::Damaged)
    };
    let number = |from: usize, length: usize| {
        let digits = text(from, length)?.trim_matches(' ');
        u64::from_str_radix(digits, 8).map_err(|_| ArchiveError::Damaged)
    };
    if field(257, 5) != b"ustar" || number(CHECKSUM.start, 8)? != u64::from(checksum(block)) {
        return Err(ArchiveError::Damaged);
    }
    let (prefix, name) = (text(345, PREFIX)?, text(0, NAME)?);
    let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    if field(156, 1) != b"0" {
        return Err(ArchiveError::NotAFile(name));
    }
    let mode = u32::try_from(number(100, 8)?).map_err(|_| ArchiveError::Damaged)?;
    Ok(Entry { name, mode, bytes: number(124, 12)? })
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
        let mut reader = Reader::new(archive);
        let mut files = Vec::new();
        while let Some(entry) = reader.next()? {
            let mut content = Vec::new();
            reader.content(&mut content)?;
            files.push((entry, content));
        }
        Ok(files)
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
            assert!(header(&entry(&name, 0), 0).is_err(), "{name}");
        }
        assert!(header(&Entry { bytes: 1 << 33, ..entry("large", 0) }, 0).is_err());
    }

    #[test]
    fn an_archive_that_is_cut_anywhere_is_refused() {
        let whole = archive(&[("config.toml", vec![7; 700]), ("rules/a.toml", vec![8; 30])]);
        // The last block is one more of zeros.
        for length in 0..whole.len() - BLOCK {
            assert!(matches!(read(&whole[..length]), Err(ArchiveError::CutShort)), "{length}");
        }
    }

    #[test]
    fn a_changed_header_is_refused() {
        let whole = archive(&[("config.toml", vec![7; 700])]);
        for at in 0..BLOCK {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            // The spaces and ends around a number may differ between programs.
            if let Ok(files) = read(&changed) {
                assert_eq!(files[0].0, entry("config.toml", 700), "{at}");
            }
        }
    }

    #[test]
    fn links_and_folders_are_refused() {
        for kind in [b'1', b'2', b'3', b'5', b'6', b'x', b'L'] {
            let mut header = header(&entry("rules", 0), 0).unwrap();
            header[156] = kind;
            let sum = format!("{:06o}\0 ", checksum(&header));
            header.splice(CHECKSUM, sum.bytes());
            header.extend([0; 2 * BLOCK]);
            assert!(matches!(read(&header), Err(ArchiveError::NotAFile(name)) if name == "rules"));
        }
    }

    #[test]
    fn a_file_that_claims_more_than_there_is_takes_no_memory() {
        let mut archive = header(&Entry { bytes: LARGEST, ..entry("store/dag.redb", 0) }, 0).unwrap();
        archive.extend([0; 2 * BLOCK]);
        assert!(matches!(read(&archive), Err(ArchiveError::CutShort)));
    }

    #[test]
    fn tar_reads_it() {
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

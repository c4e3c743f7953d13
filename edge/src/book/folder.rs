//! The folder `rules/` as it lies on the disk.

use std::{collections::BTreeMap, fs, io, path::Path};

use dag_engine::{Id, Problem, Sources};

/// No file of the folder may be longer than this many bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// How many files the folder may hold.
const MOST_FILES: usize = 1_000;

/// Every file of `rules/` that means something, by its path from there: rules and scripts, `templates/`, `tests/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    files: BTreeMap<String, String>,
}

impl Folder {
    /// Reads the folder.
    ///
    /// # Errors
    /// Every file that cannot be used: not UTF-8, too long, a folder by the name of a file, unreadable.
    pub fn read(path: &Path) -> Result<Folder, Vec<Problem>> {
        let mut folder = Folder::default();
        let mut problems = Vec::new();
        for (below, wanted) in [("", &["toml", "rhai"][..]), ("templates", &[][..]), ("tests", &["toml"][..])] {
            folder.read_level(path, below, wanted, &mut problems);
        }
        if problems.is_empty() { Ok(folder) } else { Err(problems) }
    }

    fn read_level(&mut self, root: &Path, below: &str, wanted: &[&str], problems: &mut Vec<Problem>) {
        let level = root.join(below);
        let entries = match fs::read_dir(&level) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !below.is_empty() => return,
            Err(error) => {
                let help = "the folder of rules stands beside config.toml".to_owned();
                return problems.push(problem(&level, format!("the folder cannot be read: {error}"), Some(help)));
            }
        };
        for entry in entries {
            let name = match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) => name,
                Ok(Err(name)) => {
                    let name = name.to_string_lossy();
                    problems.push(problem(&level, format!("the file name `{name}` is not UTF-8"), None));
                    continue;
                }
                Err(error) => {
                    problems.push(problem(&level, format!("the folder cannot be read: {error}"), None));
                    continue;
                }
            };
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            // Editors leave swap files, backups and hidden files behind.
            let temporary = name.starts_with(['.', '#']) || name.ends_with('~');
            if temporary || !(wanted.is_empty() || wanted.contains(&extension)) {
                continue;
            }
            let path = level.join(&name);
            match read_file(&path) {
                Ok(text) => {
                    let key = if below.is_empty() { name } else { format!("{below}/{name}") };
                    self.files.insert(key, text);
                }
                // It was there a moment ago: an editor is saving. What it renames into place is another event.
                Err(Unreadable::Gone) => {}
                Err(Unreadable::Because(message)) => problems.push(problem(&path, message, None)),
            }
        }
        if self.files.len() > MOST_FILES {
            problems.push(problem(&level, format!("the folder holds more than {MOST_FILES} files"), None));
        }
    }

    /// From what the store kept.
    pub fn from_kept(files: Vec<(String, Vec<u8>)>) -> Folder {
        let text = |(path, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok().map(|text| (path, text));
        Folder { files: files.into_iter().filter_map(text).collect() }
    }

    /// For the store.
    pub fn to_keep(&self) -> Vec<(String, Vec<u8>)> {
        self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect()
    }

    /// What names this content, templates and scenarios included.
    pub fn id(&self) -> Id {
        let parts: Vec<&[u8]> = self.files.iter().flat_map(|(path, text)| [path.as_bytes(), text.as_bytes()]).collect();
        Id::of(&parts)
    }

    /// The rules and scripts.
    pub fn rules(&self) -> BTreeMap<String, String> {
        let rules = self.files.iter().filter(|(path, _)| Sources::is_rules_file(Path::new(path)));
        rules.map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    /// The files of a subfolder, by name.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((name, text.as_str()))
        })
    }
}

enum Unreadable {
    Gone,
    Because(String),
}

/// Reads a file that a user edits, never more of it than is allowed.
///
/// # Errors
/// The file as a problem: missing, a folder, too long, not UTF-8.
pub fn text(path: &Path) -> Result<String, Problem> {
    read_file(path).map_err(|unreadable| match unreadable {
        Unreadable::Gone => problem(path, "there is no such file".to_owned(), None),
        Unreadable::Because(message) => problem(path, message, None),
    })
}

fn read_file(path: &Path) -> Result<String, Unreadable> {
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Gone,
        _ => Unreadable::Because(format!("the file cannot be read: {error}")),
    };
    let metadata = fs::metadata(path).map_err(because)?;
    if !metadata.is_file() {
        return Err(Unreadable::Because("a file is expected here, and this is none".to_owned()));
    }
    if metadata.len() > LONGEST_FILE {
        return Err(Unreadable::Because(format!("the file is longer than {} KiB: split it", LONGEST_FILE / 1024)));
    }
    let bytes = fs::read(path).map_err(because)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Unreadable::Because(format!("the file is not UTF-8 (byte {at}): save it as UTF-8"))
    })
}

fn problem(path: &Path, message: String, help: Option<String>) -> Problem {
    Problem::error(&path.display().to_string(), "", 0..0, message, help)
}

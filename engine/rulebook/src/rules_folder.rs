//! The files of the folder `rules/`.

use std::{collections::BTreeMap, fs, io, path::Path};

use dag_config::Config;
use dag_engine::{FactKind, Id, Problem, Problems, Sources};

/// The longest file, in bytes: 1 MiB. No rules written by people come near it.
const LONGEST_FILE: u64 = 1 << 20;

/// The most files in the folder.
const MOST_FILES: usize = 1_000;

/// The extensions of rules and scripts.
const RULES: &[&str] = &["toml", "rhai"];

/// The files of `rules/` that are read, by their paths from there.
///
/// They are rules and scripts, `templates/`, `tests/`, and the rules and scripts in the folders of `tests/`.
#[derive(Clone, Debug, Default)]
pub struct RulesFolder {
    /// The path of the folder, as problems name it.
    root: String,
    files: BTreeMap<String, String>,
}

/// The same files are the same rules, wherever they lie.
impl PartialEq for RulesFolder {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for RulesFolder {}

impl RulesFolder {
    /// Reads the folder.
    ///
    /// # Errors
    /// All files that cannot be used: not UTF-8, too long, a folder with the name of a file, or unreadable.
    pub fn read(path: &Path) -> Result<RulesFolder, Vec<Problem>> {
        let mut folder = RulesFolder { root: path.display().to_string(), ..RulesFolder::default() };
        let mut problems = Vec::new();
        folder.read_level(path, "", RULES, &mut problems);
        folder.read_level(path, "templates", &[], &mut problems);
        folder.read_level(path, "tests", &["toml"], &mut problems);
        for name in subfolders(&path.join("tests")) {
            folder.read_level(path, &format!("tests/{name}"), RULES, &mut problems);
        }
        folder.check_count(path, problems)
    }

    /// Reads only the rules and scripts of a folder.
    ///
    /// # Errors
    /// The same as those of [`read`](RulesFolder::read).
    pub fn read_rules(path: &Path) -> Result<RulesFolder, Vec<Problem>> {
        let mut folder = RulesFolder { root: path.display().to_string(), ..RulesFolder::default() };
        let mut problems = Vec::new();
        folder.read_level(path, "", RULES, &mut problems);
        folder.check_count(path, problems)
    }

    fn check_count(self, path: &Path, mut problems: Vec<Problem>) -> Result<RulesFolder, Vec<Problem>> {
        if self.files.len() > MOST_FILES {
            problems.push(problem(path, format!("the folder holds more than {MOST_FILES} files"), None));
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
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
            if is_temporary(&name) || !(wanted.is_empty() || wanted.contains(&extension)) {
                continue;
            }
            if self.files.len() > MOST_FILES {
                // `check_count` reports it. The exact number does not matter.
                return;
            }
            let path = level.join(&name);
            match read_file(&path) {
                Ok(text) => {
                    // Some editors begin a file with a byte order mark. TOML takes it, Rhai does not.
                    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
                    let key = if below.is_empty() { name } else { format!("{below}/{name}") };
                    self.files.insert(key, text);
                }
                // An editor is saving: the file was there a moment ago. Its rename into place is another event.
                Err(FileError::Missing) => {}
                Err(FileError::Unusable(message)) => problems.push(problem(&path, message, None)),
            }
        }
    }

    /// Returns the same folder, which problems call `root`.
    #[must_use]
    pub fn shown_as(self, root: &str) -> RulesFolder {
        RulesFolder { root: root.to_owned(), ..self }
    }

    /// Returns the path of the folder, as problems name it.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the path of one of the files, as problems name it.
    pub(super) fn path_of(&self, file: &str) -> String {
        format!("{}/{file}", self.root)
    }

    /// Returns problems with the paths of their files, so that the files can be opened.
    pub(super) fn placed(&self, problems: Problems) -> Problems {
        // Some problems are about the configuration, which does not lie here.
        let is_here = |problem: &Problem| self.files.contains_key(&problem.file);
        let placed = |problem: Problem| if is_here(&problem) { problem.within(&self.root) } else { problem };
        Problems(problems.0.into_iter().map(placed).collect())
    }

    /// Returns the folder from the files in the store.
    pub fn from_stored(files: Vec<(String, Vec<u8>)>) -> RulesFolder {
        let text = |(path, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok().map(|text| (path, text));
        RulesFolder { root: "rules".to_owned(), files: files.into_iter().filter_map(text).collect() }
    }

    /// Returns the files for the store.
    pub fn to_stored(&self) -> Vec<(String, Vec<u8>)> {
        self.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect()
    }

    /// Returns the hash of all files, templates and scenarios included.
    pub fn id(&self) -> Id {
        Id::of_files(&self.files)
    }

    /// Returns the files, by their paths.
    pub fn into_files(self) -> BTreeMap<String, String> {
        self.files
    }

    /// Returns the text of a file, by its path.
    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Returns the rules and scripts.
    pub fn rules(&self) -> BTreeMap<String, String> {
        let rules = self.files.iter().filter(|(path, _)| Sources::is_rules_file(Path::new(path)));
        rules.map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    /// Returns what the engine compiles: the rules and scripts, and what the configuration adds.
    pub(super) fn sources(&self, config: &Config) -> Sources {
        Sources {
            files: self.rules(),
            facts: config.facts().into_iter().map(|fact| (fact, FactKind::Switch)).collect(),
            other_devices: config.is_of_one_device(),
            timezone: config.site.timezone.clone(),
            operators: config.site.operators.clone(),
        }
    }

    /// Returns the files that are directly in a subfolder, by name.
    pub fn files_in(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/')).then_some((name, text.as_str()))
        })
    }

    /// Returns the folders of other rules beside the scenarios, by name.
    pub fn scenario_rules(&self) -> BTreeMap<String, RulesFolder> {
        let mut others: BTreeMap<String, RulesFolder> = BTreeMap::new();
        for (path, text) in &self.files {
            if let Some((name, file)) = path.strip_prefix("tests/").and_then(|path| path.split_once('/')) {
                others.entry(name.to_owned()).or_default().files.insert(file.to_owned(), text.clone());
            }
        }
        others
    }
}

/// Returns the names of the folders in a folder, or none if it cannot be read.
pub(super) fn subfolders(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !is_temporary(name)).collect();
    names.sort();
    names
}

/// Returns whether a file is hidden, or a swap file or backup of an editor.
fn is_temporary(name: &str) -> bool {
    name.starts_with(['.', '#']) || name.ends_with('~')
}

enum FileError {
    Missing,
    Unusable(String),
}

/// Reads a file that a user edits.
///
/// # Errors
/// The file is missing, a folder, too long, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Problem> {
    read_file(path).map_err(|error| match error {
        FileError::Missing => problem(path, "there is no such file".to_owned(), None),
        FileError::Unusable(message) => problem(path, message, None),
    })
}

fn read_file(path: &Path) -> Result<String, FileError> {
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => FileError::Missing,
        _ => FileError::Unusable(format!("the file cannot be read: {error}")),
    };
    let metadata = fs::metadata(path).map_err(because)?;
    if !metadata.is_file() {
        return Err(FileError::Unusable("a file is expected here, and this is none".to_owned()));
    }
    if metadata.len() > LONGEST_FILE {
        return Err(FileError::Unusable(format!("the file is longer than {} KiB: split it", LONGEST_FILE / 1024)));
    }
    let bytes = fs::read(path).map_err(because)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        FileError::Unusable(format!("the file is not UTF-8 (byte {at}): save it as UTF-8"))
    })
}

fn problem(path: &Path, message: String, help: Option<String>) -> Problem {
    Problem::without_place(&path.display().to_string(), message, help)
}

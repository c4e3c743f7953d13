//! The files of a monitor that belong into a backup, besides the store: `config.toml`, and of `rules/` what the daemon
//! reads and what explains it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::manifest::CONFIG;

/// The most files of `rules/`, and the largest of them in bytes. The daemon reads no more either.
const MOST_FILES: usize = 1_000;
pub(super) const LARGEST_FILE: u64 = 1 << 20;

/// The most folders inside each other: `rules/tests/NAME`.
const DEEPEST: usize = 3;

/// The extensions of files of `rules/`, outside of `templates/`, where all are read. A file with another extension may
/// be a secret.
const EXTENSIONS: [&str; 3] = ["toml", "rhai", "md"];

/// A file of `rules/` that is not in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its path, from the folder of `config.toml`.
    pub path: String,
    /// The reason.
    pub reason: &'static str,
}

/// A file that belongs into a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub name: String,
    pub path: PathBuf,
    pub mode: u32,
    pub bytes: u64,
}

/// Returns the files of the monitor with this configuration, and those of `rules/` that are left out.
///
/// # Errors
/// `config.toml` or a folder of the rules cannot be read. There may be no `rules/`.
pub(super) fn contents(config: &Path) -> Result<(Vec<Content>, Vec<LeftOut>), (PathBuf, io::Error)> {
    let of = |name: &str, path: &Path| -> Result<Content, (PathBuf, io::Error)> {
        let found = fs::metadata(path).map_err(|error| (path.to_owned(), error))?;
        Ok(Content {
            name: name.to_owned(),
            path: path.to_owned(),
            mode: found.mode() & 0o777,
            bytes: if found.is_file() { found.len() } else { u64::MAX },
        })
    };
    let config_file = of(CONFIG, config)?;
    if config_file.bytes == u64::MAX {
        return Err((config.to_owned(), io::Error::other("it is not a file")));
    }
    let mut files = vec![config_file];
    let mut left_out = Vec::new();
    let mut levels = vec![(config.with_file_name("rules"), "rules".to_owned())];
    while let Some((level, below)) = levels.pop() {
        let entries = match fs::read_dir(&level) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| (level.clone(), error))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(|error| (level.clone(), error))?.file_name());
        }
        names.sort();
        for name in names {
            let path = level.join(&name);
            let shown = format!("{below}/{}", name.to_string_lossy());
            let mut leave = |reason| left_out.push(LeftOut { path: shown.clone(), reason });
            let Some(plain) = name.to_str().filter(|name| is_plain(name)) else {
                leave("a hidden file, one of an editor, or a name that is not UTF-8");
                continue;
            };
            if path.is_dir() {
                match below.split('/').count() < DEEPEST {
                    true => levels.push((path, shown)),
                    false => leave("a folder that the daemon does not read"),
                }
                continue;
            }
            let extension = plain.rsplit_once('.').map_or("", |(_, extension)| extension);
            if below != "rules/templates" && !EXTENSIONS.contains(&extension) {
                leave("neither rules nor a script, so it may be a secret");
                continue;
            }
            match of(&shown, &path) {
                Ok(content) if content.bytes > LARGEST_FILE => leave("no file, or one of more than 1 MiB"),
                Ok(_) if files.len() > MOST_FILES => leave("more than 1,000 files"),
                Ok(content) => files.push(content),
                // An editor is saving.
                Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((files, left_out))
}

/// Returns whether `name` can be a file of a backup. A restored file can neither be hidden nor leave its folder.
pub(super) fn is_plain(name: &str) -> bool {
    let strange = |c: char| c == '/' || c == '\\' || c.is_control();
    !name.is_empty() && !name.starts_with(['.', '#']) && !name.ends_with('~') && !name.contains(strange)
}

/// Returns whether `name` is the path of a file of `rules/`, as [`contents`] gives them.
pub(super) fn is_of_rules(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let below = parts.strip_prefix(&["rules"]);
    below.is_some_and(|below| (1..=DEEPEST).contains(&below.len()) && below.iter().all(|part| is_plain(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_within_the_rules_are_restored() {
        for good in ["rules/power.toml", "rules/tests/flicker.toml", "rules/tests/two/a.rhai", "rules/ö.toml"] {
            assert!(is_of_rules(good), "{good}");
        }
        let bad = [
            "rules",
            "rules/",
            "/rules/a.toml",
            "rules/../a.toml",
            "rules/./a.toml",
            "rules//a.toml",
            "rules/.a",
            "rules/a/b/c/d.toml",
            "rules\\a.toml",
            "rules/a\\..\\b",
            "other/a.toml",
            "../rules/a.toml",
            "",
        ];
        for bad in bad {
            assert!(!is_of_rules(bad), "{bad}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for level in ["rules/templates", "rules/tests/two", "rules/examples", "rules/.git"] {
            fs::create_dir_all(at(level)).unwrap();
        }
        let files = [
            "config.toml",
            "rules/power.toml",
            "rules/README.md",
            "rules/hook-secret",
            "rules/templates/mail.mjml",
            "rules/tests/two/two.toml",
            "rules/tests/one.toml",
            "rules/examples/night.rhai",
            "rules/power.toml~",
            "other.toml",
        ];
        files.iter().for_each(|file| fs::write(at(file), "x").unwrap());
        std::os::unix::fs::symlink("power.toml", at("rules/linked.toml")).unwrap();
        let (found, left_out) = contents(&at("config.toml")).unwrap();
        let found: Vec<&str> = found.iter().map(|content| content.name.as_str()).collect();
        let expected = [
            "config.toml",
            "rules/README.md",
            "rules/examples/night.rhai",
            "rules/linked.toml",
            "rules/power.toml",
            "rules/templates/mail.mjml",
            "rules/tests/one.toml",
            "rules/tests/two/two.toml",
        ];
        assert_eq!(found, expected);
        let left_out: Vec<&str> = left_out.iter().map(|left| left.path.as_str()).collect();
        assert_eq!(left_out, ["rules/.git", "rules/hook-secret", "rules/power.toml~"]);
    }

    #[test]
    fn folders_that_are_links_to_themselves_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        fs::write(folder.path().join("config.toml"), "x").unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("rules/again")).unwrap();
        let (found, left_out) = contents(&folder.path().join("config.toml")).unwrap();
        assert_eq!((found.len(), left_out.len()), (1, 1));
    }
}

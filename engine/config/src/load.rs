//! Reading a file into a configuration.

use std::{
    cell::RefCell,
    ffi::OsString,
    fs::File,
    io::{ErrorKind, Read as _},
    path::Path,
};

use dag_engine::toml_help;
use figment::value::Dict;
use serde::Deserialize as _;
use toml::de::{DeTable, Error as TomlError};

use crate::{
    Check, Config, ConfigErrors, layers,
    problem::{Place, Problem},
    report::Report,
    section::Section,
};

/// The largest file that is read, in bytes. No configuration written by people comes near it.
const LARGEST: u64 = 1 << 20;

impl Config {
    /// Reads the configuration at `path`, then the environment, then `overrides`: pairs of a key (`storage.path`) and a
    /// value, as `--set` gives them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: a file that is not there, is no file, is over 1 MiB, is not UTF-8 or not TOML; keys
    /// that are unknown or missing; values that cannot be.
    pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Config, ConfigErrors> {
        Config::load_with(path, overrides, &[])
    }

    /// Does the same as [`Config::load`], with further checks.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, by the checks too.
    pub fn load_with(path: &Path, overrides: &[(String, String)], checks: &[Check]) -> Result<Config, ConfigErrors> {
        let text = read(path)?;
        // Absolute, so that the paths in it stay true wherever they are used.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        read_layers(&text, path, folder(&absolute), std::env::vars_os(), overrides, checks)
    }

    /// Does the same as [`Config::load`] with a given text and environment. `path` names the file in errors, and
    /// relative paths count from its folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, the environment and the overrides.
    pub fn parse(
        text: &str,
        path: &Path,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &[(String, String)],
    ) -> Result<Config, ConfigErrors> {
        read_layers(text, path, folder(path), environment, overrides, &[])
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read(path: &Path) -> Result<String, ConfigErrors> {
    let shown = path.display().to_string();
    let fail = |message: String, help: Option<&str>| {
        Err(ConfigErrors::file(shown.clone(), message, help.map(ToOwned::to_owned)))
    };
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => {
            fail(format!("there is no file `{shown}`"), Some("`dag init` makes one; name yours with `--config PATH`"))
        }
        _ => fail(format!("`{shown}` cannot be read: {error}"), None),
    };
    match path.metadata() {
        Err(error) => return unreadable(error),
        Ok(metadata) if metadata.is_dir() => {
            return fail(format!("`{shown}` is a folder"), Some("name the file in it: `--config PATH`"));
        }
        // Opening a pipe or a device could wait for ever.
        Ok(metadata) if !metadata.is_file() => return fail(format!("`{shown}` is not a file"), None),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    if let Err(error) = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        return unreadable(error);
    }
    if bytes.len() as u64 > LARGEST {
        return fail(
            format!("`{shown}` is larger than 1 MiB"),
            Some("is it the right file? name it with `--config PATH`"),
        );
    }
    String::from_utf8(bytes).or_else(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        fail(format!("`{shown}` is not UTF-8 text: line {line} holds other bytes"), Some("save it as UTF-8"))
    })
}

fn read_layers(
    text: &str,
    path: &Path,
    root: &Path,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: &[(String, String)],
    checks: &[Check],
) -> Result<Config, ConfigErrors> {
    let fail = |problems| ConfigErrors::new(path.display().to_string(), text.to_owned(), problems);
    let syntax = |error: &TomlError| Problem {
        message: format!("this is not TOML: {}", error.message()),
        place: error.span().map_or(Place::File, Place::At),
        help: error.span().and_then(|at| toml_help(text, at, error.message())),
        hides: false,
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What else the file says is not looked at: half of it would be misread.
        return Err(fail(errors.iter().map(syntax).collect()));
    }
    let file =
        Dict::deserialize(toml::Deserializer::from(table.clone())).map_err(|error| fail(vec![syntax(&error)]))?;
    let figment = layers::merge(file, path, environment, overrides);
    let outside = |error: figment::Error| Problem {
        message: error.kind.to_string(),
        place: Place::Outside("the environment".to_owned()),
        help: None,
        hides: false,
    };
    let merged = figment.find_value("").map_err(|error| fail(vec![outside(error)]))?;
    let merged = merged.into_dict().unwrap_or_default();
    let report = Report { table: table.get_ref(), figment: &figment, root, checks, problems: RefCell::default() };
    let config = Config::read(Section::top(&report, merged), root);
    let problems = report.problems.take();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(fail(problems)),
    }
}

//! The files of `rules/`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use dag_engine::Sources;

/// `rules/`, as it is shipped.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")
}

/// Returns the files with an extension directly in a folder of `rules/`, by name.
pub fn files(within: &str, extension: &str) -> BTreeMap<String, String> {
    let paths = fs::read_dir(folder().join(within)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// The shipped rules, with the configuration.
pub fn shipped() -> Sources {
    let mut all = files("", "toml");
    all.extend(files("", "rhai"));
    Sources {
        files: all,
        facts: BTreeMap::new(),
        other_devices: false,
        timezone: "Europe/London".into(),
        operators: vec!["owners".into()],
    }
}

/// The shipped rules, with a script for the rule `power-outage`, as the comment there shows it.
pub fn with_script(file: &str, script: &str) -> Sources {
    let mut sources = shipped();
    let line = "# script = \"longer-at-night.rhai\"";
    let power = sources.files.get_mut("power.toml").unwrap();
    assert!(power.contains(line));
    *power = power.replace(line, &format!("script = \"{file}\""));
    sources.files.insert(file.to_owned(), script.to_owned());
    sources
}

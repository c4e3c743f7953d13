//! The other rules of a scenario that is named on the command line: those in the folders beside its file.

use std::path::{Path, PathBuf};

use dag_config::Config;
use dag_engine::{OtherRules, Problems, Sources};

use crate::rules_folder::{RulesFolder, subfolders};

/// The rules in the folders beside a scenario's file. Each folder is read on demand.
#[derive(Debug)]
pub struct SiblingRules<'c> {
    folder: PathBuf,
    config: &'c Config,
}

impl<'c> SiblingRules<'c> {
    /// Returns the rules beside `file`.
    pub fn of(file: &Path, config: &'c Config) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        SiblingRules { folder: folder.to_owned(), config }
    }
}

impl OtherRules for SiblingRules<'_> {
    fn names(&self) -> Vec<String> {
        subfolders(&self.folder)
    }

    fn sources(&self, name: &str) -> Result<Sources, Problems> {
        let folder = RulesFolder::read_rules(&self.folder.join(name)).map_err(Problems)?;
        Ok(folder.sources(self.config))
    }
}

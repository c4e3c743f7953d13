//! The stories of `tests/stories/`: what the engine and the shipped rules do.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use dag_config::Config;
use dag_rulebook::{Rulebook, RulesFolder, SiblingRules};

/// One of the folders of stories, with the rules that its stories begin with.
pub struct Stories {
    /// `shipped` or `engine`.
    pub name: &'static str,
    folder: PathBuf,
    pub rulebook: Rulebook,
    pub config: Config,
}

impl Stories {
    /// The stories about the shipped rules. They have people of their own.
    pub fn shipped() -> Stories {
        let mut rules = RulesFolder::read_rules(&top().join("rules")).unwrap().into_files();
        rules.insert("people.toml".to_owned(), fs::read_to_string(root().join("people.toml")).unwrap());
        Stories::of("shipped", rules)
    }

    /// The stories about the engine. Each puts the rules of a folder beside it in force in its first step.
    pub fn engine() -> Stories {
        Stories::of("engine", RulesFolder::read_rules(&root().join("engine/household")).unwrap().into_files())
    }

    /// The same stories on other rules.
    pub fn of(name: &'static str, rules: BTreeMap<String, String>) -> Stories {
        let config = root().join("config.toml");
        let config = Config::parse(&fs::read_to_string(&config).unwrap(), &config, [], &[]).unwrap();
        let stored = rules.into_iter().map(|(file, text)| (file, text.into_bytes())).collect();
        let rulebook = Rulebook::compile(RulesFolder::from_stored(stored), &config);
        let rulebook = rulebook.unwrap_or_else(|problems| panic!("{problems}"));
        Stories { name, folder: root().join(name), rulebook, config }
    }

    /// Returns the files with their texts.
    pub fn files(&self) -> BTreeMap<String, String> {
        let paths = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let stories = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        stories.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
    }

    /// Returns the rules beside a story.
    pub fn others(&self, file: &str) -> SiblingRules<'_> {
        SiblingRules::of(&self.folder.join(file), &self.config)
    }
}

fn root() -> PathBuf {
    top().join("engine/rulebook/tests/stories")
}

/// The folder of the project. Every crate is two levels below it.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

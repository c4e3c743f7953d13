//! `dag test`

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;
use dag_cli::{Done, Failure, count};
use dag_engine::{Played, Rewritten};
use dag_rulebook::{Rulebook, RulesFolder, ScenarioResult, SiblingRules, read_text};
use serde_json::{Value, json};

use super::{
    common::{Common, load, rules_path},
    replace_file::replace_file,
};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Scenarios, or folders of them; all of rules/tests/ where none is given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write what was sent into each `expect` that went otherwise
    ///
    /// Nothing else of a file is changed, and a file with any other problem is left alone. Read what it prints: it is
    /// what your rules do, and perhaps not what they should do.
    #[arg(long)]
    update: bool,
}

impl Test {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        let rules = rules_path(common);
        let folder = RulesFolder::read(&rules).map_err(dag_engine::Problems)?;
        let rulebook = Rulebook::compile(folder, &config)?;
        let tests = rules.join("tests");
        let own = rulebook.folder.files_in("tests");
        let own = own.map(|(file, text)| (tests.join(file).display().to_string(), text.to_owned()));
        let scenarios = match self.paths.as_slice() {
            [] => own.collect(),
            paths => read_scenarios(paths)?,
        };
        if scenarios.is_empty() {
            return Err("no scenarios were found: write some into rules/tests/".into());
        }
        let mut report = Report::default();
        for (file, source) in &scenarios {
            let path = Path::new(file);
            match rulebook.play(file, source, &config, &SiblingRules::of(path, &config)) {
                Ok(ScenarioResult { name, played, .. }) if self.update => {
                    let written = played.rewritten.as_ref().map(|new| replace_file(path, source, &new.text));
                    match (&played.rewritten, written) {
                        (Some(new), Some(Ok(()))) => report.updated(file, &name, new),
                        (_, Some(Err(error))) => {
                            report.played(file, &name, &played, &format!("the file is left alone: {error}"));
                        }
                        _ => report.played(file, &name, &played, LEFT_ALONE),
                    }
                }
                Ok(ScenarioResult { name, played, .. }) => report.played(file, &name, &played, ""),
                Err(problems) => {
                    report.unreadable(file, &problems.to_string(), if self.update { LEFT_ALONE } else { "" });
                }
            }
        }
        report.end(common)
    }
}

/// The reason for which `--update` does not write a file.
const LEFT_ALONE: &str = "the file is left alone, since more is wrong than what an `expect` lists: mend the rules, or \
                          change or delete the scenario";

/// What `dag test` says of the scenarios.
#[derive(Debug, Default)]
struct Report {
    text: String,
    scenarios: Vec<Value>,
    failed: u32,
    updated: u32,
    /// The failed scenarios that `--update` would write.
    can_update: u32,
}

impl Report {
    /// Adds a scenario that was played. If it failed, `note` says why its file was not updated.
    fn played(&mut self, file: &str, name: &str, played: &Played, note: &str) {
        let good = played.problems.is_empty();
        self.text.push_str(&format!("{}  {name}  ({file})\n", if good { "ok     " } else { "FAILED " }));
        for problem in &played.problems {
            self.text.push_str(&format!("\n{problem}\n"));
        }
        if !good {
            self.failed += 1;
            self.can_update += u32::from(note.is_empty() && played.rewritten.is_some());
            self.text.push_str(&format!("\nWhat was decided:\n{}\n", played.timeline));
            self.note(note);
        }
        let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
        let timeline = &played.timeline;
        self.scenarios.push(json!({
            "file": file, "name": name, "ok": good, "updated": false, "problems": problems, "timeline": timeline
        }));
    }

    /// Adds a scenario whose file was updated.
    fn updated(&mut self, file: &str, name: &str, new: &Rewritten) {
        self.updated += 1;
        self.text.push_str(&format!("UPDATED  {name}  ({file})\n"));
        for (line, list) in &new.lists {
            self.text.push_str(&format!("  line {line}: expect = {list}\n"));
        }
        let lists: Vec<Value> = new.lists.iter().map(|(line, list)| json!({ "line": line, "expect": list })).collect();
        self.scenarios.push(json!({ "file": file, "name": name, "ok": true, "updated": true, "lists": lists }));
    }

    /// Adds a scenario that cannot be played.
    fn unreadable(&mut self, file: &str, problems: &str, note: &str) {
        self.failed += 1;
        self.text.push_str(&format!("FAILED   {file}\n\n{problems}\n\n"));
        self.note(note);
        self.scenarios.push(json!({ "file": file, "ok": false, "updated": false, "problems": [problems] }));
    }

    fn note(&mut self, note: &str) {
        if !note.is_empty() {
            self.text.push_str(&format!("{note}\n\n"));
        }
    }

    fn end(mut self, common: &Common) -> Done {
        let updated = if self.updated == 0 { String::new() } else { format!(", {} updated", self.updated) };
        let scenarios = count(self.scenarios.len(), "scenario");
        if self.updated > 0 {
            let files = if self.updated == 1 { "the file" } else { "these files" };
            self.text.push_str(&format!("Read the `name` and the comments of {files}: they are not changed.\n"));
        }
        self.text.push_str(&format!("{scenarios}{updated}, {} failed", self.failed));
        common.print(
            self.text,
            &json!({ "scenarios": self.scenarios, "updated": self.updated, "failed": self.failed }),
        )?;
        match (self.failed, self.can_update) {
            (0, _) => Ok(()),
            (_, 0) => Err("not everything went as expected".into()),
            _ => Err("not everything went as expected. If what was sent is right, `dag test --update` writes it into \
                      the `expect` of the scenarios"
                .into()),
        }
    }
}

/// Reads the scenarios at `paths`. A path may be a folder of them.
fn read_scenarios(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
            let mut inside: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
            inside.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
            inside.sort();
            files.append(&mut inside);
        } else {
            files.push(path.clone());
        }
    }
    // A file that is named twice, perhaps by its folder, is played once.
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    let read = |file: &Path| Ok((file.display().to_string(), read_text(file)?));
    files.iter().map(|file| read(file)).collect()
}

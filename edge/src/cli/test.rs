//! `dag test`

use std::path::{Path, PathBuf};

use clap::Args;
use dag_cli::{Done, Failure, count};
use dag_rulebook::{Rulebook, RulesFolder, ScenarioResult, SiblingRules, read_text};
use serde_json::json;

use super::common::{Common, load};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// Scenarios, or folders of them; all of rules/tests/ where none is given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Test {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        let rules = config.root.join("rules");
        let folder = RulesFolder::read(&rules).map_err(dag_engine::Problems)?;
        let rulebook = Rulebook::compile(folder, &config)?;
        let own = || rulebook.folder.files_in("tests").map(|(file, text)| (file.to_owned(), text.to_owned())).collect();
        let (within, scenarios) = match self.paths.as_slice() {
            [] => (rules.join("tests"), own()),
            paths => (PathBuf::new(), read_scenarios(paths)?),
        };
        if scenarios.is_empty() {
            return Err("no scenarios were found: write some into rules/tests/".into());
        }
        let mut failed = 0;
        let mut report = Vec::new();
        let mut text = String::new();
        for (file, source) in &scenarios {
            match rulebook.play(file, source, &config, &SiblingRules::of(&within.join(file), &config)) {
                Ok(ScenarioResult { name, played, .. }) => {
                    let good = played.problems.is_empty();
                    failed += u32::from(!good);
                    text.push_str(&format!("{}  {name}  ({file})\n", if good { "ok    " } else { "FAILED" }));
                    for problem in &played.problems {
                        text.push_str(&format!("\n{problem}\n"));
                    }
                    if !good {
                        text.push_str(&format!("\nWhat was decided:\n{}\n", played.timeline));
                    }
                    let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
                    let timeline = &played.timeline;
                    report.push(json!({
                        "file": file, "name": name, "ok": good, "problems": problems, "timeline": timeline
                    }));
                }
                Err(problems) => {
                    failed += 1;
                    text.push_str(&format!("FAILED  {file}\n\n{problems}\n\n"));
                    report.push(json!({ "file": file, "ok": false, "problems": [problems.to_string()] }));
                }
            }
        }
        text.push_str(&format!("{}, {failed} failed", count(scenarios.len(), "scenario")));
        common.print(text, &json!({ "scenarios": report, "failed": failed }))?;
        if failed == 0 { Ok(()) } else { Err("not everything went as expected".into()) }
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
    let read = |file: &Path| Ok((file.display().to_string(), read_text(file)?));
    files.iter().map(|file| read(file)).collect()
}

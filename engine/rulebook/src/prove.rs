//! The proof of rules: they compile, somebody could be told by them, and every scenario goes as expected.

use std::{collections::BTreeMap, path::Path};

use dag_config::Config;
use dag_engine::{Problems, Scenario, Sources};

use crate::{
    devices::devices,
    refusal::{FailedScenario, FailedScenarios, Refusal},
    rulebook::Rulebook,
    rules_folder::RulesFolder,
};

impl Rulebook {
    /// Does the same as [`load`](Rulebook::load), and plays every scenario. A start and a reload do this.
    ///
    /// With the configuration of one device of a fleet, only the scenarios of that device are played.
    ///
    /// # Errors
    /// All problems of the files, or all scenarios that did not go as expected.
    pub fn prove(path: &Path, config: &Config) -> Result<Rulebook, Refusal> {
        Self::prove_folder(RulesFolder::read(path).map_err(Problems)?, config)
    }

    /// Does the same as [`prove`](Rulebook::prove) with a folder that was read.
    ///
    /// # Errors
    /// Those of [`prove`](Rulebook::prove).
    pub fn prove_folder(folder: RulesFolder, config: &Config) -> Result<Rulebook, Refusal> {
        let rulebook = Self::load_folder(folder, config)?;
        let failed = rulebook.play_all(config);
        match failed.scenarios.as_slice() {
            [] => Ok(rulebook),
            _ => Err(Refusal::Scenarios { rulebook: Box::new(rulebook), failed }),
        }
    }

    /// Plays every scenario of the folder. Returns those that failed.
    fn play_all(&self, config: &Config) -> FailedScenarios {
        let others = self.folder.scenario_rules();
        let others: BTreeMap<String, Sources> =
            others.into_iter().map(|(name, folder)| (name, folder.sources(config))).collect();
        let (mut failed, mut played) = (Vec::new(), 0);
        let known = devices(config);
        for (file, text) in self.folder.files_in("tests") {
            // Scenarios of other devices are played where the fleet's configuration is.
            if config.is_of_one_device() && Scenario::devices(text).iter().any(|device| !known.contains_key(device)) {
                continue;
            }
            played += 1;
            let file = self.folder.path_of(&format!("tests/{file}"));
            let (problems, can_update) = match self.play(&file, text, config, &others) {
                Ok(result) => (result.played.problems, result.played.rewritten.is_some()),
                Err(Problems(problems)) => (problems, false),
            };
            if !problems.is_empty() {
                failed.push(FailedScenario { file, problems, can_update });
            }
        }
        FailedScenarios { scenarios: failed, played }
    }
}

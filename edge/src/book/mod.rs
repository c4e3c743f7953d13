//! A rulebook: the folder `rules/`, compiled, its templates rendered and its scenarios played, ready to be put in force.

mod folder;
mod warnings;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use dag_config::Config;
use dag_delivery::{Renderer, Templates};
use dag_engine::{
    Decision, Device, Engine, FactKind, Name, Notification, Outcome, Played, Problem, Problems, Ruleset, Runs,
    Scenario, Sources, Time, notifications,
};

pub use folder::{Folder, text};

/// Rules that may be put in force.
#[derive(Debug)]
pub struct Book {
    /// The engine with the rules of this host.
    pub engine: Engine,
    /// The words of messages.
    pub renderer: Arc<Renderer>,
    /// The files that it was made from.
    pub folder: Folder,
}

/// A scenario and how it went.
#[derive(Debug)]
pub struct Play {
    /// The file, from the folder of scenarios.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// How it went.
    pub played: Played,
}

impl Book {
    /// Compiles a folder for a device that decides by itself, and renders every message that it could send.
    ///
    /// # Errors
    /// Everything that is wrong with rules, scripts and templates.
    pub fn compile(folder: Folder, config: &Config) -> Result<Book, Problems> {
        let engine = Engine::new(Ruleset::compile(&sources(&folder, config))?).running(Runs::Standalone);
        let renderer = Templates::load(folder.below("templates")).map_err(Problems)?;
        let book = Book { engine, renderer: Arc::new(renderer.into()), folder };
        let problems = book.unspeakable(config);
        if problems.is_empty() { Ok(book) } else { Err(Problems(problems)) }
    }

    /// Reads, compiles and tries out: what a reload does, and `dag check`.
    ///
    /// # Errors
    /// Everything that is wrong with the files, or the scenarios that went otherwise than expected.
    pub fn prove(path: &Path, config: &Config) -> Result<Book, Problems> {
        let book = Book::compile(Folder::read(path).map_err(Problems)?, config)?;
        let mut problems = Vec::new();
        for (file, text) in book.folder.below("tests") {
            match book.play(file, text, config) {
                Ok(play) => problems.extend(play.played.problems),
                Err(wrong) => problems.extend(wrong.0),
            }
        }
        if problems.is_empty() { Ok(book) } else { Err(Problems(problems)) }
    }

    /// Plays one scenario, with every rule, whatever its `run_on`.
    ///
    /// # Errors
    /// What is wrong with the scenario's file.
    pub fn play(&self, file: &str, text: &str, config: &Config) -> Result<Play, Problems> {
        let engine = Engine::new(Ruleset::compile(&sources(&self.folder, config))?);
        let scenario = Scenario::parse(file, text, &engine, &devices(config))?;
        let played = scenario.play(&engine, &|notification| self.renderer.subject(notification));
        Ok(Play { file: file.to_owned(), name: scenario.name, played })
    }

    /// What is allowed, and probably not meant.
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        warnings::of(&self.engine, config)
    }

    /// Messages that the scripts or templates cannot say.
    fn unspeakable(&self, config: &Config) -> Vec<Problem> {
        let now = Time::from_millis(SAMPLE_NOW);
        let mut problems = Vec::new();
        let mut samples: Vec<Notification> = Vec::new();
        for device in devices(config).values() {
            let decisions: Vec<Decision> = self.engine.samples(device, now);
            for decision in &decisions {
                if let (Outcome::HookFailed { hook, error }, Some(rule)) = (&decision.outcome, &decision.rule) {
                    let message = format!("the script of the rule `{rule}` fails in `{hook}`: {error}");
                    let problem = Problem::error("rules", "", 0..0, message, None);
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
            samples.extend(notifications(&decisions).cloned());
        }
        problems.extend(self.renderer.check(&samples));
        problems
    }
}

/// Any moment will do for a sample: noon of a winter's day.
const SAMPLE_NOW: i64 = 1_768_046_400_000;

fn sources(folder: &Folder, config: &Config) -> Sources {
    Sources {
        files: folder.rules(),
        facts: config.facts().into_iter().map(|fact| (fact, FactKind::Switch)).collect(),
        timezone: config.site.timezone.clone(),
        operators: config.site.operators.clone(),
    }
}

/// Every device of the configuration.
pub fn devices(config: &Config) -> BTreeMap<Name, Device> {
    let devices = config.devices.keys().filter_map(|id| config.device(Some(id.as_str())).ok());
    devices.map(|device| (device.id.clone(), device)).collect()
}

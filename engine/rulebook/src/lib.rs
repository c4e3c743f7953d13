//! A rulebook: the folder `rules/`, compiled, its templates rendered and its scenarios played, ready to be put in force.

mod rules_folder;
mod sibling_rules;
mod warnings;

use std::{collections::BTreeMap, path::Path};

use dag_config::{Config, Mode};
use dag_delivery::{TemplateProblem, Templates};
use dag_engine::{
    Decision, Device, Engine, FactKind, Name, Notification, OtherRules, Outcome, Played, Problem, Problems, Ruleset,
    Runs, Scenario, Sources, Time, did_you_mean, notifications,
};

pub use rules_folder::{RulesFolder, text};
pub use sibling_rules::SiblingRules;

/// Rules that may be put in force.
#[derive(Debug)]
pub struct Rulebook {
    /// The engine with the rules of this host.
    pub engine: Engine,
    /// The words of messages.
    pub templates: Templates,
    /// The files that it was made from.
    pub folder: RulesFolder,
}

/// A scenario and how it went.
#[derive(Debug)]
pub struct ScenarioResult {
    /// The file, from the folder of scenarios.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// How it went.
    pub played: Played,
}

impl Rulebook {
    /// Compiles a folder for a device, and renders every message that it could send. In the mode `standalone` it runs all
    /// rules but the cloud's, in the mode `cloud` its own alone.
    ///
    /// # Errors
    /// Everything that is wrong with rules, scripts and templates.
    pub fn compile(folder: RulesFolder, config: &Config) -> Result<Rulebook, Problems> {
        let runs = match config.mode {
            Mode::Standalone => Runs::Standalone,
            Mode::Cloud => Runs::Device,
        };
        let engine = Engine::new(Ruleset::compile(&sources(&folder, config))?).running(runs);
        let files = folder.below("templates").map(|(name, text)| (name.to_owned(), text.to_owned()));
        let templates = Templates::load(files);
        let templates =
            templates.map_err(|wrong| Problems(wrong.iter().map(|one| folder.template_problem(one)).collect()))?;
        let rulebook = Rulebook { engine, templates, folder };
        let mut problems = rulebook.unknown_templates();
        problems.extend(rulebook.rendering_problems(config));
        if problems.is_empty() { Ok(rulebook) } else { Err(Problems(problems)) }
    }

    /// Reads, compiles and plays every scenario: what a start and a reload do. A device that knows of itself alone plays its
    /// own.
    ///
    /// # Errors
    /// Everything that is wrong with the files, or the scenarios that went otherwise than expected.
    pub fn prove(path: &Path, config: &Config) -> Result<Rulebook, Problems> {
        let rulebook = Rulebook::compile(RulesFolder::read(path).map_err(Problems)?, config)?;
        let others = rulebook.folder.others();
        let others: BTreeMap<String, Sources> =
            others.into_iter().map(|(name, folder)| (name, sources(&folder, config))).collect();
        let mut problems = Vec::new();
        let known = devices(config);
        for (file, text) in rulebook.folder.below("tests") {
            // What the rules do for a device of which nothing is known here is proved where the fleet's configuration is.
            if config.is_of_one_device() && Scenario::devices(text).iter().any(|device| !known.contains_key(device)) {
                continue;
            }
            match rulebook.play(file, text, config, &others) {
                Ok(play) => problems.extend(play.played.problems),
                Err(wrong) => problems.extend(wrong.0),
            }
        }
        if problems.is_empty() { Ok(rulebook) } else { Err(Problems(problems)) }
    }

    /// Plays one scenario, with every rule, whatever its `run_on`. `others` are the rules that it may put in force; the
    /// words of messages stay this rulebook's.
    ///
    /// # Errors
    /// What is wrong with the scenario's file, or with the rules of a folder that it names.
    pub fn play(
        &self,
        file: &str,
        text: &str,
        config: &Config,
        others: &dyn OtherRules,
    ) -> Result<ScenarioResult, Problems> {
        let engine = Engine::new(Ruleset::compile(&sources(&self.folder, config))?);
        let scenario = Scenario::parse(file, text, &engine, &devices(config), others)?;
        let played = scenario.play(&engine, &|notification| self.templates.subject(notification));
        Ok(ScenarioResult { file: file.to_owned(), name: scenario.name, played })
    }

    /// What is allowed, and probably not meant.
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        warnings::of(&self.engine, config)
    }

    /// Messages that the scripts or templates cannot say.
    fn rendering_problems(&self, config: &Config) -> Vec<Problem> {
        let now = Time::from_millis(SAMPLE_NOW);
        let mut problems = Vec::new();
        let mut samples: Vec<Notification> = Vec::new();
        // Rendering takes some milliseconds for each: of a large fleet a few stand for all.
        for device in devices(config).values().take(MOST_SAMPLED) {
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
        problems.extend(self.templates.check(&samples).iter().map(|problem| self.folder.template_problem(problem)));
        problems
    }

    /// Webhooks whose body no template makes.
    fn unknown_templates(&self) -> Vec<Problem> {
        let known = self.templates.webhooks();
        let unknown = self.engine.rules().webhook_templates().filter(|name| !known.iter().any(|known| known == *name));
        let problem = |name: &Name| {
            let help = did_you_mean(name, known.iter().map(String::as_str));
            let help = help
                .unwrap_or_else(|| format!("there are {}; your own is rules/templates/{name}.json", known.join(", ")));
            Problem::error(
                "rules",
                "",
                0..0,
                format!("a webhook names the template `{name}`, and there is none"),
                Some(help),
            )
        };
        unknown.map(problem).collect()
    }
}

/// For so many devices messages are rendered on trial.
const MOST_SAMPLED: usize = 16;

/// Any moment will do for a sample: noon of a winter's day.
const SAMPLE_NOW: i64 = 1_768_046_400_000;

impl RulesFolder {
    /// A template's problem with its place in the user's file.
    fn template_problem(&self, problem: &TemplateProblem) -> Problem {
        let found = self.below("templates").find(|(name, _)| *name == problem.file);
        let text = found.map_or("", |(_, text)| text);
        let before = problem.line.unwrap_or(1).saturating_sub(1);
        let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
        let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
        Problem::error(&format!("templates/{}", problem.file), text, start..start + length, &problem.message, None)
    }
}

fn sources(folder: &RulesFolder, config: &Config) -> Sources {
    Sources {
        files: folder.rules(),
        facts: config.facts().into_iter().map(|fact| (fact, FactKind::Switch)).collect(),
        other_devices: config.is_of_one_device(),
        timezone: config.site.timezone.clone(),
        operators: config.site.operators.clone(),
    }
}

/// Every device of the configuration.
pub fn devices(config: &Config) -> BTreeMap<Name, Device> {
    let devices = config.devices.keys().filter_map(|id| config.device(Some(id.as_str())).ok());
    devices.map(|device| (device.id.clone(), device)).collect()
}

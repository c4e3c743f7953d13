//! A rulebook: the rules, scripts, templates and scenarios of the folder `rules/`, compiled and checked.
//!
//! Every program that runs rules loads them by this crate, so that all of them accept the same rules.
//! [`Rulebook::compile`] compiles rules and scripts and renders the templates on sample messages. [`Rulebook::prove`]
//! also plays the scenarios.

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

pub use rules_folder::{RulesFolder, read_text};
pub use sibling_rules::SiblingRules;

/// Rules that compiled and can be put in force.
#[derive(Debug)]
pub struct Rulebook {
    /// The engine with the rules of this host.
    pub engine: Engine,
    /// The templates of messages.
    pub templates: Templates,
    /// The files that it was compiled from.
    pub folder: RulesFolder,
}

/// The result of a scenario.
#[derive(Debug)]
pub struct ScenarioResult {
    /// The path of the file, from the folder of scenarios.
    pub file: String,
    /// The sentence that says what it shows.
    pub name: String,
    /// The differences from what was expected, and the timeline.
    pub played: Played,
}

impl Rulebook {
    /// Compiles a folder for a device, and renders sample messages of every rule. In the mode `standalone` the device
    /// runs all rules but the cloud's. In the mode `cloud` it runs only its own.
    ///
    /// # Errors
    /// All problems of rules, scripts and templates.
    pub fn compile(folder: RulesFolder, config: &Config) -> Result<Rulebook, Problems> {
        let runs = match config.mode {
            Mode::Standalone => Runs::Standalone,
            Mode::Cloud => Runs::Device,
        };
        let engine = Engine::new(Ruleset::compile(&sources(&folder, config))?).running(runs);
        let files = folder.files_in("templates").map(|(name, text)| (name.to_owned(), text.to_owned()));
        let templates = Templates::load(files);
        let templates =
            templates.map_err(|wrong| Problems(wrong.iter().map(|one| folder.template_problem(one)).collect()))?;
        let rulebook = Rulebook { engine, templates, folder };
        let mut problems = rulebook.unknown_templates();
        problems.extend(rulebook.rendering_problems(config));
        if problems.is_empty() { Ok(rulebook) } else { Err(Problems(problems)) }
    }

    /// Reads and compiles the folder at `path`, and plays every scenario. A start and a reload do this.
    ///
    /// With the configuration of one device of a fleet, only the scenarios of that device are played.
    ///
    /// # Errors
    /// All problems of the files, and all scenarios that did not go as expected.
    pub fn prove(path: &Path, config: &Config) -> Result<Rulebook, Problems> {
        let rulebook = Rulebook::compile(RulesFolder::read(path).map_err(Problems)?, config)?;
        let others = rulebook.folder.scenario_rules();
        let others: BTreeMap<String, Sources> =
            others.into_iter().map(|(name, folder)| (name, sources(&folder, config))).collect();
        let mut problems = Vec::new();
        let known = devices(config);
        for (file, text) in rulebook.folder.files_in("tests") {
            // Scenarios of other devices are played where the fleet's configuration is.
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

    /// Plays one scenario, with every rule, whatever its `run_on`. `others` are the rules that it may put in force. The
    /// templates stay those of this rulebook.
    ///
    /// # Errors
    /// All problems of the scenario's file, or of the rules in a folder that it names.
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

    /// Returns warnings about rules that are allowed, but probably not meant.
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        warnings::of(&self.engine, config)
    }

    /// Returns the problems of scripts and templates on sample messages.
    fn rendering_problems(&self, config: &Config) -> Vec<Problem> {
        let now = Time::from_millis(SAMPLE_NOW);
        let mut problems = Vec::new();
        let mut samples: Vec<Notification> = Vec::new();
        // A rendering takes some milliseconds, so that a few devices stand for a large fleet.
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

    /// Returns the webhooks that name a template that does not exist.
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

/// The most devices for which sample messages are rendered.
const MOST_SAMPLED: usize = 16;

/// The time of sample messages, in milliseconds since 1970. Any time will do: this is noon on 10 January 2026.
const SAMPLE_NOW: i64 = 1_768_046_400_000;

impl RulesFolder {
    /// Returns a template's problem with its place in the user's file.
    fn template_problem(&self, problem: &TemplateProblem) -> Problem {
        let found = self.files_in("templates").find(|(name, _)| *name == problem.file);
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

/// Returns all devices of the configuration.
pub fn devices(config: &Config) -> BTreeMap<Name, Device> {
    let devices = config.devices.keys().filter_map(|id| config.device(Some(id.as_str())).ok());
    devices.map(|device| (device.id.clone(), device)).collect()
}

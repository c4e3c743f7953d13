//! A rulebook: the rules, scripts, templates and scenarios of the folder `rules/`, compiled and checked.
//!
//! Every program that runs rules loads them by this crate, so that all of them accept the same rules.
//! [`Rulebook::compile`] compiles rules and scripts, calls the scripts and renders the templates on samples.
//! [`Rulebook::prove`] also refuses rules that could tell nobody, and plays the scenarios.

mod reach;
mod refusal;
mod rules_folder;
mod sibling_rules;
mod warnings;

use std::{collections::BTreeMap, path::Path};

use dag_config::{Config, Mode};
use dag_delivery::{TemplateProblem, Templates};
use dag_engine::{
    Decision, Device, Engine, FactKind, HookReport, Name, Notification, OtherRules, Played, Problem, Problems, Ruleset,
    Runs, Scenario, Sources, Time, did_you_mean, notifications,
};

pub use refusal::{FailedScenario, Refusal};
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
    /// The warnings about hooks, which only [`load`](Rulebook::load) looks for.
    hook_warnings: Vec<Problem>,
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
        let rules = Ruleset::compile(&sources(&folder, config)).map_err(|problems| folder.placed(problems))?;
        let engine = Engine::new(rules).running(runs);
        let files = folder.files_in("templates").map(|(name, text)| (name.to_owned(), text.to_owned()));
        let templates = Templates::load(files);
        let templates = templates
            .map_err(|wrong| folder.placed(Problems(wrong.iter().map(|one| folder.template_problem(one)).collect())))?;
        let rulebook = Rulebook { engine, templates, folder, hook_warnings: Vec::new() };
        let mut problems = rulebook.unknown_templates();
        problems.extend(rulebook.rendering_problems(config));
        if problems.is_empty() { Ok(rulebook) } else { Err(rulebook.folder.placed(Problems(problems))) }
    }

    /// Reads and compiles the folder at `path`, calls every hook of its scripts on samples, and checks that somebody
    /// could be told.
    ///
    /// # Errors
    /// All problems of the files and scripts; or there is no rule, or none that could tell anybody.
    pub fn load(path: &Path, config: &Config) -> Result<Rulebook, Problems> {
        Self::load_folder(RulesFolder::read(path).map_err(Problems)?, config)
    }

    fn load_folder(folder: RulesFolder, config: &Config) -> Result<Rulebook, Problems> {
        let mut rulebook = Rulebook::compile(folder, config)?;
        let HookReport { mut problems, mute } = rulebook.check_hooks(config);
        problems.extend(reach::nobody(rulebook.engine.rules(), rulebook.folder.root(), config));
        if !problems.is_empty() {
            return Err(rulebook.folder.placed(Problems(problems)));
        }
        let mute = mute.into_iter().map(|(_, warning)| warning);
        rulebook.hook_warnings = rulebook.folder.placed(Problems(mute.collect())).0;
        Ok(rulebook)
    }

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
        let (failed, played) = rulebook.play_all(config);
        match failed.as_slice() {
            [] => Ok(rulebook),
            _ => Err(Refusal::Scenarios { rulebook: Box::new(rulebook), failed, played }),
        }
    }

    /// Plays every scenario of the folder. Returns those that failed, and the number of those that were played.
    fn play_all(&self, config: &Config) -> (Vec<FailedScenario>, usize) {
        let others = self.folder.scenario_rules();
        let others: BTreeMap<String, Sources> =
            others.into_iter().map(|(name, folder)| (name, sources(&folder, config))).collect();
        let (mut failed, mut played) = (Vec::new(), 0);
        let known = devices(config);
        for (file, text) in self.folder.files_in("tests") {
            // Scenarios of other devices are played where the fleet's configuration is.
            if config.is_of_one_device() && Scenario::devices(text).iter().any(|device| !known.contains_key(device)) {
                continue;
            }
            played += 1;
            let file = self.folder.path_of(&format!("tests/{file}"));
            let problems = match self.play(&file, text, config, &others) {
                Ok(result) => result.played.problems,
                Err(Problems(problems)) => problems,
            };
            if !problems.is_empty() {
                failed.push(FailedScenario { file, problems });
            }
        }
        (failed, played)
    }

    /// Returns the number of scenarios in the folder.
    pub fn scenarios(&self) -> usize {
        self.folder.files_in("tests").count()
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
        let mut warnings = warnings::of(&self.engine, config);
        warnings.extend(reach::warnings(self.engine.rules(), config));
        warnings.extend(self.hook_warnings.iter().map(ToString::to_string));
        warnings
    }

    /// Calls the hooks of all scripts on samples. A rule is mute if it is on every device that is sampled.
    fn check_hooks(&self, config: &Config) -> HookReport {
        let mut reports = sample_devices(config).map(|device| self.engine.check_hooks(&device, SAMPLE_NOW));
        let mut whole = reports.next().unwrap_or_default();
        for report in reports {
            for problem in report.problems {
                if !whole.problems.contains(&problem) {
                    whole.problems.push(problem);
                }
            }
            whole.mute.retain(|(rule, _)| report.mute.iter().any(|(other, _)| other == rule));
        }
        whole
    }

    /// Returns the problems of templates on sample messages.
    fn rendering_problems(&self, config: &Config) -> Vec<Problem> {
        let decisions = sample_devices(config).flat_map(|device| self.engine.samples(&device, SAMPLE_NOW));
        let decisions: Vec<Decision> = decisions.collect();
        let samples: Vec<Notification> = notifications(&decisions).cloned().collect();
        self.templates.check(&samples).iter().map(|problem| self.folder.template_problem(problem)).collect()
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

/// The most devices for which scripts are called and sample messages are rendered. A rendering takes some
/// milliseconds, so that a few devices stand for a large fleet.
const MOST_SAMPLED: usize = 16;

/// The time of samples. Any time will do: this is noon on 10 January 2026.
const SAMPLE_NOW: Time = Time::from_millis(1_768_046_400_000);

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

/// Returns the devices of which samples are made. In the mode `cloud` their account has an address, as it has once
/// somebody is assigned to it.
fn sample_devices(config: &Config) -> impl Iterator<Item = Device> {
    let account = (config.mode == Mode::Cloud).then(|| "account@example.com".to_owned());
    let devices = devices(config).into_values().take(MOST_SAMPLED);
    devices.map(move |device| Device { account_emails: account.clone().into_iter().collect(), ..device })
}

/// Returns all devices of the configuration.
pub fn devices(config: &Config) -> BTreeMap<Name, Device> {
    let devices = config.devices.keys().filter_map(|id| config.device(Some(id.as_str())).ok());
    devices.map(|device| (device.id.clone(), device)).collect()
}

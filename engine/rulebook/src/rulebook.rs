//! Rules that compiled.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    devices::{devices, sample_devices},
    notes, reach, real_monitor,
    rules_folder::RulesFolder,
    warnings, webhooks,
};
use dag_config::{Config, Mode};
use dag_delivery::{TemplateProblem, Templates};
use dag_engine::{
    Decision, Engine, HookReport, Notification, OtherRules, Played, Problem, Problems, Ruleset, Runs, Scenario, Time,
    notifications,
};

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
        let rules = Ruleset::compile(&folder.sources(config)).map_err(|problems| folder.placed(problems))?;
        let engine = Engine::new(rules).running(runs);
        let files = folder.files_in("templates").map(|(name, text)| (name.to_owned(), text.to_owned()));
        let templates = Templates::load(files);
        let templates = templates
            .map_err(|wrong| folder.placed(Problems(wrong.iter().map(|one| folder.template_problem(one)).collect())))?;
        let templates = templates.with_mains_outages(engine.rules().mains_outages());
        let rulebook = Rulebook { engine, templates, folder, hook_warnings: Vec::new() };
        let problems = rulebook.rendering_problems(config);
        if problems.is_empty() { Ok(rulebook) } else { Err(rulebook.folder.placed(Problems(problems))) }
    }

    /// Reads and compiles the folder at `path`, calls every hook of its scripts on samples, and checks webhooks, and that
    /// somebody could be told.
    ///
    /// # Errors
    /// All problems of the files and scripts; or there is no rule, or none that could tell anybody.
    pub fn load(path: &Path, config: &Config) -> Result<Rulebook, Problems> {
        Self::load_folder(RulesFolder::read(path).map_err(Problems)?, config)
    }

    pub(super) fn load_folder(folder: RulesFolder, config: &Config) -> Result<Rulebook, Problems> {
        let mut rulebook = Rulebook::compile(folder, config)?;
        // Not when the last good rules are compiled: those that an earlier version accepted still run.
        let HookReport { mut problems, mute } = rulebook.check_hooks(config);
        let templates = rulebook.templates.webhooks();
        problems.extend(webhooks::problems(rulebook.engine.rules(), &templates, &rulebook.folder));
        problems.extend(reach::nobody(rulebook.engine.rules(), rulebook.folder.root(), config));
        if !problems.is_empty() {
            return Err(rulebook.folder.placed(Problems(problems)));
        }
        let mute = mute.into_iter().map(|(_, warning)| warning);
        rulebook.hook_warnings = rulebook.folder.placed(Problems(mute.collect())).0;
        Ok(rulebook)
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
        let engine = Engine::new(Ruleset::compile(&self.folder.sources(config))?);
        let scenario = Scenario::parse(file, text, &engine, &devices(config), others)?;
        let played = scenario.play(&engine, &|notification| self.templates.subject(notification));
        Ok(ScenarioResult { file: file.to_owned(), name: scenario.name, played })
    }

    /// Returns warnings about rules and a deployment that are allowed, but probably not meant.
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        let mut warnings = warnings::of(&self.engine, &self.folder, config);
        warnings.extend(reach::warnings(self.engine.rules(), config));
        warnings.extend(self.hook_warnings.iter().map(ToString::to_string));
        warnings
    }

    /// Returns those of the [warnings](Rulebook::warnings) that say that this is no real monitor, or a trial that
    /// really sends messages.
    pub fn deployment_warnings(&self, config: &Config) -> Vec<String> {
        real_monitor::warnings(&self.engine, config)
    }

    /// Returns notes: what is as the files say, and worth knowing all the same.
    pub fn notes(&self, config: &Config) -> Vec<String> {
        notes::of(&self.engine, config)
    }

    /// Calls the hooks of all scripts on samples. A rule is mute if it is on every device that is sampled.
    fn check_hooks(&self, config: &Config) -> HookReport {
        let begun = Instant::now();
        let mut go_on = || begun.elapsed() < LONGEST_HOOK_CHECK;
        let mut reports = sample_devices(config).map(|device| self.engine.check_hooks(&device, SAMPLE_NOW, &mut go_on));
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
}

/// The time after which scripts are called in no more situations, so that no script delays a start or an edit much. The
/// shipped ones take some milliseconds, on a Pi Zero some hundred.
const LONGEST_HOOK_CHECK: Duration = Duration::from_secs(2);

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

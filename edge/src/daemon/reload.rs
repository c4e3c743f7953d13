//! A reload: the files are read, compiled and proved beside the loop, then put in force at once or not at all.

use std::{path::Path, sync::Arc, time::Instant};

use dag_config::Config;
use dag_engine::Input;
use dag_rulebook::{Refusal, Rulebook};
use tokio::task::JoinHandle;

use super::{
    cloud_uplink,
    files_state::FilesState,
    request::Answer,
    start::{delivery, forget_unread, log_deployment, log_warnings, rules_path, sources},
    state::{Candidate, Daemon, ReloadResult, Start},
};

impl Daemon {
    /// Starts to read the files again, beside the loop. The next call of [`next_reload_result`] waits for the end.
    pub(super) fn reload(&mut self) {
        if self.reload_job.is_some() {
            self.reload_again = true;
            return;
        }
        let (path, overrides, now) =
            (self.start.config_path.clone(), self.start.overrides.clone(), self.start.config.clone());
        let failing_too = self.runs_failing_rules;
        self.reload_job = Some(tokio::task::spawn_blocking(move || prove(&path, &overrides, &now, failing_too)));
    }

    /// Puts the result of a reload in force, or keeps the old rules where it failed. Answers the requests that wait.
    pub(super) async fn finish_reload(&mut self, result: ReloadResult) {
        self.reload_job = None;
        let answer = match result {
            Ok(new) => self.put_in_force(*new).await,
            Err(problems) => Err(problems),
        };
        if let Err(problems) = &answer {
            tracing::error!("the edit changes nothing, the rules before it stay in force:\n{problems}");
            self.files = FilesState::Rejected(problems.clone());
        }
        for waiting in self.reload_waiters.drain(..) {
            let _ = waiting.send(answer.clone());
        }
        if std::mem::take(&mut self.reload_again) {
            self.reload_waiters = std::mem::take(&mut self.next_reload_waiters);
            self.reload();
        }
    }

    async fn put_in_force(&mut self, new: Candidate) -> Answer {
        let Candidate { config, rulebook, delivery, failing } = new;
        let now = self.clock.now();
        let device = config.device(self.start.device.as_deref()).map_err(|error| error.to_string())?;
        if device.id != self.device.id {
            return Err(format!(
                "config.toml: the device `{}` is gone, and a running daemon stays the device that it was started as: \
                 restart it to run as `{}`, or undo that edit",
                self.device.id, device.id
            ));
        }
        let inputs =
            |config: &Config| config.devices.get(&device.id).map(|device| (device.inputs.clone(), device.report_step));
        let other_sources = inputs(&config) != inputs(&self.start.config);
        let other_uplink = config.uplink != self.start.config.uplink;
        let start = Start { config, ..self.start.clone() };
        if other_sources {
            self.change_sources(&start).await.map_err(|error| format!("{error:#}"))?;
        }
        let deployment = self.engine.rulebook().deployment_warnings(&self.start.config);
        self.start = start;
        forget_unread(&mut self.engine, &self.start.config, &device, &self.clock);
        self.delivery = Arc::new(delivery);
        if let (Some(uplink), Some(section), true) = (&mut self.uplink, &self.start.config.uplink, other_uplink) {
            self.engine.report_to_the_cloud(Some(section.keep));
            uplink.reconnect(&self.device.id, section);
        }
        if self.device != device {
            self.device = device.clone();
            self.engine.apply(Input::Account(device), now);
        }
        self.bridge_home_assistant();
        self.heartbeats.follow(&self.start.config.heartbeats, Instant::now());
        self.receivers.check_again();
        let rules = rulebook.engine.rules().hash();
        if rulebook.folder != self.engine.rulebook().folder || rules != self.engine.rulebook().engine.rules().hash() {
            log_warnings(&rulebook, &self.start.config);
            self.engine.replace_rulebook(rulebook, now);
            tracing::info!(%rules, "new rules are in force");
        }
        if let Some(failing) = &failing {
            tracing::error!("the rules run although scenarios fail, since no better ones are known:\n{failing}");
        }
        self.runs_failing_rules = failing.is_some();
        self.files = FilesState::in_force(failing);
        log_deployment(self.engine.rulebook(), &self.start.config, &deployment);
        self.sources.reread();
        Ok(serde_json::json!({ "rules": rules, "failing": self.files.failing() }))
    }

    /// Reads from the sources of `start` from now on. If they cannot be started, the old ones are started again.
    async fn change_sources(&mut self, start: &Start) -> anyhow::Result<()> {
        // The old ones end first: only one of them can use a pin.
        self.sources.stop().await;
        while let Ok(event) = self.sources.events.try_recv() {
            self.observe(event);
        }
        self.lost_sources.clear();
        let started = sources(start, &self.device, &self.engine, &self.clock);
        let (sources, refused) = match started {
            Ok(new) => (new, Ok(())),
            Err(error) => (sources(&self.start, &self.device, &self.engine, &self.clock)?, Err(error)),
        };
        self.unread_sources.clone_from(&sources.names);
        self.sources = sources;
        refused
    }
}

/// Reads and proves everything that a reload puts in force. `in_force` is the current configuration. With
/// `failing_too`, rules that only fail scenarios are accepted: those in force are no better.
fn prove(path: &Path, overrides: &[(String, String)], in_force: &Config, failing_too: bool) -> ReloadResult {
    let config = Config::load(path, overrides).map_err(|errors| errors.brief())?;
    if config.storage != in_force.storage {
        return Err(
            "config.toml: `storage` is read at the start alone: restart the daemon, or undo that edit".to_owned()
        );
    }
    if config.mode != in_force.mode {
        return Err("config.toml: `mode` is read at the start alone: restart the daemon, or undo that edit".to_owned());
    }
    cloud_uplink::section(&config)?;
    let (rulebook, failing) = match Rulebook::prove(&rules_path(path), &config) {
        Ok(rulebook) => (rulebook, None),
        Err(refusal) => {
            let text = refusal.to_string();
            match refusal {
                Refusal::Scenarios { rulebook, .. } if failing_too => (*rulebook, Some(text)),
                Refusal::Scenarios { .. } | Refusal::Mistakes(_) => return Err(text),
            }
        }
    };
    let delivery = delivery(&config).map_err(|error| format!("{error:#}"))?;
    Ok(Box::new(Candidate { config, rulebook, delivery, failing }))
}

/// Waits for the end of the reload that is under way, for ever where there is none.
///
/// # Cancel safety
/// Cancel safe. The job goes on, and the next call waits for it again. After a result, the caller clears `reload_job`.
pub(super) async fn next_reload_result(reload_job: &mut Option<JoinHandle<ReloadResult>>) -> ReloadResult {
    match reload_job {
        Some(job) => job.await.unwrap_or_else(|error| Err(format!("the reload was cut short: {error}"))),
        None => std::future::pending().await,
    }
}

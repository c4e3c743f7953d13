//! A reload: the files are read, compiled and tried out beside the loop, then put in force in one go, or not at all.

use std::{path::Path, sync::Arc};

use dag_config::{Config, Source};
use dag_delivery::Delivery;
use dag_engine::{Device, Input, Name};
use dag_rulebook::Rulebook;
use tokio::task::JoinHandle;

use super::{Answer, Daemon, Desk, Start, delivery, sources, uplink, warn_of};
use crate::{clock::Clock, source::Observation};

/// What a reload brought: everything new, or what is wrong.
pub(super) type Proved = Result<Box<(Config, Rulebook, Delivery)>, String>;

impl Daemon {
    /// Reads the files again, beside the loop.
    pub(super) fn reload(&mut self) {
        if self.reloading.is_some() {
            self.again = true;
            return;
        }
        let (path, overrides, now) =
            (self.start.config_path.clone(), self.start.overrides.clone(), self.start.config.clone());
        self.reloading = Some(tokio::task::spawn_blocking(move || prove(&path, &overrides, &now)));
    }

    pub(super) async fn proved(&mut self, proved: Proved) {
        self.reloading = None;
        let answer = match proved {
            Ok(new) => self.put_in_force(*new).await,
            Err(problems) => Err(problems),
        };
        match &answer {
            Ok(_) => self.rejected = None,
            Err(problems) => {
                tracing::error!("the edit changes nothing, the rules before it stay in force:\n{problems}");
                self.rejected = Some(problems.clone());
            }
        }
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(answer.clone());
        }
        if std::mem::take(&mut self.again) {
            self.waiting = std::mem::take(&mut self.waiting_for_next);
            self.reload();
        }
    }

    async fn put_in_force(&mut self, (config, rulebook, delivery): (Config, Rulebook, Delivery)) -> Answer {
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
        self.start = start;
        forget_unread(&mut self.desk, &self.start.config, &device, &self.clock);
        self.delivery = Arc::new(delivery);
        if let (Some(uplink), Some(section), true) = (&mut self.uplink, &self.start.config.uplink, other_uplink) {
            self.desk.report_to_the_cloud(Some(section.keep));
            uplink.reconnect(&self.device.id, section);
        }
        if self.device != device {
            self.device = device.clone();
            self.desk.take(Input::Account(device), now);
        }
        self.bridge_home_assistant();
        let rules = rulebook.engine.rules().hash();
        if rulebook.folder != self.desk.rulebook().folder || rules != self.desk.rulebook().engine.rules().hash() {
            warn_of(&rulebook, &self.start.config);
            self.desk.replace_rulebook(rulebook, now);
            tracing::info!(%rules, "new rules are in force");
        }
        self.sources.reread();
        Ok(serde_json::json!({ "rules": rules }))
    }

    /// Reads from the sources of `start` from now on, or, where they cannot be had, from the old ones again.
    async fn change_sources(&mut self, start: &Start) -> anyhow::Result<()> {
        // The old ones end first: a pin can be had only once.
        self.sources.stop().await;
        while let Ok(event) = self.sources.events.try_recv() {
            self.seen(event);
        }
        self.lost.clear();
        let started = sources(start, &self.device, &self.desk, &self.clock);
        let (sources, refused) = match started {
            Ok(new) => (new, Ok(())),
            Err(error) => (sources(&self.start, &self.device, &self.desk, &self.clock)?, Err(error)),
        };
        self.sources = sources;
        refused
    }
}

/// Everything that a reload puts in force, or what is wrong. `in_force` is the configuration until now.
fn prove(path: &Path, overrides: &[(String, String)], in_force: &Config) -> Proved {
    let config = Config::load(path, overrides).map_err(|errors| errors.to_string())?;
    if config.storage != in_force.storage {
        return Err(
            "config.toml: `storage` is read at the start alone: restart the daemon, or undo that edit".to_owned()
        );
    }
    if config.mode != in_force.mode {
        return Err("config.toml: `mode` is read at the start alone: restart the daemon, or undo that edit".to_owned());
    }
    uplink::section(&config)?;
    let rulebook = Rulebook::prove(&config.root.join("rules"), &config).map_err(|problems| problems.to_string())?;
    let delivery = delivery(&config).map_err(|error| format!("{error:#}"))?;
    Ok(Box::new((config, rulebook, delivery)))
}

/// What was last read of a fact no longer counts when nothing reads it any more: its value is not known then.
pub(super) fn forget_unread(desk: &mut Desk, config: &Config, device: &Device, clock: &Clock) {
    let Some(declared) = config.devices.get(&device.id) else { return };
    let is_read = |fact: &str| declared.inputs.get(fact).is_some_and(|source| *source != Source::None);
    let unread = desk.state().facts().filter(|(fact, value, _)| {
        let with_battery = fact.as_str() == "battery_mv" && is_read("battery");
        // What the rules do not know at all, they cannot read.
        let is_known = desk.rulebook().engine.rules().fact(fact).is_some();
        value.is_some() && is_known && !is_read(fact) && !with_battery
    });
    let now = clock.now();
    let unknown = unread.map(|(fact, ..)| Observation { fact: fact.clone(), value: None, at: now }).collect();
    desk.observe(&Name::new_static("config.toml"), unknown, clock.uncertainty().is_some(), now);
}

/// The end of the reload that is under way, if one is.
pub(super) async fn proved(reloading: &mut Option<JoinHandle<Proved>>) -> Proved {
    match reloading {
        Some(job) => job.await.unwrap_or_else(|error| Err(format!("the reload was cut short: {error}"))),
        None => std::future::pending().await,
    }
}

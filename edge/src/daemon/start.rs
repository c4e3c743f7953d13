//! The start: opens the store, proves the rules or falls back to the last good ones, and starts all that runs beside
//! the loop.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use dag_config::{Config, Secrets, Source};
use dag_delivery::{Delivery, Limits};
use dag_engine::{Device, Name};
use dag_rulebook::{Refusal, Rulebook, RulesFolder};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    cloud_uplink,
    control::Control,
    durable_engine::DurableEngine,
    files_state::FilesState,
    health::Health,
    heartbeats::Heartbeats,
    host_troubles::HostTroubles,
    notify::MOST_REQUESTS,
    receivers::Receivers,
    state::{Daemon, Start},
    watch::Watch,
};
use crate::{
    clock::Clock,
    source::{self, Observation, SourceSettings, Sources},
    store::{Retention, Store},
    uplink::bundle,
};

/// Returns the path of the control socket: beside the store and named after it, so that no two daemons share one.
pub fn socket(config: &Config) -> PathBuf {
    config.storage.path.with_extension("sock")
}

impl Daemon {
    /// Opens the store, finds rules that can run, and starts the sources.
    pub(super) fn start(start: Start) -> anyhow::Result<Daemon> {
        let config = &start.config;
        let device = config.device(start.device.as_deref())?;
        let socket = socket(config);
        if socket == config.storage.path {
            anyhow::bail!("`storage.path` ends in `.sock`, where the control socket goes: name it like `var/dag.redb`");
        }
        let uplink = cloud_uplink::section(config).map_err(anyhow::Error::msg)?;
        let (store, mut opened) = Store::open(&config.storage.path, Retention { bytes: config.storage.keep })?;
        if let Some(from) = opened.migrated_from {
            tracing::info!(from, to = opened.format, "the store was migrated to the format of this version");
        }
        // No other daemon is moving these files now: this one has the store's lock.
        if uplink.is_some()
            && let Err(error) = bundle::recover(&config.root)
        {
            tracing::warn!(%error, "the remains of rules from the cloud cannot be removed");
        }
        let (rulebook, files) = rules_to_run(&store, &rules_path(&start.config_path), config)?;
        log_warnings(&rulebook, config);
        log_deployment(&rulebook, config, &[]);
        let delivery = delivery(config)?;
        let mut engine = DurableEngine::open(rulebook, device.clone(), store, opened.boot)?;
        engine.report_to_the_cloud(uplink.map(|uplink| uplink.keep));
        let clock = engine.start_clock(Arc::clone(&start.machine), opened.last_alive)?;
        if let Some(set) = engine.follow(&clock) {
            opened.last_alive = opened.last_alive.map(|alive| set.apply(alive));
        }
        if let Some(last) = opened.last_alive {
            tracing::warn!(from = %last, until = %clock.now(), "no readings in this time: the daemon was not running");
        }
        if let Some(uncertainty) = clock.uncertainty() {
            tracing::warn!("the time is uncertain: {}", uncertainty.describe());
        }
        engine.begin(device.clone(), &clock);
        if files.rejected().is_none() {
            engine.keep_rulebook();
        }
        let sources = sources(&start, &device, &engine, &clock)?;
        forget_unread(&mut engine, config, &device, &clock);
        let control = Control::listen(&socket).with_context(|| {
            format!("the control socket {} cannot be made: let `storage.path` name another folder", socket.display())
        })?;
        let (sender, requests) = mpsc::channel(16);
        let control = tokio::spawn(control.serve(sender, engine.shared_store()));
        let watch = match Watch::start(&config.root, &start.config_path) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "edits are not noticed by themselves: use `dag reload`");
                None
            }
        };
        let (result, results) = mpsc::channel(64);
        let uplink = cloud_uplink::start(&device.id, config).map_err(anyhow::Error::msg)?;
        let (press, presses) = mpsc::channel(1);
        let mut daemon = Daemon {
            start,
            device,
            clock,
            engine,
            delivery: Arc::new(delivery),
            unread_sources: sources.names.clone(),
            sources,
            lost_sources: BTreeMap::new(),
            store_info: opened,
            attempts: JoinSet::new(),
            notify_room: Arc::new(Semaphore::new(MOST_REQUESTS)),
            result,
            results,
            requests,
            control,
            watch,
            reload_job: None,
            reload_again: false,
            reload_waiters: Vec::new(),
            next_reload_waiters: Vec::new(),
            runs_failing_rules: files.failing().is_some(),
            files,
            troubles: HostTroubles::new(),
            receivers: Receivers::new(),
            health: Health::default(),
            heartbeats: Heartbeats::default(),
            uplink,
            bridge: None,
            press,
            presses,
        };
        daemon.bridge_home_assistant();
        daemon.heartbeats.follow(&daemon.start.config.heartbeats, Instant::now());
        Ok(daemon)
    }
}

/// Logs how many warnings there are about the rules.
pub(super) fn log_warnings(rulebook: &Rulebook, config: &Config) {
    let deployment = rulebook.deployment_warnings(config);
    match rulebook.warnings(config).len().saturating_sub(deployment.len()) {
        0 => {}
        warnings => tracing::warn!("{} about the rules: `dag check` shows them", dag_cli::count(warnings, "warning")),
    }
}

/// Logs what a real monitor would not have. `before` was logged already.
pub(super) fn log_deployment(rulebook: &Rulebook, config: &Config, before: &[String]) {
    for warning in rulebook.deployment_warnings(config).iter().filter(|warning| !before.contains(warning)) {
        tracing::warn!("{warning}");
    }
}

/// Returns the delivery of a configuration.
pub(super) fn delivery(config: &Config) -> anyhow::Result<Delivery> {
    Ok(Delivery::new(&config.email, &config.webhook, Secrets::of_machine(&config.root), Limits::default())?)
}

/// Starts the sources of a configuration.
pub(super) fn sources(
    start: &Start,
    device: &Device,
    engine: &DurableEngine,
    clock: &Clock,
) -> anyhow::Result<Sources> {
    let Some(declared) = start.config.devices.get(&device.id) else {
        anyhow::bail!("there is no device `{}` in config.toml", device.id);
    };
    let known = engine.state().facts().filter_map(|(fact, value, _)| value.map(|value| (fact.clone(), value)));
    let settings =
        SourceSettings { last: known.collect(), report_step: declared.report_step, ..SourceSettings::default() };
    let clock = clock.clone();
    Ok(source::start(&declared.inputs, &settings, move || clock.now())?)
}

/// Returns the folder of the rules: beside the configuration, as its path was given, so that problems name paths that
/// can be opened.
pub(super) fn rules_path(config_path: &Path) -> PathBuf {
    config_path.with_file_name("rules")
}

/// Returns the rules of the files if they are good, else the last good ones. Where no good ones are known, rules that
/// only fail scenarios run.
fn rules_to_run(store: &Store, path: &Path, config: &Config) -> anyhow::Result<(Rulebook, FilesState)> {
    let refusal = match Rulebook::prove(path, config) {
        Ok(rulebook) => return Ok((rulebook, FilesState::InForce)),
        Err(refusal) => refusal,
    };
    let text = refusal.to_string();
    let kept = store.rules()?.map(|kept| RulesFolder::from_stored(kept.files));
    if let Refusal::Scenarios { rulebook, .. } = refusal {
        let good = |kept: &RulesFolder| Rulebook::prove_folder(kept.clone(), config).is_ok();
        if !kept.as_ref().is_some_and(good) {
            tracing::error!("the rules run although scenarios fail, since no better ones are known:\n{text}");
            return Ok((*rulebook, FilesState::Failing(text)));
        }
    }
    let Some(kept) = kept else {
        anyhow::bail!("{text}\n\nThe daemon cannot start: there are no earlier good rules to run on.");
    };
    tracing::error!("the files are wrong, so the last good rules are in force:\n{text}");
    let rulebook = Rulebook::compile(kept, config).map_err(|old| {
        anyhow::anyhow!("{text}\n\nNor do the last good rules fit this version or configuration any more:\n{old}")
    })?;
    Ok((rulebook, FilesState::Rejected(text)))
}

/// Makes facts unknown that no source reads any more: their last values are out of date.
pub(super) fn forget_unread(engine: &mut DurableEngine, config: &Config, device: &Device, clock: &Clock) {
    let Some(declared) = config.devices.get(&device.id) else { return };
    let is_read = |fact: &str| declared.inputs.get(fact).is_some_and(|source| *source != Source::None);
    let unread = engine.state().facts().filter(|(fact, value, _)| {
        let with_battery = fact.as_str() == "battery_mv" && is_read("battery");
        // The engine refuses readings of facts that the rules do not have.
        let is_known = engine.rulebook().engine.rules().fact(fact).is_some();
        value.is_some() && is_known && !is_read(fact) && !with_battery
    });
    let now = clock.now();
    let unknown = unread.map(|(fact, ..)| Observation { fact: fact.clone(), value: None, at: now }).collect();
    engine.observe(&Name::new_static("config.toml"), unknown, clock.uncertainty().is_some(), now);
}

//! The daemon: one loop that takes what happens, one thing at a time, over the [`Desk`].
//!
//! Sources, commands, edits, results of attempts and deadlines come in; messages go out. What may take long (compiling
//! rules, talking to receivers and to the cloud) runs beside the loop and comes back as a message of its own.

pub mod control;
mod durable_engine;
mod holds;
mod home_assistant;
mod reload;
mod status;
mod troubles;
mod uplink;
mod watch;

use std::{collections::BTreeMap, future::Future, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use dag_config::{Config, Secrets};
use dag_delivery::{Delivery, Failure, Limits, Receipt};
use dag_engine::{Device, Id, Input, Name, Problems};
use dag_rulebook::{Folder, Rulebook};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use crate::{
    clock::{Clock, Machine},
    home_assistant::Bridge,
    source::{self, SourceEvent, SourceSettings, SourceStatus, Sources},
    store::{Retention, Store, StoreInfo},
    uplink::bundle,
};

pub use control::{Answer, AskError, Asked, Control, Request, ask};
pub use durable_engine::{Desk, LeasedMessage};
pub use holds::{Matcher, Until};
use reload::{Proved, forget_unread, proved};
pub use status::{Status, UplinkStatus};
use troubles::Troubles;
use uplink::CloudUplink;
use watch::Watch;

/// The longest sleep: the heartbeat in the store, by which the next boot knows since when nothing was read.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How long a stopping daemon waits for the attempts that are under way.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a daemon is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The configuration, read and checked.
    pub config: Config,
    /// The file that it was read from, to be read again when it is edited.
    pub config_path: PathBuf,
    /// Flags that lie over the file.
    pub overrides: Vec<(String, String)>,
    /// Which of the devices this is, where there are several.
    pub device: Option<String>,
    /// What says which time it is.
    pub machine: Arc<dyn Machine>,
}

/// The path of the control socket: beside the store and named after it, so that no two daemons share one.
pub fn socket(config: &Config) -> PathBuf {
    config.storage.path.with_extension("sock")
}

/// Runs the daemon until `shutdown` is done. `hangups` are wishes to read the files again.
///
/// # Errors
/// What keeps it from starting: files that are wrong with no good ones kept, a store or a source that cannot be used.
pub async fn run(
    start: Start,
    shutdown: impl Future<Output = ()>,
    mut hangups: mpsc::Receiver<()>,
) -> anyhow::Result<()> {
    let mut daemon = Daemon::start(start)?;
    tokio::pin!(shutdown);
    tracing::info!(
        device = %daemon.device.id,
        rules = %daemon.desk.rulebook().engine.rules().hash(),
        boot = daemon.opened.boot,
        format = daemon.opened.format,
        "ready"
    );
    // Where no service manager waits for it, nobody is told.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    loop {
        daemon.keep_time();
        daemon.tell_troubles();
        daemon.show_home_assistant();
        daemon.send();
        daemon.report();
        let wake = daemon.wake();
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(event) = daemon.sources.events.recv(), if daemon.desk.has_room() => daemon.seen(event),
            Some((id, result)) = daemon.results.recv() => daemon.settled(id, result),
            Some((request, answer)) = daemon.requests.recv() => daemon.asked(request, answer),
            Some(()) = daemon.presses.recv() => daemon.pressed(),
            Some(()) = hangups.recv() => daemon.reload(),
            () = edited(&mut daemon.watch) => daemon.reload(),
            proved = proved(&mut daemon.reloading) => daemon.proved(proved).await,
            event = uplink::next_event(&mut daemon.uplink) => daemon.uplink_event(event),
            () = tokio::time::sleep_until(wake) => {
                let now = daemon.clock.now();
                if daemon.desk.state().next_deadline().is_some_and(|deadline| deadline <= now) {
                    daemon.desk.take(Input::Elapsed, now);
                }
                daemon.desk.alive(now);
            }
        }
        daemon.desk.write_again();
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(under_way = daemon.under_way, "stopping");
    daemon.finish().await;
    Ok(())
}

struct Daemon {
    start: Start,
    device: Device,
    clock: Clock,
    desk: Desk,
    delivery: Arc<Delivery>,
    sources: Sources,
    /// Why a source is lost.
    lost: BTreeMap<Name, String>,
    opened: StoreInfo,
    /// The number of attempts that are under way.
    under_way: usize,
    attempts: JoinSet<()>,
    result: mpsc::Sender<(Id, Result<Receipt, Failure>)>,
    results: mpsc::Receiver<(Id, Result<Receipt, Failure>)>,
    requests: mpsc::Receiver<Asked>,
    control: JoinHandle<()>,
    watch: Option<Watch>,
    reloading: Option<JoinHandle<Proved>>,
    /// Files were touched while a reload was under way.
    again: bool,
    /// Who waits for the reload that is under way.
    waiting: Vec<tokio::sync::oneshot::Sender<Answer>>,
    /// Who asked since: the reload that is under way may have read the files before they wrote them.
    waiting_for_next: Vec<tokio::sync::oneshot::Sender<Answer>>,
    /// What was wrong with the files at the last reload; the rules before it are in force.
    rejected: Option<String>,
    /// What the engine was told of the host itself.
    troubles: Troubles,
    /// The connection to Home Assistant, where one is wanted.
    bridge: Option<Bridge>,
    /// Presses of the button there.
    press: mpsc::Sender<()>,
    presses: mpsc::Receiver<()>,
    /// The way to the cloud, in that mode.
    uplink: Option<CloudUplink>,
}

impl Daemon {
    fn start(start: Start) -> anyhow::Result<Daemon> {
        let config = &start.config;
        let device = config.device(start.device.as_deref())?;
        let socket = socket(config);
        if socket == config.storage.path {
            anyhow::bail!("`storage.path` ends in `.sock`, where the control socket goes: name it like `var/dag.redb`");
        }
        let uplink = uplink::section(config).map_err(anyhow::Error::msg)?;
        let (store, opened) = Store::open(&config.storage.path, Retention { bytes: config.storage.keep })?;
        if let Some(from) = opened.migrated_from {
            tracing::info!(from, to = opened.format, "the store was migrated to the format of this version");
        }
        // The store's lock has shown that no other daemon is just moving them.
        if uplink.is_some()
            && let Err(error) = bundle::recover(&config.root)
        {
            tracing::warn!(%error, "what is left of rules that came from the cloud cannot be cleared away");
        }
        let (rulebook, rejected) = match Rulebook::prove(&config.root.join("rules"), config) {
            Ok(rulebook) => (rulebook, None),
            Err(problems) => (last_good(&store, config, &problems)?, Some(problems.to_string())),
        };
        warn_of(&rulebook, config);
        let delivery = delivery(config)?;
        let mut desk = Desk::open(rulebook, device.clone(), store, opened.boot)?;
        desk.report_to_the_cloud(uplink.map(|uplink| uplink.keep));
        // Nothing may come before what was decided last.
        let last = opened.last_alive.map(|alive| alive.max(desk.state().now()));
        let clock = Clock::start(Arc::clone(&start.machine), last);
        let now = clock.now();
        if let Some(last) = opened.last_alive {
            tracing::warn!(from = %last, until = %now, "no readings in this time: the daemon was not running");
        }
        if let Some(uncertainty) = clock.uncertainty() {
            tracing::warn!("the time is uncertain: {}", uncertainty.describe());
        }
        desk.take(Input::Account(device.clone()), now);
        if rejected.is_none() {
            desk.keep_rulebook();
        }
        let sources = sources(&start, &device, &desk, &clock)?;
        forget_unread(&mut desk, config, &device, &clock);
        let control = Control::listen(&socket).with_context(|| {
            format!("the control socket {} cannot be made: let `storage.path` name another folder", socket.display())
        })?;
        let (sender, requests) = mpsc::channel(16);
        let control = tokio::spawn(control.serve(sender));
        let watch = match Watch::start(&config.root, &start.config_path) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(%error, "edits are not noticed by themselves: use `dag reload`");
                None
            }
        };
        let (result, results) = mpsc::channel(64);
        let uplink = uplink::start(&device.id, config).map_err(anyhow::Error::msg)?;
        let (press, presses) = mpsc::channel(1);
        let mut daemon = Daemon {
            start,
            device,
            clock,
            desk,
            delivery: Arc::new(delivery),
            sources,
            lost: BTreeMap::new(),
            opened,
            under_way: 0,
            attempts: JoinSet::new(),
            result,
            results,
            requests,
            control,
            watch,
            reloading: None,
            again: false,
            waiting: Vec::new(),
            waiting_for_next: Vec::new(),
            rejected,
            troubles: Troubles::new(),
            uplink,
            bridge: None,
            press,
            presses,
        };
        daemon.bridge_home_assistant();
        Ok(daemon)
    }

    /// When the loop has to wake though nothing happens.
    fn wake(&self) -> Instant {
        if let Some(again) = self.desk.writes_again_at() {
            return again.into();
        }
        let now = self.clock.now();
        let due = self.desk.next_due();
        // A moment later rather than earlier: timers count in whole milliseconds.
        let wait = due.map(|due| Duration::from(due.since(now)) + Duration::from_millis(1));
        let wake = Instant::now() + wait.unwrap_or(HEARTBEAT).min(HEARTBEAT);
        let uplink = self.uplink.as_ref().and_then(CloudUplink::wakes_at);
        uplink.map_or(wake, |uplink| wake.min(uplink.into()))
    }

    /// Follows the system's clock when that was set.
    fn keep_time(&mut self) {
        // What was seen by the old clock is taken over by the old clock.
        while self.desk.has_room()
            && let Ok(event) = self.sources.events.try_recv()
        {
            self.seen(event);
        }
        if !self.desk.has_room() {
            return;
        }
        if let Some(set) = self.clock.look() {
            let now = self.clock.now();
            tracing::warn!(shift_ms = set.shift_ms, %now, "the clock was set");
            self.desk.clock_set(set, now);
            if let Some(uplink) = &mut self.uplink {
                uplink.clock_set(set);
            }
        }
    }

    /// Sends what is due, each message beside the loop.
    fn send(&mut self) {
        while self.attempts.try_join_next().is_some() {}
        let now = self.clock.now();
        for LeasedMessage { notification, prepared } in self.desk.take_leased(now) {
            self.under_way += 1;
            let (delivery, result) = (Arc::clone(&self.delivery), self.result.clone());
            self.attempts.spawn(async move {
                let id = notification.id;
                let sent = delivery.send(&notification, &prepared, now).await;
                // The loop is gone only when the daemon stops: the lease then runs out, and it is tried again.
                let _ = result.send((id, sent)).await;
            });
        }
    }

    /// Waits a little for what is under way, so that what its receiver takes now is not sent again at the next start.
    async fn finish(&mut self) {
        let end = Instant::now() + FAREWELL;
        self.desk.stop_sending();
        while self.under_way > 0 {
            let Ok(Some((id, result))) = tokio::time::timeout_at(end, self.results.recv()).await else {
                return tracing::warn!(under_way = self.under_way, "tried again at the next start");
            };
            self.settled(id, result);
        }
    }

    fn seen(&mut self, event: SourceEvent) {
        match event.status {
            SourceStatus::Working => {}
            SourceStatus::Lost(reason) => {
                tracing::error!(source = %event.source, %reason, "a source is lost: its facts are unknown");
                self.lost.insert(event.source.clone(), reason);
            }
            SourceStatus::Recovered => {
                tracing::info!(source = %event.source, "a source is back");
                self.lost.remove(&event.source);
            }
        }
        for seen in &event.observations {
            let value = seen.value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
            tracing::info!(fact = %seen.fact, %value, source = %event.source, "reading");
        }
        let now = self.clock.now();
        self.desk.observe(&event.source, event.observations, self.clock.uncertainty().is_some(), now);
    }

    fn settled(&mut self, id: Id, result: Result<Receipt, Failure>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.desk.settle(id, result, self.clock.now());
    }

    fn asked(&mut self, request: Request, answer: tokio::sync::oneshot::Sender<Answer>) {
        let answered = match request {
            Request::Status => serde_json::to_value(self.status()).map_err(|error| error.to_string()),
            Request::Simulate { fact, value } => {
                let set = self.sources.simulate(&fact, value).map_err(|error| error.to_string());
                set.map(|()| serde_json::json!({ "fact": fact, "value": value }))
            }
            Request::Acknowledge { incident, by } => self.acknowledge(incident.as_deref(), by),
            Request::Snooze { incident, until, by } => self.snooze(incident.as_deref(), until, by),
            Request::Silence { matcher, from, until, by } => self.silence(matcher, from, until, by),
            Request::Reload => {
                // Answered when it is done.
                let waiting = if self.reloading.is_some() { &mut self.waiting_for_next } else { &mut self.waiting };
                waiting.push(answer);
                return self.reload();
            }
        };
        // Who asked may have gone.
        let _ = answer.send(answered);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.control.abort();
    }
}

fn warn_of(rulebook: &Rulebook, config: &Config) {
    match rulebook.warnings(config).len() {
        0 => {}
        count => tracing::warn!("{count} warnings about the rules: `dag check` shows them"),
    }
}

fn delivery(config: &Config) -> anyhow::Result<Delivery> {
    Ok(Delivery::new(&config.email, &config.webhook, Secrets::of_machine(&config.root), Limits::default())?)
}

fn sources(start: &Start, device: &Device, desk: &Desk, clock: &Clock) -> anyhow::Result<Sources> {
    let Some(declared) = start.config.devices.get(&device.id) else {
        anyhow::bail!("there is no device `{}` in config.toml", device.id);
    };
    let known = desk.state().facts().filter_map(|(fact, value, _)| value.map(|value| (fact.clone(), value)));
    let settings =
        SourceSettings { last: known.collect(), report_step: declared.report_step, ..SourceSettings::default() };
    let clock = clock.clone();
    Ok(source::start(&declared.inputs, &settings, move || clock.now())?)
}

/// The rules of the last time that all was well.
fn last_good(store: &Store, config: &Config, problems: &Problems) -> anyhow::Result<Rulebook> {
    let kept = store.rules()?;
    let Some(kept) = kept else {
        anyhow::bail!("{problems}\n\nthe daemon cannot start: there are no earlier good rules to run on");
    };
    tracing::error!("the files are wrong, so the last good rules are in force:\n{problems}");
    Rulebook::compile(Folder::from_kept(kept.files), config).map_err(|old| {
        anyhow::anyhow!("{problems}\n\nnor do the last good rules fit this version or configuration any more:\n{old}")
    })
}

async fn edited(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.edited().await,
        None => std::future::pending().await,
    }
}

//! The parts of a running daemon. The other files of this folder implement its work with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use dag_config::Config;
use dag_delivery::{Delivery, Failure, Receipt};
use dag_engine::{Device, Id, Name};
use dag_rulebook::Rulebook;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};

use super::{
    cloud_uplink::CloudUplink,
    durable_engine::DurableEngine,
    files_state::FilesState,
    health::Health,
    heartbeats::Heartbeats,
    host_troubles::HostTroubles,
    receivers::Receivers,
    request::{Answer, PendingRequest},
    watch::Watch,
};
use crate::{
    clock::{Clock, Machine},
    home_assistant::Bridge,
    source::Sources,
    store::StoreInfo,
};

/// The parameters of a start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The configuration, read and checked.
    pub config: Config,
    /// The file that it was read from, to be read again when it is edited.
    pub config_path: PathBuf,
    /// Settings from the command line, which override those of the file.
    pub overrides: Vec<(String, String)>,
    /// The id of this device. Needed where the configuration has several.
    pub device: Option<String>,
    /// The clock of the machine.
    pub machine: Arc<dyn Machine>,
}

/// What a reload puts in force.
pub(super) struct Candidate {
    pub config: Config,
    pub rulebook: Rulebook,
    pub delivery: Delivery,
    /// The scenarios that the rules fail.
    pub failing: Option<String>,
}

/// What a reload puts in force, or the problems of the files.
pub(super) type ReloadResult = Result<Box<Candidate>, String>;

/// A running daemon.
pub(super) struct Daemon {
    pub start: Start,
    pub device: Device,
    pub clock: Clock,
    pub engine: DurableEngine,
    pub delivery: Arc<Delivery>,
    pub sources: Sources,
    /// The sources that are lost, each with the reason.
    pub lost_sources: BTreeMap<Name, String>,
    /// The sources that have reported nothing since they were started: neither a reading nor that they are lost.
    pub unread_sources: BTreeSet<Name>,
    pub store_info: StoreInfo,
    pub attempts: JoinSet<()>,
    /// The places of requests for test messages.
    pub notify_room: Arc<Semaphore>,
    pub result: mpsc::Sender<(Id, Result<Receipt, Failure>)>,
    pub results: mpsc::Receiver<(Id, Result<Receipt, Failure>)>,
    pub requests: mpsc::Receiver<PendingRequest>,
    pub control: JoinHandle<()>,
    pub watch: Option<Watch>,
    /// The reload that is under way.
    pub reload_job: Option<JoinHandle<ReloadResult>>,
    /// Files were edited while a reload was under way.
    pub reload_again: bool,
    /// The requests that wait for the reload that is under way.
    pub reload_waiters: Vec<oneshot::Sender<Answer>>,
    /// The requests that arrived since. The reload under way may have read the files before the edit that they mean.
    pub next_reload_waiters: Vec<oneshot::Sender<Answer>>,
    /// The files at the last reload.
    pub files: FilesState,
    /// Whether the rules in force fail scenarios of theirs. Then others that fail some may replace them.
    pub runs_failing_rules: bool,
    /// The problems of the host itself, and those of them that the engine knows.
    pub troubles: HostTroubles,
    /// Whether messages would reach their receivers.
    pub receivers: Receivers,
    /// Whether the daemon itself is well.
    pub health: Health,
    /// The services that tell somebody when this daemon dies.
    pub heartbeats: Heartbeats,
    /// The connection to Home Assistant, if one is configured.
    pub bridge: Option<Bridge>,
    /// Presses of the button in Home Assistant.
    pub press: mpsc::Sender<()>,
    pub presses: mpsc::Receiver<()>,
    /// The connection to the cloud, in that mode.
    pub uplink: Option<CloudUplink>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.control.abort();
    }
}

//! `dag run`

use std::sync::Arc;

use clap::Args;
use dag_cli::Done;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing_subscriber::filter::LevelFilter;

use super::common::{Common, load};
use crate::{
    clock::System,
    daemon::{self, Start},
    owner::check_owner,
};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Which device of config.toml this is; needed where there are several
    #[arg(long, env = "DAG_DEVICE", value_name = "NAME")]
    device: Option<String>,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, env = "DAG_LOG", default_value = "info", value_name = "LEVEL")]
    log: LevelFilter,
}

impl Run {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        check_owner(&config.storage.path)?;
        start_log(self.log);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let start = Start {
            config,
            config_path: common.config.clone(),
            overrides: common.set.clone(),
            device: self.device,
            machine: Arc::new(System::new()),
        };
        let ended = runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            let (sender, hangups) = mpsc::channel(1);
            tokio::spawn(async move {
                while hangup.recv().await.is_some() {
                    // A full channel holds the wish already.
                    let _ = sender.try_send(());
                }
            });
            let shutdown = async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            daemon::run(start, shutdown, hangups).await
        });
        // A name lookup without a network, or a scenario that is being played, must not delay the end.
        runtime.shutdown_background();
        Ok(ended?)
    }
}

/// Starts the log on the standard error: text on a terminal, otherwise JSON with an object a line.
fn start_log(level: LevelFilter) {
    use std::io::IsTerminal;
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A log that cannot be written (a full disk, a pipe that nobody reads) must not end the daemon.
    let builder = builder.log_internal_errors(false);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().flatten_event(true).init();
    }
}

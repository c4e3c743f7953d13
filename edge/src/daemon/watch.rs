//! Notices edits of `rules/` and `config.toml`, however an editor saves.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::AccessKind};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

/// Editors write a file in several goes: nothing is read before it was quiet for so long.
const QUIET: Duration = Duration::from_millis(100);

/// Nor does one that never rests put it off longer than this.
const AT_MOST: Duration = Duration::from_millis(400);

/// Watches the files that a user edits.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    rules: PathBuf,
    touched: mpsc::Receiver<()>,
    /// The first and the last touch since the files were read.
    unrest: Option<(Instant, Instant)>,
}

impl Watch {
    /// Watches `root` for `config.toml`, and `rules` in it.
    ///
    /// # Errors
    /// What the system says, where nothing can be watched: the number of watches is limited.
    pub fn start(root: &Path, config: &Path) -> notify::Result<Watch> {
        let (sender, touched) = mpsc::channel(1);
        let rules = root.join("rules");
        let (config, folder) = (config.file_name().map(ToOwned::to_owned), rules.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = match event {
                // Reading the files is an access, too; only the end of a write is news.
                Ok(event) if matches!(event.kind, EventKind::Access(access) if !matches!(access, AccessKind::Close(_))) => {
                    false
                }
                Ok(event) => event.paths.iter().any(|path| {
                    path.starts_with(&folder) || (config.is_some() && path.file_name() == config.as_deref())
                }),
                // Events were lost: look for oneself.
                Err(_) => true,
            };
            if matters {
                // One that waits already says the same.
                let _ = sender.try_send(());
            }
        })?;
        let mut watch = Watch { watcher, rules, touched, unrest: None };
        watch.watcher.watch(root, RecursiveMode::NonRecursive)?;
        watch.follow();
        Ok(watch)
    }

    /// Waits for an edit, then until the files are at rest. May be dropped and asked again: nothing is forgotten.
    pub async fn edited(&mut self) {
        loop {
            let Some((first, last)) = self.unrest else {
                if self.touched.recv().await.is_none() {
                    // The watcher is gone, and only SIGHUP and `dag reload` are left.
                    return std::future::pending().await;
                }
                self.unrest = Some((Instant::now(), Instant::now()));
                continue;
            };
            let rest = (last + QUIET).min(first + AT_MOST);
            match timeout_at(rest, self.touched.recv()).await {
                Ok(Some(())) => self.unrest = Some((first, Instant::now())),
                Ok(None) | Err(_) => break,
            }
        }
        self.unrest = None;
        // The folder may be another one by the same name.
        self.follow();
    }

    fn follow(&mut self) {
        // Not watched yet, or gone.
        let _ = self.watcher.unwatch(&self.rules);
        if let Err(error) = self.watcher.watch(&self.rules, RecursiveMode::Recursive) {
            tracing::warn!(%error, "edits of the rules are not noticed by themselves: use `dag reload`");
        }
    }
}

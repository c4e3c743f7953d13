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

/// The quiet time after a write before the files are read: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

/// The longest wait for a quiet time. Without it, a program that never stops writing would put off every reload.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// Watches the files that a user edits.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    rules: PathBuf,
    writes: mpsc::Receiver<()>,
    /// The first and the last write since the last edit was returned.
    unread: Option<(Instant, Instant)>,
}

impl Watch {
    /// Watches `root` for `config.toml`, and `rules` in it.
    ///
    /// # Errors
    /// Nothing can be watched: the system limits the number of watches.
    pub fn start(root: &Path, config: &Path) -> notify::Result<Watch> {
        let (sender, writes) = mpsc::channel(1);
        let rules = root.join("rules");
        let (config, folder) = (config.file_name().map(ToOwned::to_owned), rules.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = match event {
                Ok(event) if is_mere_access(event.kind) => false,
                Ok(event) => event.paths.iter().any(|path| {
                    path.starts_with(&folder) || (config.is_some() && path.file_name() == config.as_deref())
                }),
                // Events were lost, and one of them may have been an edit.
                Err(_) => true,
            };
            if matters {
                // A full channel holds the news already.
                let _ = sender.try_send(());
            }
        })?;
        let mut watch = Watch { watcher, rules, writes, unread: None };
        watch.watcher.watch(root, RecursiveMode::NonRecursive)?;
        watch.follow();
        Ok(watch)
    }

    /// Waits for an edit, and then until nothing was written for a moment.
    ///
    /// # Cancel safety
    /// Cancel safe. The times of the writes are kept in `self`, and the next call goes on with them.
    pub async fn next_edit(&mut self) {
        loop {
            let Some((first, last)) = self.unread else {
                if self.writes.recv().await.is_none() {
                    // The watcher is gone. The ways left are SIGHUP and `dag reload`.
                    return std::future::pending().await;
                }
                self.unread = Some((Instant::now(), Instant::now()));
                continue;
            };
            let rest = (last + QUIET).min(first + LONGEST_WAIT);
            match timeout_at(rest, self.writes.recv()).await {
                Ok(Some(())) => self.unread = Some((first, Instant::now())),
                Ok(None) | Err(_) => break,
            }
        }
        self.unread = None;
        // The folder may be another one with the same name.
        self.follow();
    }

    /// Watches the folder of the rules, which may have been replaced.
    fn follow(&mut self) {
        // Fails if the folder is not watched yet, or is gone.
        let _ = self.watcher.unwatch(&self.rules);
        if let Err(error) = self.watcher.watch(&self.rules, RecursiveMode::Recursive) {
            tracing::warn!(%error, "edits of the rules are not noticed by themselves: use `dag reload`");
        }
    }
}

/// Returns whether an event changes nothing. The daemon's own reading is such an access; the end of a write is not.
fn is_mere_access(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if !matches!(access, AccessKind::Close(_)))
}

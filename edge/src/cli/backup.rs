//! `dag backup`

use std::path::{Path, PathBuf};

use clap::Args;
use dag_cli::{Done, Failure};
use dag_config::Config;
use serde_json::json;

use super::common::{Common, load};
use crate::{
    backup::{self, Made, StoreFrom},
    clock::{Machine as _, System},
    daemon::{self, AskError},
};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to make; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Backup {
    pub fn run(self, common: &Common) -> Done {
        let (store, from_daemon) = store_of(common)?;
        let now = System::new().system();
        let Made { bytes, files, device, left_out } = backup::make(&self.file, &common.config, store, now)?;
        let mut text = format!(
            "the backup of {} is in {}: {files} files, {} KiB",
            device.as_ref().map_or("the monitor", |device| device.as_str()),
            self.file.display(),
            bytes.div_ceil(1024)
        );
        for left in &left_out {
            text.push_str(&format!("\nleft out: {} ({})", left.path, left.reason));
        }
        text.push_str(
            "\nIt has config.toml, rules/ and the store, and none of the secrets and keys that those name.\n\
             Keep it on another machine. `dag restore` makes a monitor of it.",
        );
        let left_out: Vec<_> =
            left_out.iter().map(|left| json!({ "path": left.path, "reason": left.reason })).collect();
        let answer = json!({
            "file": self.file, "bytes": bytes, "files": files, "device": device, "from_daemon": from_daemon,
            "left_out": left_out,
        });
        common.print(text, &answer)?;
        Ok(())
    }
}

/// Returns the store, and whether it is that of a running daemon.
fn store_of(common: &Common) -> Result<(StoreFrom, bool), Failure> {
    let config = load(common);
    // The daemon keeps running when its file is broken by an edit. It is then looked for at the default path.
    let socket = match &config {
        Ok(config) => daemon::socket(config),
        Err(_) => common.config.with_file_name("var").join("dag.sock"),
    };
    match (daemon::fetch_copy(&socket), config) {
        (Ok(copy), _) => Ok((StoreFrom::Daemon(copy), true)),
        (Err(AskError::NoDaemon(_)), Err(problems)) => Err(problems.into()),
        (Err(AskError::NoDaemon(_)), Ok(config)) => Ok((stored(&config)?, false)),
        (Err(error), _) => Err(error.into()),
    }
}

fn stored(config: &Config) -> Result<StoreFrom, Failure> {
    let path: &Path = &config.storage.path;
    match path.metadata() {
        Ok(found) if found.is_file() => {}
        _ => {
            return Err(format!(
                "there is no store at `{}`, so there is nothing to back up yet: `dag run` makes it",
                path.display()
            )
            .into());
        }
    }
    Ok(StoreFrom::File(path.to_owned(), config.device(None).ok().map(|device| device.id)))
}

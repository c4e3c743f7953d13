//! `dag restore`

use std::path::{Path, PathBuf};

use clap::Args;
use dag_cli::Done;
use serde_json::json;

use super::common::{Common, local};
use crate::backup::{self, Restored};

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder for the monitor, which is made if there is none; the folder of --config where none is given
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Restore {
    pub fn run(self, common: &Common) -> Done {
        let beside = common.config.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = self.folder.unwrap_or_else(|| beside.unwrap_or(Path::new(".")).to_owned());
        let Restored { device, made_at, version, files, store, problems } =
            backup::restore(&self.file, &folder, &common.set)?;
        let mut text = format!(
            "{} of {} UTC is in {}: {files} files, of version {version}",
            device.as_ref().map_or("the monitor", |device| device.as_str()),
            local(made_at, None),
            folder.display()
        );
        if let Some(problems) = &problems {
            text.push_str(&format!("\nIts config.toml had mistakes already when the backup was made:\n{problems}"));
        }
        text.push_str(
            "\nSecrets, keys and certificates are not in a backup: put them back where config.toml and rules/ name them.\n\
             If the old monitor still runs, stop it: both would send messages. Then:\n",
        );
        let config = folder.join("config.toml");
        text.push_str(&format!("  dag check --config {0}\n  dag run --config {0}", config.display()));
        let answer = json!({
            "folder": folder, "store": store, "device": device, "made_at": made_at, "version": version, "files": files,
            "problems": problems,
        });
        common.print(text, &answer)?;
        Ok(())
    }
}

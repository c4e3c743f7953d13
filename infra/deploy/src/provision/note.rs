//! What was done for a device so far, kept in its bundle: `provision.json`.
//!
//! A certificate is issued inactive, state here, then attached, and only then activated. So one that was issued and not
//! noted opens nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use dag_engine::Time;
use serde::{Deserialize, Serialize};

use super::files::{self, Access};
use crate::{cloud::Cloud, iot::Certificate};

/// The note, and the folder that it is in.
#[derive(Debug)]
pub(super) struct Note {
    folder: PathBuf,
    pub state: ProvisionState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProvisionState {
    /// Whose bundle this is.
    pub device: String,
    /// Where the device's stack is.
    pub region: String,
    pub stack: String,
    /// Whether the device was taken over from an older fleet: until it is given a certificate from here, it has its
    /// own, of which this bundle has nothing.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub adopted: bool,
    /// The certificate of `uplink/device.key`.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub certificate: Option<Certificate>,
    /// The one of `uplink/next.key`, that is to follow it.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub next: Option<Certificate>,
    /// Since when a rotation waits to be finished: so long the certificates before it are good, too.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub rotated_at: Option<Time>,
}

const NAME: &str = "provision.json";

impl Note {
    /// Opens a device's bundle, or begins one, of which nothing is on the disk until it is [kept](Self::keep).
    ///
    /// # Errors
    /// The folder is something else, or another device's or another stack's.
    pub fn open(folder: &Path, device: &str, cloud: &Cloud) -> Result<Note> {
        if let Some(note) = Note::find(folder, device, cloud)? {
            return Ok(note);
        }
        let shown = folder.display();
        match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(files::unwritten(folder, &error)),
            Ok(mut entries) => {
                let foreign = |entry: &io::Result<fs::DirEntry>| {
                    entry.as_ref().is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
                };
                if entries.any(|entry| foreign(&entry)) {
                    bail!(
                        "`{shown}` holds other files and is no device's bundle: name another folder with `--out DIR`"
                    );
                }
            }
        }
        let (region, stack) = (cloud.region.clone(), cloud.stack.clone());
        let device = device.to_owned();
        let state =
            ProvisionState { device, region, stack, adopted: false, certificate: None, next: None, rotated_at: None };
        Ok(Note { folder: folder.to_owned(), state })
    }

    /// A device's bundle, if it was begun.
    ///
    /// # Errors
    /// The folder is another device's or another stack's.
    pub fn find(folder: &Path, device: &str, cloud: &Cloud) -> Result<Option<Note>> {
        let shown = folder.display();
        let Some(text) = files::read(&folder.join(NAME))? else { return Ok(None) };
        let state: ProvisionState = serde_json::from_str(&text).with_context(|| {
            format!("`{shown}/{NAME}` was changed by something else: name another folder with `--out DIR`")
        })?;
        if state.device != device {
            bail!(
                "`{shown}` is the bundle of the device `{}`: name another folder for `{device}` with `--out DIR`",
                state.device
            );
        }
        if (&state.region, &state.stack) != (&cloud.region, &cloud.stack) {
            bail!(
                "`{shown}` is a bundle for the stack `{}` in {}, and this is `{}` in {}: name another folder with `--out DIR`",
                state.stack,
                state.region,
                cloud.stack,
                cloud.region
            );
        }
        Ok(Some(Note { folder: folder.to_owned(), state }))
    }

    /// Makes what was noted durable.
    pub fn keep(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.state)? + "\n";
        files::write(&self.folder.join(NAME), text.as_bytes(), Access::Open).map(|_| ())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the folder `uplink/`.
    pub fn uplink(&self, name: &str) -> PathBuf {
        self.folder.join("uplink").join(name)
    }
}

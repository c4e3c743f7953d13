//! The state of a device's provisioning, in the file `provision.json` of its bundle.
//!
//! A certificate is issued inactive, noted here, then attached, and only then activated. So nobody can connect by one
//! that was issued and not noted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use dag_engine::Time;
use serde::{Deserialize, Serialize};

use super::files::{self, Access};
use crate::{cloud::Cloud, iot::Certificate};

/// The note of a bundle, and the folder of the bundle.
#[derive(Debug)]
pub(super) struct Note {
    folder: PathBuf,
    pub state: ProvisionState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProvisionState {
    /// The device of the bundle.
    pub device: String,
    /// The region of the device's stack.
    pub region: String,
    pub stack: String,
    /// Whether the device was adopted from an older fleet. Until its first rotation it uses its own certificate, which
    /// the bundle does not have.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub adopted: bool,
    /// The certificate of `uplink/device.key`.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub certificate: Option<Certificate>,
    /// The certificate of `uplink/next.key`, during a rotation.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub next: Option<Certificate>,
    /// The time of a rotation that is not finished. Until that the certificates before it stay active.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub rotated_at: Option<Time>,
}

const NAME: &str = "provision.json";

impl Note {
    /// Returns the note of a device's bundle, or a new one, which is on the disk only after [`save`](Self::save).
    ///
    /// # Errors
    /// The folder has other files, or the bundle of another device or another stack.
    pub fn open(folder: &Path, device: &str, cloud: &Cloud) -> Result<Note> {
        if let Some(note) = Note::find(folder, device, cloud)? {
            return Ok(note);
        }
        let shown = folder.display();
        match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(files::write_error(folder, &error)),
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

    /// Returns the note of a device's bundle, if there is one.
    ///
    /// # Errors
    /// The folder has the bundle of another device or another stack.
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
                "`{shown}` is a bundle for the stack `{}` in {}, and this is `{}` in {}: name another folder with \
                 `--out DIR`",
                state.stack,
                state.region,
                cloud.stack,
                cloud.region
            );
        }
        Ok(Some(Note { folder: folder.to_owned(), state }))
    }

    /// Writes the note, durably.
    pub fn save(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.state)? + "\n";
        files::write(&self.folder.join(NAME), text.as_bytes(), Access::Open).map(|_| ())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a file in the folder `uplink/`.
    pub fn uplink(&self, name: &str) -> PathBuf {
        self.folder.join("uplink").join(name)
    }
}

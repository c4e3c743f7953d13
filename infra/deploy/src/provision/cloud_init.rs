//! A bundle as a file for cloud-init, which puts it in place at a machine's first boot: as its `user-data`, or as the
//! `vendor-data` beside a `user-data` that somebody else made, like Raspberry Pi Imager.
//!
//! cloud-init takes each key of the one file or of the other, whole. So there are no `users` here: they would take the
//! place of whoever was to log in, or be lost to them. The daemon's user is made by a command instead.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anyhow::{Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;

use super::{
    bundle,
    files::{self, Access},
    note::Note,
};

/// Where the daemon's unit looks, and as whom it runs (`edge/packaging/dag.service`).
const PLACE: &str = "/var/lib/dag";
const USER: &str = "dag";

/// How a file of ours begins, and no other.
const MARK: &str = "#cloud-config\n# Made by `dag-infra provision`";

#[derive(Serialize)]
struct Data {
    /// Before files are written, at every boot.
    bootcmd: [String; 2],
    write_files: Vec<WriteFile>,
}

#[derive(Serialize)]
struct WriteFile {
    path: String,
    owner: String,
    permissions: String,
    encoding: &'static str,
    /// After packages.
    defer: bool,
    content: String,
}

/// Whether a file may be replaced: it is one of ours, or there is none.
///
/// # Errors
/// It is something else, which would be lost.
pub(super) fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let mut head = Vec::new();
    let length = u64::try_from(MARK.len())?;
    match File::open(path).and_then(|file| file.take(length).read_to_end(&mut head)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => bail!("`{shown}` cannot be read ({error}): name another file with `--cloud-init FILE`"),
        Ok(_) if head == MARK.as_bytes() => Ok(()),
        Ok(_) => bail!(
            "`{shown}` holds something else, which would be lost: name another file with `--cloud-init FILE` (beside a \
             `user-data` of your own on the card, `vendor-data` is read, too)"
        ),
    }
}

/// Writes the file. It has the key in it, so that its owner alone may read it.
///
/// # Errors
/// The bundle cannot be read, or the file not be written.
pub(super) fn write(note: &Note, path: &Path) -> Result<()> {
    check(path)?;
    let contents = bundle::contents(note)?;
    let folders: Vec<&Path> = contents.iter().filter_map(|(path, ..)| Path::new(path).parent()).collect();
    let bootcmd = [make_user(), make_folders(&folders)];
    let write_files = contents.iter().map(|(path, bytes, access)| WriteFile {
        path: format!("{PLACE}/{path}"),
        owner: format!("{USER}:{USER}"),
        permissions: format!("0{:o}", access.mode()),
        encoding: "b64",
        defer: true,
        content: BASE64.encode(bytes),
    });
    let data = serde_saphyr::to_string(&Data { bootcmd, write_files: write_files.collect() })?;
    let device = &note.state.device;
    let text = format!("{MARK} for the device `{device}`, with its key: nobody else may see it.\n{data}");
    match files::put(path, text.as_bytes(), Access::Secret) {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = path.display();
            bail!("`{shown}` cannot be written ({error}): name another file with `--cloud-init FILE`")
        }
    }
}

/// As `edge/packaging/README.md` makes it.
fn make_user() -> String {
    format!(
        "id {USER} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir {PLACE} --shell \
         /usr/sbin/nologin {USER}"
    )
}

/// Folders that cloud-init makes by itself would be root's, and the daemon could keep nothing there.
fn make_folders(folders: &[&Path]) -> String {
    // In their order a folder comes before those in it.
    let folders: BTreeSet<String> =
        folders.iter().map(|folder| Path::new(PLACE).join(folder).display().to_string()).collect();
    let folders: Vec<&str> = folders.iter().map(|folder| folder.trim_end_matches('/')).collect();
    format!("install -d -o {USER} -g {USER} -m 0750 {}", folders.join(" "))
}

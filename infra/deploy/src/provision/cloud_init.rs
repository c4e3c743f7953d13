//! A bundle as a file for cloud-init, which writes its files at a machine's first boot. The file is the `user-data`, or
//! the `vendor-data` beside a `user-data` of somebody else, like that of Raspberry Pi Imager.
//!
//! Where both files have a key, cloud-init uses the one in `user-data`. So there are no `users` here: they would
//! replace the default users of the image, or be ignored. A command makes the daemon's user instead.

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

/// The folder and the user of the daemon (`edge/packaging/dag.service`).
const FOLDER: &str = "/var/lib/dag";
const USER: &str = "dag";

/// The beginning of our files, by which they are recognised.
const HEADER: &str = "#cloud-config\n# Made by `dag-infra provision`";

#[derive(Serialize)]
struct Data {
    /// Commands at every boot, before files are written.
    bootcmd: [String; 2],
    write_files: Vec<WriteFile>,
}

#[derive(Serialize)]
struct WriteFile {
    path: String,
    owner: String,
    permissions: String,
    encoding: &'static str,
    /// Whether it is written after packages are installed and users are made.
    defer: bool,
    content: String,
}

/// Checks that a file may be replaced: it is one of ours, or missing.
///
/// # Errors
/// It is another file, which would be lost.
pub(super) fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let mut head = Vec::new();
    let length = u64::try_from(HEADER.len())?;
    match File::open(path).and_then(|file| file.take(length).read_to_end(&mut head)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => bail!("`{shown}` cannot be read ({error}): name another file with `--cloud-init FILE`"),
        Ok(_) if head == HEADER.as_bytes() => Ok(()),
        Ok(_) => bail!(
            "`{shown}` holds something else, which would be lost: name another file with `--cloud-init FILE` (beside a \
             `user-data` of your own on the card, `vendor-data` is read, too)"
        ),
    }
}

/// Writes the file. It contains the device's key, so that only its owner may read it.
///
/// # Errors
/// The bundle cannot be read, or the file cannot be written.
pub(super) fn write(note: &Note, path: &Path) -> Result<()> {
    check(path)?;
    let contents = bundle::contents(note)?;
    let folders: Vec<&Path> = contents.iter().filter_map(|(path, ..)| Path::new(path).parent()).collect();
    let bootcmd = [make_user(), make_folders(&folders)];
    let write_files = contents.iter().map(|(path, bytes, access)| WriteFile {
        path: format!("{FOLDER}/{path}"),
        owner: format!("{USER}:{USER}"),
        permissions: format!("0{:o}", access.mode()),
        encoding: "b64",
        defer: true,
        content: BASE64.encode(bytes),
    });
    let data = serde_saphyr::to_string(&Data { bootcmd, write_files: write_files.collect() })?;
    let device = &note.state.device;
    let text = format!("{HEADER} for the device `{device}`, with its key: nobody else may see it.\n{data}");
    match files::put(path, text.as_bytes(), Access::Secret) {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = path.display();
            bail!("`{shown}` cannot be written ({error}): name another file with `--cloud-init FILE`")
        }
    }
}

/// Returns the command that makes the daemon's user, as in `edge/packaging/README.md`.
fn make_user() -> String {
    format!(
        "id {USER} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir {FOLDER} --shell \
         /usr/sbin/nologin {USER}"
    )
}

/// Returns the command that makes the folders. Those that cloud-init makes belong to root, and the daemon could not
/// write there.
fn make_folders(folders: &[&Path]) -> String {
    // In a sorted list a folder comes before those in it.
    let folders: BTreeSet<String> =
        folders.iter().map(|folder| Path::new(FOLDER).join(folder).display().to_string()).collect();
    let folders: Vec<&str> = folders.iter().map(|folder| folder.trim_end_matches('/')).collect();
    format!("install -d -o {USER} -g {USER} -m 0750 {}", folders.join(" "))
}

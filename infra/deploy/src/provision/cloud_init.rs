//! A bundle as cloud-init's user-data, which puts it in place at a machine's first boot.

use std::path::Path;

use anyhow::Result;
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

#[derive(Serialize)]
struct UserData {
    users: (&'static str, User),
    write_files: Vec<File>,
}

#[derive(Serialize)]
struct User {
    name: &'static str,
    system: bool,
    homedir: &'static str,
    shell: &'static str,
}

#[derive(Serialize)]
struct File {
    path: String,
    owner: String,
    permissions: String,
    encoding: &'static str,
    /// After packages and users.
    defer: bool,
    content: String,
}

/// Writes the user-data. It has the key in it, so that its owner alone may read it.
///
/// # Errors
/// The bundle cannot be read, or the file not be written.
pub(super) fn write(note: &Note, path: &Path) -> Result<()> {
    let file = |(path, bytes, access): (String, Vec<u8>, Access)| File {
        path: format!("{PLACE}/{path}"),
        owner: format!("{USER}:{USER}"),
        permissions: format!("0{:o}", access.mode()),
        encoding: "b64",
        defer: true,
        content: BASE64.encode(bytes),
    };
    let user = User { name: USER, system: true, homedir: PLACE, shell: "/usr/sbin/nologin" };
    let write_files = bundle::contents(note)?.into_iter().map(file).collect();
    let data = serde_saphyr::to_string(&UserData { users: ("default", user), write_files })?;
    files::write(path, format!("#cloud-config\n{data}").as_bytes(), Access::Secret).map(|_| ())
}

//! A device that balena looks after: registered there by the same id, its variables set, its image ready to be written.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{bundle, note::Note};

/// How balena is to know the device.
#[derive(Clone, Debug)]
pub(crate) struct Balena {
    pub fleet: String,
    /// The image for its card, if one is wanted: downloaded if it is not there.
    pub image: Option<std::path::PathBuf>,
    /// What board balena calls it.
    pub board: String,
}

/// The program.
const PROGRAM: &str = "balena";

/// A device's id as balena has it: 32 or 62 hex digits.
///
/// # Errors
/// It cannot be made one.
fn uuid(device: &str) -> Result<String> {
    let plain: String = device.chars().filter(|c| *c != '-').collect();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if [32, 62].contains(&plain.len()) && plain.bytes().all(hex) {
        return Ok(plain);
    }
    bail!(
        "balena names devices by 32 small hex digits, and `{device}` is none of those names: take one that `openssl rand \
         -hex 16` prints, and give the device its name by `--name`"
    );
}

impl Balena {
    /// Whether balena can have a device of this id, and its program is there: asked before anything is made.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn check(&self, device: &str) -> Result<()> {
        uuid(device)?;
        let version = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.map(|_| ()).map_err(missing)
    }

    /// Registers the device unless it is, sets its variables, and gets its image ready.
    ///
    /// # Errors
    /// There is no such program, or it failed.
    pub(super) fn look_after(&self, note: &Note, endpoint: &str) -> Result<Vec<&'static str>> {
        let uuid = uuid(&note.noted.device)?;
        let mut done = Vec::new();
        let known = Command::new(PROGRAM).args(["device", &uuid]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !known.map_err(missing)?.success() {
            run(&["device", "register", &self.fleet, "--uuid", &uuid], None)?;
            done.push("the device is registered with balena");
        }
        for (name, value) in variables(note, endpoint)? {
            // The value goes by the program's environment: arguments can be seen by everybody on the machine.
            run(&["env", "set", name, "--device", &uuid, "--quiet"], Some((name, &value)))?;
        }
        done.push("its variables are set at balena");
        if let Some(image) = &self.image {
            self.configure(image, &uuid)?;
            done.push("its image is ready to be written");
        }
        Ok(done)
    }

    fn configure(&self, image: &Path, uuid: &str) -> Result<()> {
        let shown = image.to_string_lossy();
        if !image.exists() {
            run(&["os", "download", &self.board, "--output", &shown], None)?;
        }
        run(&["os", "configure", &shown, "--device", uuid], None)
    }
}

/// What the device is told: detectordag's variables, by which the container writes its files, and our own for what the daemon
/// reads by itself.
fn variables(note: &Note, endpoint: &str) -> Result<Vec<(&'static str, String)>> {
    let contents = bundle::contents(note)?;
    let file = |path: &str| {
        let found = contents.iter().find(|(name, ..)| name == path).map(|(_, bytes, _)| BASE64.encode(bytes));
        found.with_context(|| format!("the bundle has no `{path}`, and balena's devices get theirs from there"))
    };
    Ok(vec![
        ("AWS_THING_NAME", note.noted.device.clone()),
        ("AWS_THING_CERT", file("uplink/device.pem")?),
        ("AWS_THING_KEY", file("uplink/device.key")?),
        ("AWS_ROOT_CERT", file("uplink/ca.pem")?),
        ("AWS_ENDPOINT", endpoint.to_owned()),
        ("CONFIG_TOML", file("config.toml")?),
        ("DAG_DEVICE", note.noted.device.clone()),
    ])
}

fn run(arguments: &[&str], variable: Option<(&str, &str)>) -> Result<()> {
    let mut command = Command::new(PROGRAM);
    // What it says belongs to people; the answer of ours may be for a program.
    command.args(arguments).envs(variable).stdout(io::stderr());
    let status = command.status().map_err(missing)?;
    if !status.success() {
        bail!("`{PROGRAM} {}` failed ({status}): see what it says above, then run this again", arguments.join(" "));
    }
    Ok(())
}

fn missing(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!(
            "there is no program `{PROGRAM}`: install balena's command line (`npm install --global balena-cli`), then run \
             `balena login`"
        ),
        _ => anyhow::anyhow!("`{PROGRAM}` cannot be run: {error}"),
    }
}

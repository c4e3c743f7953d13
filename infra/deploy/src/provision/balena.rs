//! A device at balena: it is registered there by the same id, its variables are set, and its image is configured.
//! `balena-start.sh`, beside this crate's README, reads the variables in the device's container.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{bundle, note::Note};
use crate::package;

/// The settings of a device at balena.
#[derive(Clone, Debug)]
pub(crate) struct Balena {
    pub fleet: String,
    /// The file of the image to configure. It is downloaded if it is missing.
    pub image: Option<PathBuf>,
    /// A connection of NetworkManager for the image, such as Wi-Fi. Without it the device uses a cable.
    pub connection: Option<PathBuf>,
    /// The type of the board, as balena names it.
    pub board: String,
}

/// The command line of balena.
const PROGRAM: &str = "balena";

/// The most bytes of a variable's value. Linux limits a variable with its name to 128 KiB ("execve", `MAX_ARG_STRLEN`).
/// balena itself accepts 1 MB ("Variables").
const LONGEST_VARIABLE: usize = 128 * 1024 - 64;

/// Returns a device's id in balena's form: 32 or 62 lower-case hex digits.
///
/// # Errors
/// The id has another form.
fn uuid(device: &str) -> Result<String> {
    let plain: String = device.chars().filter(|c| *c != '-').collect();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if [32, 62].contains(&plain.len()) && plain.bytes().all(hex) {
        return Ok(plain);
    }
    bail!(
        "balena names devices by 32 small hex digits, and `{device}` is none of those names: take one that `openssl \
         rand -hex 16` prints, and give the device its name by `--name`"
    );
}

impl Balena {
    /// Checks that balena can have this device and that its program is installed, before anything is made.
    ///
    /// # Errors
    /// The id, the key, a file or the program does not fit or is missing.
    pub(super) fn check(&self, note: &Note) -> Result<()> {
        uuid(&note.state.device)?;
        let has = |name: &str| note.uplink(name).exists();
        if ["device", "next"].iter().any(|name| has(&format!("{name}.csr")) && !has(&format!("{name}.key"))) {
            bail!(
                "the device made its key by itself, and `{}` does not have it: balena's devices get theirs from there. \
                 Leave `--balena` out, or give the device another key by `--rotate`",
                note.folder().display()
            );
        }
        if let Some(connection) = self.connection.as_ref().filter(|connection| !connection.is_file()) {
            bail!("there is no file `{}`: name a connection of NetworkManager by `--connection`", connection.display());
        }
        let version = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.map(|_| ()).map_err(missing)
    }

    /// Registers the device if balena does not know it, sets its variables, and configures its image.
    ///
    /// # Errors
    /// balena's program is missing, or it failed.
    pub(super) fn set_up(&self, note: &Note, endpoint: &str) -> Result<Vec<&'static str>> {
        let uuid = uuid(&note.state.device)?;
        let mut done = Vec::new();
        let known = Command::new(PROGRAM).args(["device", &uuid]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !known.map_err(missing)?.success() {
            if note.state.certificate.is_none() {
                bail!(
                    "balena has no device `{uuid}`, or you are not logged in (`balena login`): a device that is \
                     adopted keeps the key that it has there. Where it has none, leave `--balena` out, or give it one \
                     by `--rotate`"
                );
            }
            run(&["device", "register", &self.fleet, "--uuid", &uuid], None)?;
            done.push("the device is registered with balena");
        }
        for (name, value) in variables(note, endpoint)? {
            // The value is passed in the environment, because everybody on the machine can see arguments.
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
        if !image.exists() {
            self.download(image)?;
        }
        let shown = image.to_string_lossy();
        // Without `--config-network` it asks. The key of a Wi-Fi is in a file, because everybody on the machine can see
        // arguments.
        let mut arguments = vec!["os", "configure", &shown, "--device", uuid, "--config-network", "ethernet"];
        let connection = self.connection.as_ref().map(|connection| connection.to_string_lossy());
        if let Some(connection) = &connection {
            arguments.extend(["--system-connection", connection]);
        }
        run(&arguments, None)
    }

    /// Downloads the image under another name first, so that an interrupted download never looks like an image.
    fn download(&self, image: &Path) -> Result<()> {
        let name = image.file_name().unwrap_or(OsStr::new("image")).to_string_lossy();
        let partial = image.with_file_name(format!("partial-{name}"));
        run(&["os", "download", &self.board, "--output", &partial.to_string_lossy()], None)?;
        fs::rename(&partial, image).with_context(|| {
            format!("the image is downloaded to `{}`, and cannot be moved to `{}`", partial.display(), image.display())
        })
    }
}

/// Returns the device's variables at balena: those for `balena-start.sh`, of which the first five have the names of the
/// original detectordag, and `DAG_DEVICE`, which the daemon reads. An adopted device keeps its key and its certificate
/// there.
fn variables(note: &Note, endpoint: &str) -> Result<Vec<(&'static str, String)>> {
    let contents = bundle::contents(note)?;
    let file = |path: &str| {
        let found = contents.iter().find(|(name, ..)| name == path).map(|(_, bytes, _)| BASE64.encode(bytes));
        found.with_context(|| format!("the bundle has no `{path}`, and balena's devices get theirs from there"))
    };
    let rules = contents.iter().filter(|(path, ..)| path.starts_with("rules/"));
    let rules: BTreeMap<_, _> =
        rules.map(|(path, bytes, access)| (path.clone(), (access.mode(), bytes.clone()))).collect();
    let mut variables = Vec::new();
    if note.state.certificate.is_some() {
        variables.push(("AWS_THING_NAME", note.state.device.clone()));
        variables.push(("AWS_THING_CERT", file("uplink/device.pem")?));
        variables.push(("AWS_THING_KEY", file("uplink/device.key")?));
    }
    variables.extend([
        ("AWS_ROOT_CERT", file("uplink/ca.pem")?),
        ("AWS_ENDPOINT", endpoint.to_owned()),
        ("CONFIG_TOML", file("config.toml")?),
        ("RULES_ZIP", BASE64.encode(package::zip(&rules)?)),
        ("DAG_DEVICE", note.state.device.clone()),
    ]);
    if let Some((name, value)) = variables.iter().find(|(_, value)| value.len() > LONGEST_VARIABLE) {
        bail!(
            "`{name}` would have {} bytes, and Linux hands a program {LONGEST_VARIABLE} at most: shorten what it is \
             made of, or leave `--balena` out",
            value.len()
        );
    }
    Ok(variables)
}

fn run(arguments: &[&str], variable: Option<(&str, &str)>) -> Result<()> {
    let mut command = Command::new(PROGRAM);
    // Its output is for people. Our standard output may be read by a program.
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
            "there is no program `{PROGRAM}`: install balena's command line (`npm install --global balena-cli`), then \
             run `balena login`"
        ),
        _ => anyhow::anyhow!("`{PROGRAM}` cannot be run: {error}"),
    }
}

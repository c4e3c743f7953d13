//! The owner's key. The secret half never leaves this machine; devices have the public one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use dag_cloud::aws::Registry;
use dag_config::Config;
use dag_uplink::{PublicKey, SigningKey};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

/// The file's name, beside `config.toml`.
const FILE: &str = "rules-signing.key";

/// An Ed25519 key in PKCS#8 has 83 bytes. A file that has many more is none.
const LONGEST: u64 = 4_096;

/// Where the key is unless somebody says otherwise.
pub(crate) fn path(config: &Config) -> PathBuf {
    config.root.join(FILE)
}

/// Makes a key that only the owner of the file can read. One that is there is left alone.
pub(crate) fn make(path: &Path) -> Result<PublicKey> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let pkcs8 = pkcs8.map_err(|_| anyhow!("the system gives no random numbers for a key"))?;
    let key = SigningKey::from_pkcs8(pkcs8.as_ref())?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let unwritten = || format!("the signing key cannot be written to `{}`", path.display());
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "`{}` is there already, and devices take no rules but those that it signed. For another key move it away, \
             run this again, and give every device the new public key by `dag-infra provision`",
            path.display()
        ),
        opened => opened.with_context(unwritten)?,
    };
    if let Err(error) = file.write_all(pkcs8.as_ref()).and_then(|()| file.sync_all()) {
        // A part of a key is none, and would be in the way.
        let _ = fs::remove_file(path);
        return Err(error).with_context(unwritten);
    }
    Ok(key.public())
}

/// Returns the key that is to sign.
pub(crate) fn read(path: &Path) -> Result<SigningKey> {
    let missing = || {
        format!(
            "there is no signing key at `{}`: make one by `dag-infra rules key`, or name it by `--key`",
            path.display()
        )
    };
    read_if_there(path)?.with_context(missing)
}

/// What devices check by, if there is a key here.
fn public_key(path: &Path) -> Result<Option<PublicKey>> {
    Ok(read_if_there(path)?.map(|key| key.public()))
}

/// What a device is to check rules by: the key that is here. Where there is none it is that of the fleet, by which
/// rules were pushed; before any were it is what the configuration has, or what the device's `bundle` says already, for
/// a device that loses its key takes no rules any more.
pub(crate) async fn for_device(
    path: &Path,
    registry: &Registry,
    config: &Config,
    bundle: &Path,
) -> Result<Option<String>> {
    let here = public_key(path)?.map(|key| key.to_text());
    let fleet = registry.signing().await?.map(|signing| signing.key);
    match (&here, &fleet) {
        (Some(here), Some(fleet)) if here != fleet => eprintln!(
            "`{}` is not the key that signs the fleet's rules: the device gets it, and takes no rules until some are \
             pushed by it (`dag-infra rules push --new-key`)",
            path.display()
        ),
        (None, Some(_)) => eprintln!(
            "There is no signing key at `{}`: the device gets the public key by which the fleet's rules are signed.",
            path.display()
        ),
        _ => {}
    }
    let configured = config.uplink.as_ref().and_then(|uplink| uplink.rules_key.clone());
    Ok(here.or(fleet).or(configured).or_else(|| key_in_bundle(bundle)))
}

/// Returns the key that a bundle's `config.toml` has. What is no configuration is made anew, and has none.
fn key_in_bundle(bundle: &Path) -> Option<String> {
    let text = fs::read_to_string(bundle.join("config.toml")).ok()?;
    let config: toml::Table = text.parse().ok()?;
    config.get("uplink")?.get("rules_key")?.as_str().map(str::to_owned)
}

fn read_if_there(path: &Path) -> Result<Option<SigningKey>> {
    let unread = || format!("the signing key `{}` cannot be read", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(unread)?,
    };
    let mut bytes = Vec::new();
    (&file).take(LONGEST).read_to_end(&mut bytes).with_context(unread)?;
    let key = SigningKey::from_pkcs8(&bytes).with_context(unread)?;
    warn_of_readers(path, &file);
    Ok(Some(key))
}

/// Whoever reads the key can send any rules to every device.
#[cfg(unix)]
fn warn_of_readers(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        eprintln!(
            "Others on this machine can read the signing key, and could send rules to your devices: run `chmod 600 {}`.",
            path.display()
        );
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &File) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(public_key(&path).unwrap(), None);
        let public = make(&path).unwrap();
        assert_eq!(public_key(&path).unwrap(), Some(public.clone()));
        assert_eq!(read(&path).unwrap().public(), public);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert!(make(&path).unwrap_err().to_string().contains("is there already"));
        assert_eq!(public_key(&path).unwrap(), Some(public), "it was left alone");
    }

    #[test]
    fn a_bundle_tells_its_key() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(key_in_bundle(folder.path()), None);
        for (text, key) in
            [("not [ toml", None), ("[uplink]\nport = 1\n", None), ("[uplink]\nrules_key = \"k\"", Some("k"))]
        {
            fs::write(folder.path().join("config.toml"), text).unwrap();
            assert_eq!(key_in_bundle(folder.path()).as_deref(), key);
        }
    }

    #[test]
    fn what_is_no_key_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "secret").unwrap();
        let told = format!("{:#}", public_key(&path).unwrap_err()).replace(&*folder.path().to_string_lossy(), "HOME");
        insta::assert_snapshot!(told, @"the signing key `HOME/rules-signing.key` cannot be read: this is no signing key: it is an Ed25519 key in PKCS#8");
        let told = format!("{:#}", make(&folder.path().join("no/such/folder")).unwrap_err());
        insta::assert_snapshot!(told.replace(&*folder.path().to_string_lossy(), "HOME"), @"the signing key cannot be written to `HOME/no/such/folder`: No such file or directory (os error 2)");
    }
}

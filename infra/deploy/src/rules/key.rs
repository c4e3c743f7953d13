//! The owner's signing key. Its secret half stays on this machine. Devices have the public half.

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

/// The default name of the file, beside `config.toml`.
const FILE: &str = "rules-signing.key";

/// The most bytes that are read of a key file. An Ed25519 key in PKCS#8 has 83.
const LONGEST: u64 = 4_096;

/// Returns the default path of the key.
pub(crate) fn path(config: &Config) -> PathBuf {
    config.root.join(FILE)
}

/// Makes a key that only the owner of the file can read.
///
/// # Errors
/// There is a file at the path already, or it cannot be written.
pub(crate) fn make(path: &Path) -> Result<PublicKey> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let pkcs8 = pkcs8.map_err(|_| anyhow!("the system gives no random numbers for a key"))?;
    let key = SigningKey::from_pkcs8(pkcs8.as_ref())?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write_error = || format!("the signing key cannot be written to `{}`", path.display());
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "`{}` is there already, and devices take no rules but those that it signed. For another key move it away, \
             run this again, and give every device the new public key by `dag-infra provision`",
            path.display()
        ),
        opened => opened.with_context(write_error)?,
    };
    if let Err(error) = file.write_all(pkcs8.as_ref()).and_then(|()| file.sync_all()) {
        // A part of a key would prevent the next run from making one.
        let _ = fs::remove_file(path);
        return Err(error).with_context(write_error);
    }
    Ok(key.public())
}

/// Reads the key that signs.
pub(crate) fn read(path: &Path) -> Result<SigningKey> {
    let missing = || {
        format!(
            "there is no signing key at `{}`: make one by `dag-infra rules key`, or name it by `--key`",
            path.display()
        )
    };
    read_if_there(path)?.with_context(missing)
}

/// Returns the public half of the key, if there is one.
fn public_key(path: &Path) -> Result<Option<PublicKey>> {
    Ok(read_if_there(path)?.map(|key| key.public()))
}

/// Returns the public key by which a device checks rules, from the first of these places that has one:
///
/// 1. the key at `path`,
/// 2. the key that signed the fleet's rules,
/// 3. the configuration,
/// 4. the device's `bundle`, because a device that loses its key accepts no more rules.
pub(crate) async fn for_device(
    path: &Path,
    registry: &Registry,
    config: &Config,
    bundle: &Path,
) -> Result<Option<String>> {
    let local = public_key(path)?.map(|key| key.to_text());
    let fleet = registry.signing().await?.map(|signing| signing.key);
    match (&local, &fleet) {
        (Some(local), Some(fleet)) if local != fleet => eprintln!(
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
    Ok(local.or(fleet).or(configured).or_else(|| key_in_bundle(bundle)))
}

/// Returns the key in a bundle's `config.toml`, or `None` if that is missing or broken, since it is written again.
fn key_in_bundle(bundle: &Path) -> Option<String> {
    let text = fs::read_to_string(bundle.join("config.toml")).ok()?;
    let config: toml::Table = text.parse().ok()?;
    config.get("uplink")?.get("rules_key")?.as_str().map(str::to_owned)
}

fn read_if_there(path: &Path) -> Result<Option<SigningKey>> {
    let read_error = || format!("the signing key `{}` cannot be read", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(read_error)?,
    };
    let mut bytes = Vec::new();
    (&file).take(LONGEST).read_to_end(&mut bytes).with_context(read_error)?;
    let key = SigningKey::from_pkcs8(&bytes).with_context(read_error)?;
    warn_of_readers(path, &file);
    Ok(Some(key))
}

/// Warns if others can read the key. They could send any rules to every device.
#[cfg(unix)]
fn warn_of_readers(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        eprintln!(
            "Others on this machine can read the signing key, and could send rules to your devices: run `chmod 600 \
             {}`.",
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
        assert_eq!(public_key(&path).unwrap(), Some(public), "the file is unchanged");
    }

    #[test]
    fn the_key_of_a_bundle_is_found() {
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
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "secret").unwrap();
        let error = format!("{:#}", public_key(&path).unwrap_err()).replace(&*folder.path().to_string_lossy(), "HOME");
        insta::assert_snapshot!(error, @"the signing key `HOME/rules-signing.key` cannot be read: this is no signing key: it is an Ed25519 key in PKCS#8");
        let error = format!("{:#}", make(&folder.path().join("no/such/folder")).unwrap_err());
        insta::assert_snapshot!(error.replace(&*folder.path().to_string_lossy(), "HOME"), @"the signing key cannot be written to `HOME/no/such/folder`: No such file or directory (os error 2)");
    }
}

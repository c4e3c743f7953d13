//! The key by which devices know rules of their owner's.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result};
use dag_uplink::{PublicKey, SigningKey};

/// The public half of a signing key; `None` where there is no such file.
///
/// # Errors
/// The file is no signing key, or cannot be read.
pub(super) fn public_key(path: &Path) -> Result<Option<PublicKey>> {
    let shown = path.display();
    match fs::read(path) {
        Ok(bytes) => {
            let key = SigningKey::from_pkcs8(&bytes).with_context(|| format!("`{shown}` cannot be used"))?;
            Ok(Some(key.public()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("`{shown}` cannot be read")),
    }
}

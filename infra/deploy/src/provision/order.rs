//! What is asked for a device, and what is answered.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Balena;

/// What is asked for a device.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub device: String,
    pub name: Option<String>,
    /// The user name of an account.
    pub account: Option<String>,
    /// The folder of the bundle.
    pub out: PathBuf,
    /// A request that the device made.
    pub csr: Option<PathBuf>,
    /// The key that signs rules; it need not be there.
    pub signing_key: PathBuf,
    pub cloud_init: Option<PathBuf>,
    pub balena: Option<Balena>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Report {
    pub device: String,
    pub folder: PathBuf,
    /// The certificate of the bundle.
    pub certificate: Option<String>,
    /// Whether the bundle has the device's key, or the device itself has it.
    pub key: bool,
    /// What there was to do, in its order.
    pub done: Vec<&'static str>,
    /// How many certificates are good besides that of the bundle, until a rotation is finished.
    pub others: usize,
    /// What would go unnoticed.
    pub warnings: Vec<String>,
}

/// The end of a rotation, before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// How many certificates it ends.
    pub certificates: usize,
    /// Whether the device reported since the new files were made. By which certificate is not known.
    pub reported: bool,
}

/// Whether this can be the id of a device.
///
/// # Errors
/// Why not.
pub(crate) fn check_id(device: &str) -> Result<()> {
    if !dag_config::is_device_id(device) {
        bail!(
            "`{}` cannot be the id of a device: use letters, digits, `-` and `_`, at most 64, for it stands in topics \
             and names of files",
            device.escape_debug()
        );
    }
    Ok(())
}

/// A name has so many characters at most, like an id: it stands in the subjects of mails.
const LONGEST_NAME: usize = 64;

/// Whether this can be what people call a device.
///
/// # Errors
/// Why not.
pub(super) fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if length > LONGEST_NAME {
        bail!("a device's name has {LONGEST_NAME} characters at most, and this one has {length}: shorten it");
    }
    if !dag_config::is_device_name(name) {
        bail!("`{}` cannot be the name of a device: it is one line of text, and not empty", name.escape_debug());
    }
    Ok(())
}

//! The order for a device, and the report of what was done.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Balena;

/// The order for a device.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub device: String,
    pub name: Option<String>,
    /// The user name of an account.
    pub account: Option<String>,
    /// The folder of the bundle.
    pub out: PathBuf,
    /// The file of a request that the device made.
    pub csr: Option<PathBuf>,
    /// The file of the key that signs rules. It may be missing.
    pub signing_key: PathBuf,
    pub cloud_init: Option<PathBuf>,
    pub balena: Option<Balena>,
}

/// The report of an order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Report {
    pub device: String,
    pub folder: PathBuf,
    /// The id of the bundle's certificate.
    pub certificate: Option<String>,
    /// Whether the bundle has the device's key. Otherwise the device has it.
    pub key: bool,
    /// The steps that were needed, in their order.
    pub done: Vec<&'static str>,
    /// The number of active certificates besides the bundle's, until a rotation is finished.
    pub others: usize,
    /// Warnings of settings by which the device would report nothing.
    pub warnings: Vec<String>,
}

/// The certificates that the end of a rotation would end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Their number.
    pub certificates: usize,
    /// Whether the device reported since the new files were made. AWS does not tell by which certificate.
    pub reported: bool,
}

/// Checks the id of a device.
///
/// # Errors
/// It cannot be an id.
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

/// The most characters of a name, the same as of an id. It is in the subjects of mails.
const LONGEST_NAME: usize = 64;

/// Checks the name of a device.
///
/// # Errors
/// It cannot be a name.
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

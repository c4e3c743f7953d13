//! The adoption of a device of an older fleet. It keeps its certificates with their policies, and gets the stack's,
//! too.

use anyhow::{Result, bail};

use super::{note::Note, warn};
use crate::iot::{Iot, Thing};

/// The steps of an adoption, and its warnings.
pub(super) struct Adoption {
    pub done: Vec<&'static str>,
    pub warnings: Vec<String>,
}

/// Attaches the policy to every active certificate of a thing, and gives the thing the type of devices if it has none.
/// AWS does not tell which certificate the device uses, so that none becomes the bundle's.
///
/// # Errors
/// The thing has no active certificate, or a call failed.
pub(super) async fn adopt(iot: &Iot, note: &mut Note, thing: &Thing) -> Result<Adoption> {
    let device = note.state.device.clone();
    let active = iot.active_among(&iot.certificates(&device).await?).await?;
    if active.is_empty() {
        bail!("the thing `{device}` has no active certificate that it could keep: give it one by `--rotate`");
    }
    note.state.adopted = true;
    note.save()?;
    let (mut done, mut warnings) = (Vec::new(), Vec::new());
    for certificate in &active {
        if !iot.policies(certificate).await?.contains(&iot.policy) {
            iot.attach_policy(certificate).await?;
            done.push("the policy is attached to a certificate, beside those that it has");
        }
        let sharing = iot.other_things(&device, certificate).await?;
        if !sharing.is_empty() {
            warnings.push(warn::shared(&device, &sharing));
        }
    }
    // Another type was set by somebody else and stays.
    if thing.thing_type.is_none() {
        iot.set_type(&device).await?;
        done.push("the thing has its type");
    }
    Ok(Adoption { done, warnings })
}

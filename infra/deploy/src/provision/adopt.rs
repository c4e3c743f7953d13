//! A device of an older fleet: it keeps its certificate, and what that allowed, and is one of ours besides.

use anyhow::{Context as _, Result};
use aws_sdk_iot::types::CertificateStatus;

use super::{
    note::Note,
    things::{Thing, Things},
};

/// Attaches the policy to every certificate of a thing, and gives the thing the type of devices if it has none.
///
/// # Errors
/// The thing has no active certificate, or a call failed.
pub(super) async fn adopt(things: &Things, note: &mut Note, thing: &Thing) -> Result<Vec<&'static str>> {
    let device = note.noted.device.clone();
    let mut active = None;
    let mut done = Vec::new();
    for certificate in things.certificates(&device).await? {
        let Some((_, CertificateStatus::Active)) = things.look(&certificate).await? else { continue };
        if !things.policies(&certificate).await?.contains(&things.policy) {
            things.allow(&certificate).await?;
            done.push("the policy is attached to a certificate, beside those that it has");
        }
        active.get_or_insert(certificate);
    }
    let active = active.with_context(|| {
        format!("the thing `{device}` has no active certificate that it could keep: give it one by `--rotate`")
    })?;
    // An older one of them stays in the bundle that has its key.
    if note.noted.certificate.is_none() {
        note.noted.certificate = Some(active);
        note.keep()?;
    }
    // A type that is there belongs to whoever gave it.
    if thing.thing_type.is_none() {
        things.set_type(&device).await?;
        done.push("the thing has its type");
    }
    Ok(done)
}

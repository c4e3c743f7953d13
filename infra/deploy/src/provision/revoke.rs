//! A device that was stolen: nothing of it is believed any more. The thing and its history stay.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use aws_sdk_iot::types::CertificateStatus;

use super::{note::Note, things::Things};

/// Revokes every certificate of a device, all of them before anything else, and detaches them then. AWS IoT ends what is
/// connected by them within minutes ("UpdateCertificate"). Answers how many there were.
///
/// # Errors
/// A call failed: then it is to be made again.
pub(super) async fn revoke(things: &Things, device: &str, note: Option<&Note>) -> Result<usize> {
    if things.find(device).await?.is_none() {
        bail!("AWS IoT knows no device `{device}`: `dag-infra list` shows those that there are");
    }
    let attached = things.certificates(device).await?;
    let mut all = attached.clone();
    // One that was made and not attached yet would become good by going on.
    let noted = note.iter().flat_map(|note| note.noted.certificate.iter().chain(&note.noted.next));
    all.extend(noted.filter(|noted| !attached.contains(noted)).cloned());
    let mut revoked = 0;
    for certificate in &all {
        if let Some((_, status)) = things.look(certificate).await?
            && status != CertificateStatus::Revoked
        {
            things.set_status(certificate, CertificateStatus::Revoked).await?;
            revoked += 1;
        }
    }
    for certificate in &attached {
        things.forbid(certificate).await?;
        things.detach(device, certificate).await?;
    }
    Ok(revoked)
}

/// The other things that lose a certificate by that.
///
/// # Errors
/// A call failed.
pub(super) async fn companions(things: &Things, device: &str) -> Result<BTreeSet<String>> {
    let mut companions = BTreeSet::new();
    if things.find(device).await?.is_some() {
        for certificate in things.certificates(device).await? {
            companions.extend(things.sharing(device, &certificate).await?);
        }
    }
    Ok(companions)
}

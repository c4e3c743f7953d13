//! The revocation of a stolen device's certificates. Its thing and its history stay.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::note::Note;
use crate::iot::{CertificateStatus, Iot};

/// Revokes every certificate of a device, and then detaches them. AWS IoT ends their connections within minutes
/// ("UpdateCertificate"). Returns their number.
///
/// # Errors
/// A call failed. The command has to be repeated.
pub(super) async fn revoke(iot: &Iot, device: &str, note: Option<&Note>) -> Result<usize> {
    if iot.find_thing(device).await?.is_none() {
        bail!("AWS IoT knows no device `{device}`: `dag-infra list` shows those that there are");
    }
    let attached = iot.certificates(device).await?;
    let mut all = attached.clone();
    // A noted certificate that is not attached yet would become active by the next run of `provision`.
    let noted = note.iter().flat_map(|note| note.state.certificate.iter().chain(&note.state.next));
    all.extend(noted.filter(|noted| !attached.contains(noted)).cloned());
    let mut revoked = 0;
    for certificate in &all {
        if let Some((_, status)) = iot.describe(certificate).await?
            && status != CertificateStatus::Revoked
        {
            iot.set_status(certificate, CertificateStatus::Revoked).await?;
            revoked += 1;
        }
    }
    for certificate in &attached {
        iot.detach_policies(certificate).await?;
        iot.detach_certificate(device, certificate).await?;
    }
    Ok(revoked)
}

/// Returns the other things that share a certificate with a device.
///
/// # Errors
/// A call failed.
pub(super) async fn companions(iot: &Iot, device: &str) -> Result<BTreeSet<String>> {
    let mut companions = BTreeSet::new();
    if iot.find_thing(device).await?.is_some() {
        for certificate in iot.certificates(device).await? {
            companions.extend(iot.other_things(device, &certificate).await?);
        }
    }
    Ok(companions)
}

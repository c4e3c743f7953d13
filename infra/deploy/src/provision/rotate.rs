//! The rotation of a device's certificate, without a gap: both are active until the rotation is finished.

use std::path::Path;

use anyhow::{Result, bail};
use dag_engine::Time;

use super::{identity, note::Note};
use crate::iot::{Certificate, CertificateStatus, Iot};

/// Returns the thing's certificates besides the bundle's, in any status.
async fn others(iot: &Iot, note: &Note) -> Result<Vec<Certificate>> {
    let attached = iot.certificates(&note.state.device).await?;
    Ok(attached.into_iter().filter(|one| note.state.certificate.as_ref() != Some(one)).collect())
}

/// Returns the number of active certificates besides the bundle's.
pub(super) async fn count_active_besides(iot: &Iot, note: &Note) -> Result<usize> {
    if note.state.certificate.is_none() {
        return Ok(0);
    }
    Ok(iot.active_among(&others(iot, note).await?).await?.len())
}

/// Returns the bundle's certificate if a rotation to it is not finished: it is active, and so are others.
async fn unfinished(iot: &Iot, note: &Note) -> Result<Option<Certificate>> {
    if !identity::has_key_or_request(note) {
        return Ok(None);
    }
    let Some(own) = note.state.certificate.clone().filter(|_| note.state.rotated_at.is_some()) else { return Ok(None) };
    let attached = iot.certificates(&note.state.device).await?;
    let active = iot.active_among(&attached).await?;
    Ok((active.contains(&own) && active.len() > 1).then_some(own))
}

/// Makes a second key and certificate and puts them into the bundle. The first certificate stays active. An interrupted
/// rotation is continued. While the last rotation is not finished, no further one begins.
///
/// # Errors
/// A call failed, there is nothing to rotate, or `given` is not the request of the rotation that is not finished.
pub(super) async fn begin(iot: &Iot, note: &mut Note, given: Option<&Path>, now: Time) -> Result<Vec<&'static str>> {
    let device = note.state.device.clone();
    let mut done = Vec::new();
    let next = match note.state.next.clone() {
        Some(next) => {
            identity::check_same(note, given)?;
            next
        }
        None => {
            if let Some(own) = unfinished(iot, note).await? {
                identity::check_same(note, given)?;
                return iot.put_into_service(&device, &own).await;
            }
            if note.state.certificate.is_none() && iot.certificates(&device).await?.is_empty() {
                bail!("the device `{device}` has no certificate yet: run this without `--rotate`");
            }
            note.save()?;
            let request = identity::request(note, "next", given)?;
            let next = iot.issue(&request).await?;
            note.state.next = Some(next.clone());
            note.save()?;
            done.push("another certificate is made");
            next
        }
    };
    done.extend(iot.put_into_service(&device, &next).await?);
    identity::install_next(note)?;
    note.state.certificate = Some(next);
    note.state.next = None;
    note.state.rotated_at = Some(now);
    note.save()?;
    Ok(done)
}

/// Returns the certificates that the end of a rotation ends: all of the device except the bundle's.
///
/// # Errors
/// A call failed, or the device could not connect by the bundle's.
pub(super) async fn certificates_to_end(iot: &Iot, note: &Note) -> Result<Vec<Certificate>> {
    let device = &note.state.device;
    let folder = note.folder().display();
    let attached = iot.certificates(device).await?;
    let own = note.state.certificate.as_ref().filter(|own| note.state.next.is_none() && attached.contains(own));
    let Some(own) = own else {
        bail!("the bundle `{folder}` has no certificate to go on with: run `--rotate` first");
    };
    if !identity::has_key_or_request(note) {
        bail!(
            "the bundle `{folder}` has neither the key of its certificate nor the request for it, so that the device \
             may run with another one: put them back, or make a certificate by `--rotate`"
        );
    }
    // Otherwise the device would be locked out.
    match iot.describe(own).await? {
        Some((_, CertificateStatus::Active)) => {}
        _ => bail!("the new certificate of `{device}` is not active: run `--rotate` again first"),
    }
    if !iot.policies(own).await?.contains(&iot.policy) {
        bail!("the new certificate of `{device}` has no policy, and opens nothing: run `--rotate` again first");
    }
    others(iot, note).await
}

/// Ends certificates of the device. One that other things share is only detached from this one.
///
/// # Errors
/// A call failed. The command has to be repeated.
pub(super) async fn finish(iot: &Iot, note: &mut Note, certificates: &[Certificate]) -> Result<()> {
    let device = note.state.device.clone();
    let mut own = Vec::new();
    for certificate in certificates {
        if iot.other_things(&device, certificate).await?.is_empty() {
            iot.deactivate(certificate).await?;
            own.push(certificate);
        }
    }
    for certificate in certificates {
        if own.contains(&certificate) {
            iot.detach_policies(certificate).await?;
        }
        iot.detach_certificate(&device, certificate).await?;
    }
    note.state.rotated_at = None;
    note.save()
}

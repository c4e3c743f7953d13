//! Another certificate for a device, without a gap: both are good until the first is told to end.

use std::path::Path;

use anyhow::{Result, bail};
use aws_sdk_iot::types::CertificateStatus;

use super::{
    files, identity,
    note::{Certificate, Note},
    things::Things,
};

/// Whether the thing has certificates besides the bundle's: a rotation that waits to be finished.
pub(super) async fn others(things: &Things, note: &Note) -> Result<Vec<Certificate>> {
    let attached = things.certificates(&note.noted.device).await?;
    Ok(attached.into_iter().filter(|one| note.noted.certificate.as_ref() != Some(one)).collect())
}

/// Makes a second key and certificate and puts them into the bundle. The first stays as good as it was. Goes on where it was
/// left off, and does nothing while the last rotation waits to be finished.
///
/// # Errors
/// A call failed, or there is nothing to rotate.
pub(super) async fn begin(things: &Things, note: &mut Note, given: Option<&Path>) -> Result<Vec<&'static str>> {
    let device = note.noted.device.clone();
    let mut done = Vec::new();
    let next = match note.noted.next.clone() {
        Some(next) => next,
        None => {
            let attached = things.certificates(&device).await?;
            match &note.noted.certificate {
                None if attached.is_empty() => {
                    bail!("the device `{device}` has no certificate yet: run this without `--rotate`");
                }
                Some(certificate) if attached.contains(certificate) && attached.len() > 1 => return Ok(done),
                _ => {}
            }
            let request = identity::request(note, "next", given)?;
            let next = things.issue(&request).await?;
            note.noted.next = Some(next.clone());
            note.keep()?;
            done.push("another certificate is made");
            next
        }
    };
    done.extend(things.put_to_work(&device, &next).await?);
    // What was moved already is not there any more.
    for ending in ["key", "csr"] {
        let (from, to) = (note.uplink(&format!("next.{ending}")), note.uplink(&format!("device.{ending}")));
        if from.exists() {
            files::move_file(&from, &to).map_err(|error| files::unwritten(&to, &error))?;
        }
    }
    note.noted.certificate = Some(next);
    note.noted.next = None;
    note.keep()?;
    Ok(done)
}

/// Ends every certificate of the device but the bundle's. Answers how many there were.
///
/// # Errors
/// A call failed, or the bundle's certificate is not at work.
pub(super) async fn finish(things: &Things, note: &Note) -> Result<usize> {
    let device = &note.noted.device;
    let attached = things.certificates(device).await?;
    let own = note.noted.certificate.as_ref().filter(|own| note.noted.next.is_none() && attached.contains(own));
    let Some(own) = own else {
        bail!("the bundle `{}` has no certificate to go on with: run `--rotate` first", note.folder().display());
    };
    // Else the device would be locked out.
    match things.look(own).await? {
        Some((_, CertificateStatus::Active)) => {}
        _ => bail!("the new certificate of `{device}` is not active: run `--rotate` again first"),
    }
    let others = others(things, note).await?;
    for other in &others {
        things.set_status(other, CertificateStatus::Inactive).await?;
    }
    for other in &others {
        things.detach(device, other).await?;
    }
    Ok(others.len())
}

//! A device's key, and the request by which AWS makes a certificate for it. The key never leaves the bundle.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use x509_parser::{
    certification_request::X509CertificationRequest,
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384},
    pem::parse_x509_pem,
    prelude::FromDer as _,
    public_key::PublicKey,
};

use super::{
    files::{self, Access},
    note::Note,
};

/// Returns the request in the bundle; `name` is that of its files: `device`, or `next` for those that are to follow.
/// Where there is none yet it is the one in the file `given`, else key and request are made.
///
/// # Errors
/// The bundle has another request or a broken key, what is given is no request, the folder cannot be written.
pub(super) fn request(note: &Note, name: &str, given: Option<&Path>) -> Result<String> {
    let path = note.uplink(&format!("{name}.csr"));
    let key_path = note.uplink(&format!("{name}.key"));
    let here = files::read(&path)?;
    if let Some(given) = given {
        let text = read_given(given)?;
        if here.is_some_and(|here| here != text) {
            let folder = note.folder().display();
            match name {
                "next" => bail!(
                    "a rotation was begun in `{folder}` with another request: `--rotate` without `--csr` goes on with that one"
                ),
                _ => bail!(
                    "the bundle `{folder}` was made by another request: `--rotate --csr FILE` gives the device a new certificate"
                ),
            }
        }
        // One that was made here, for a request that never came to be.
        if is_of_another(&key_path, &text)? {
            files::set_aside(&key_path)?;
        }
        files::write(&path, text.as_bytes(), Access::Open)?;
        return Ok(text);
    }
    if let Some(here) = here {
        return Ok(here);
    }
    let key = match files::read(&key_path)? {
        Some(pem) => KeyPair::from_pem(&pem)
            .with_context(|| format!("`{}` is no key any more: remove it, and run this again", key_path.display()))?,
        None => {
            let key = KeyPair::generate()?;
            files::write(&key_path, key.serialize_pem().as_bytes(), Access::Secret)?;
            key
        }
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, note.state.device.as_str());
    let request = params.serialize_request(&key)?.pem()?;
    files::write(&path, request.as_bytes(), Access::Open)?;
    Ok(request)
}

fn read_given(given: &Path) -> Result<String> {
    let shown = given.display();
    let text = files::read(given)?.with_context(|| format!("there is no file `{shown}`"))?;
    check(&text).with_context(|| format!("`{shown}` cannot be used"))?;
    Ok(text)
}

/// Returns whether the bundle has anything of its certificate's own: the key, or the request that the device made.
pub(super) fn is_here(note: &Note) -> bool {
    ["device.key", "device.csr"].iter().any(|name| note.uplink(name).exists())
}

/// Whether a request that is given is the one that is at work already, so that nobody takes it for one that was used.
///
/// # Errors
/// It is another one, or cannot be read.
pub(super) fn check_same(note: &Note, given: Option<&Path>) -> Result<()> {
    let Some(given) = given else { return Ok(()) };
    let text = read_given(given)?;
    let next = files::read(&note.uplink("next.csr"))?;
    let here = if next.is_some() { next } else { files::read(&note.uplink("device.csr"))? };
    if here.as_ref() != Some(&text) {
        bail!(
            "`{}` is not the request of the rotation that waits: finish that one by `--rotate --finish` first, then \
             give the device another certificate (`--rotate` without `--csr` goes on with what was begun)",
            given.display()
        );
    }
    Ok(())
}

/// Puts the key and request that are to follow in the place of those of the bundle. The key that was there is set
/// aside: its certificate is still good, and who knows where else that key is.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn install_next(note: &Note) -> Result<()> {
    let (key, next_key) = (note.uplink("device.key"), note.uplink("next.key"));
    let (request, next_request) = (note.uplink("device.csr"), note.uplink("next.csr"));
    // Each move is found as it is by whoever goes on after it: the request goes last.
    let Some(text) = files::read(&next_request)? else { return Ok(()) };
    if key.exists() && (next_key.exists() || is_of_another(&key, &text)?) {
        files::set_aside(&key)?;
    }
    if next_key.exists() {
        files::move_file(&next_key, &key).map_err(|error| files::unwritten(&key, &error))?;
    }
    files::move_file(&next_request, &request).map_err(|error| files::unwritten(&request, &error))
}

/// Returns whether there is a key at a path, and it is not that of a request. Of one that cannot be read nothing is
/// known.
fn is_of_another(key: &Path, request: &str) -> Result<bool> {
    let Some(key) = files::read(key)? else { return Ok(false) };
    let of_request = || {
        let (_, pem) = parse_x509_pem(request.as_bytes()).ok()?;
        let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
        Some(request.certification_request_info.subject_pki.raw.to_owned())
    };
    let of_key = KeyPair::from_pem(&key).ok().map(|key| key.subject_public_key_info());
    Ok(of_key.is_some() && of_key != of_request())
}

/// RSA keys of these sizes are read by what a device connects with (ring's `RsaKeyPair`).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Whether AWS would take a request ("CreateCertificateFromCsr"), and the device could connect by its key: signed by
/// that key, which is RSA or of one of two NIST curves. AWS takes P-521, too, and a device cannot use it.
fn check(text: &str) -> Result<()> {
    const HOW: &str = "make one with `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout \
                       device.key -subj /CN=DEVICE -out device.csr`";
    let Ok((_, pem)) = parse_x509_pem(text.as_bytes()) else {
        bail!("it is no certificate signing request in PEM: {HOW}");
    };
    if !pem.label.ends_with("CERTIFICATE REQUEST") {
        bail!("it holds a `{}` and no certificate signing request: {HOW}", pem.label);
    }
    let Ok((_, request)) = X509CertificationRequest::from_der(&pem.contents) else {
        bail!("it is a damaged certificate signing request: {HOW}");
    };
    let info = &request.certification_request_info.subject_pki;
    let fits = match info.parsed() {
        Ok(PublicKey::RSA(key)) => RSA_BITS.contains(&key.key_size()),
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384].contains(&curve))
        }
        _ => false,
    };
    if !fits {
        bail!(
            "its key is of a kind that a device cannot connect by (P-256, P-384, or RSA of 2048 to 4096 bits): {HOW}"
        );
    }
    // Some kinds of signatures cannot be checked here; AWS checks them all.
    match request.verify_signature() {
        Ok(()) | Err(x509_parser::error::X509Error::SignatureUnsupportedAlgorithm) => Ok(()),
        Err(_) => bail!("it is not signed by its own key: {HOW}"),
    }
}

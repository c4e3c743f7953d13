//! A device's key, and the certificate signing request for AWS. The key never leaves the bundle.

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

/// Returns the request in the bundle. `name` is the name of its files: `device`, or `next` during a rotation. If there
/// is no request yet, that in the file `given` becomes it, or a key and a request are made.
///
/// # Errors
/// The bundle has another request or a broken key, the file holds no request, or the folder cannot be written.
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
                    "a rotation was begun in `{folder}` with another request: `--rotate` without `--csr` goes on with \
                     that one"
                ),
                _ => bail!(
                    "the bundle `{folder}` was made by another request: `--rotate --csr FILE` gives the device a new \
                     certificate"
                ),
            }
        }
        // An interrupted run without `--csr` left a key.
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

/// Returns whether the bundle has the key of its certificate, or the request for it.
pub(super) fn has_key_or_request(note: &Note) -> bool {
    ["device.key", "device.csr"].iter().any(|name| note.uplink(name).exists())
}

/// Checks that the file `given` holds the request of the present rotation: any other one would be ignored.
///
/// # Errors
/// It holds another request, or cannot be read.
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

/// Moves the next key and request to their place in the bundle. The old key is set aside, because its certificate is
/// still active.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn install_next(note: &Note) -> Result<()> {
    let (key, next_key) = (note.uplink("device.key"), note.uplink("next.key"));
    let (request, next_request) = (note.uplink("device.csr"), note.uplink("next.csr"));
    // The request is moved last: as long as it is there, an interrupted run is repeated.
    let Some(text) = files::read(&next_request)? else { return Ok(()) };
    if key.exists() && (next_key.exists() || is_of_another(&key, &text)?) {
        files::set_aside(&key)?;
    }
    if next_key.exists() {
        files::move_file(&next_key, &key).map_err(|error| files::write_error(&key, &error))?;
    }
    files::move_file(&next_request, &request).map_err(|error| files::write_error(&request, &error))
}

/// Returns whether a file holds a key that is not the one of a request. A key that cannot be parsed does not count.
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

/// The sizes of RSA keys, in bits, that the TLS library of a device reads (ring's `RsaKeyPair`).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Checks that AWS would accept a request ("CreateCertificateFromCsr"), and that the device could connect by its key.
/// It is RSA, P-256 or P-384. AWS accepts P-521, too, which a device cannot use.
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
    // Some kinds of signatures cannot be checked here. AWS checks them all.
    match request.verify_signature() {
        Ok(()) | Err(x509_parser::error::X509Error::SignatureUnsupportedAlgorithm) => Ok(()),
        Err(_) => bail!("it is not signed by its own key: {HOW}"),
    }
}

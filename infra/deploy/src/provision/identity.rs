//! A device's key, and the request by which AWS makes a certificate for it. The key never leaves the bundle.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use x509_parser::{
    certification_request::X509CertificationRequest,
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521},
    pem::parse_x509_pem,
    prelude::FromDer as _,
    public_key::PublicKey,
};

use super::{
    files::{self, Access},
    note::Note,
};

/// The request in the bundle; `name` is that of its files: `device`, or `next` for those that are to follow. Where there is
/// none yet it is the one in the file `given`, else key and request are made.
///
/// # Errors
/// The bundle has another request or a broken key, what is given is no request, the folder cannot be written.
pub(super) fn request(note: &Note, name: &str, given: Option<&Path>) -> Result<String> {
    let path = note.uplink(&format!("{name}.csr"));
    let here = files::read(&path)?;
    if let Some(given) = given {
        let shown = given.display();
        let text = files::read(given)?.with_context(|| format!("there is no file `{shown}`"))?;
        check(&text).with_context(|| format!("`{shown}` cannot be used"))?;
        if here.is_some_and(|here| here != text) {
            bail!(
                "the bundle `{}` was made by another request: `--rotate --csr FILE` gives the device a new certificate",
                note.folder().display()
            );
        }
        files::write(&path, text.as_bytes(), Access::Open)?;
        return Ok(text);
    }
    if let Some(here) = here {
        return Ok(here);
    }
    let key_path = note.uplink(&format!("{name}.key"));
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
    params.distinguished_name.push(DnType::CommonName, note.noted.device.as_str());
    let request = params.serialize_request(&key)?.pem()?;
    files::write(&path, request.as_bytes(), Access::Open)?;
    Ok(request)
}

/// Removes a key from the bundle that is not that of its request: the device made another one by itself.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn remove_foreign_key(note: &Note) -> Result<()> {
    let path = note.uplink("device.key");
    let (Some(request), Some(key)) = (files::read(&note.uplink("device.csr"))?, files::read(&path)?) else {
        return Ok(());
    };
    let of = |request: &str| {
        let (_, pem) = parse_x509_pem(request.as_bytes()).ok()?;
        let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
        Some(request.certification_request_info.subject_pki.raw.to_owned())
    };
    let own = KeyPair::from_pem(&key).ok().map(|key| key.subject_public_key_info());
    if own.is_some() && own != of(&request) {
        fs::remove_file(&path).map_err(|error| files::unwritten(&path, &error))?;
    }
    Ok(())
}

/// Whether AWS would take a request: signed by its own key, which is RSA of 2048 bits or more, or of a NIST curve
/// ("CreateCertificateFromCsr").
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
        Ok(PublicKey::RSA(key)) => key.key_size() >= 2_048,
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve))
        }
        _ => false,
    };
    if !fits {
        bail!(
            "its key is of a kind that AWS IoT does not take (P-256, P-384, P-521, or RSA of 2048 bits or more): {HOW}"
        );
    }
    // P-521 is the one that cannot be checked here.
    match request.verify_signature() {
        Ok(()) | Err(x509_parser::error::X509Error::SignatureUnsupportedAlgorithm) => Ok(()),
        Err(_) => bail!("it is not signed by its own key: {HOW}"),
    }
}

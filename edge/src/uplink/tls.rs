//! Who the device is, and whom it believes.

use std::{path::Path, sync::Arc};

use dag_config::Uplink;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// By this name the broker of AWS knows MQTT with a client's certificate on the port for HTTPS.
const ALPN: &[u8] = b"x-amzn-mqtt-ca";
const HTTPS: u16 = 443;

/// Reads the certificates and the key, anew for each connection, so that renewed ones count at the next.
///
/// # Errors
/// Which file cannot be used, and why.
pub(super) fn client(uplink: &Uplink) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &uplink.ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for authority in certificates(path, "ca")? {
                roots.add(authority).map_err(|error| unusable(path, "ca", error))?;
            }
        }
    }
    let own = certificates(&uplink.certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&read(&uplink.key, "key")?)
        .map_err(|_| unusable(&uplink.key, "key", "there is no key in PEM in it"))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(own, key);
    let mut config =
        config.map_err(|error| format!("`uplink.certificate` and `uplink.key` cannot be used: {error}"))?;
    if uplink.port == HTTPS {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    Ok(config)
}

fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path, key)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(path, key, "there is no certificate in PEM in it")),
    }
}

fn read(path: &Path, key: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| unusable(path, key, error))
}

fn unusable(path: &Path, key: &str, why: impl std::fmt::Display) -> String {
    format!("`uplink.{key}` (`{}`) cannot be used: {why}", path.display())
}

//! Which broker the client trusts, and how it identifies itself.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The longest PEM file that is read, in bytes: every authority of a browser fits into a quarter of it.
const LONGEST_FILE: u64 = 1 << 20;

/// An encrypted connection.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The section of `config.toml` that names the files as `ca`, `certificate` and `key`, for errors.
    pub section: &'static str,
    /// Authorities of the user's own that may vouch for the broker.
    pub ca: Option<PathBuf>,
    /// The public authorities may vouch for the broker, too.
    pub trusts_public_authorities: bool,
    /// The certificate by which the client identifies itself, and its private key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The protocol to ask for by ALPN, where one port serves several.
    pub alpn: Option<&'static [u8]>,
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// A sentence: which file cannot be used, and why.
    pub(super) fn read(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        if self.trusts_public_authorities {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(ca) = &self.ca {
            for authority in self.certificates("ca", ca)? {
                roots.add(authority).map_err(|error| self.unusable_file("ca", ca, error))?;
            }
        }
        // The provider is named, so that no other one in the process is used instead.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let private_key = PrivateKeyDer::from_pem_slice(&self.file("key", key)?)
                    .map_err(|_| self.unusable_file("key", key, "there is no key in PEM in it"))?;
                config
                    .with_client_auth_cert(self.certificates("certificate", certificate)?, private_key)
                    .map_err(|error| format!("`{0}.certificate` and `{0}.key` cannot be used: {error}", self.section))?
            }
        };
        config.alpn_protocols = self.alpn.map(<[u8]>::to_vec).into_iter().collect();
        Ok(config)
    }

    fn certificates(&self, key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let pem = self.file(key, path)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        found
            .ok()
            .filter(|found| !found.is_empty())
            .ok_or_else(|| self.unusable_file(key, path, "there is no certificate in PEM in it"))
    }

    fn file(&self, key: &str, path: &Path) -> Result<Vec<u8>, String> {
        let mut pem = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut pem));
        read.map(|_| pem).map_err(|error| self.unusable_file(key, path, error))
    }

    fn unusable_file(&self, key: &str, path: &Path, why: impl std::fmt::Display) -> String {
        format!("`{}.{key}` (`{}`) cannot be used: {why}", self.section, path.display())
    }
}

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

/// A file of certificates or of a key, in PEM.
#[derive(Clone, Debug)]
pub struct PemFile {
    /// The key in `config.toml` that names the file, for errors.
    pub key: &'static str,
    pub path: PathBuf,
}

/// A certificate by which the client identifies itself.
#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate: PemFile,
    pub private_key: PemFile,
}

/// An encrypted connection.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Authorities of the user's own that may vouch for the broker.
    pub ca: Option<PemFile>,
    /// The public authorities may vouch for the broker, too.
    pub trusts_public_authorities: bool,
    pub identity: Option<Identity>,
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
            for authority in ca.certificates()? {
                roots.add(authority).map_err(|error| ca.unusable(error))?;
            }
        }
        // The provider is named, so that no other one in the process is used instead.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(Identity { certificate, private_key }) => config
                .with_client_auth_cert(certificate.certificates()?, private_key.private_key()?)
                .map_err(|error| format!("`{}` and `{}` cannot be used: {error}", certificate.key, private_key.key))?,
        };
        config.alpn_protocols = self.alpn.map(<[u8]>::to_vec).into_iter().collect();
        Ok(config)
    }
}

impl PemFile {
    pub fn new(key: &'static str, path: &Path) -> PemFile {
        PemFile { key, path: path.to_owned() }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let pem = self.read()?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(self.unusable("there is no PEM certificate in it")),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(&self.read()?).map_err(|_| self.unusable("there is no PEM key in it"))
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        let mut pem = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(LONGEST_FILE).read_to_end(&mut pem));
        read.map(|_| pem).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, why: impl std::fmt::Display) -> String {
        format!("`{}` (`{}`) cannot be used: {why}", self.key, self.path.display())
    }
}

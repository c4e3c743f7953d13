//! Rules for a device, signed by the fleet's owner. Without the owner's key nobody can change the rules of a device,
//! even if they can publish to its topic.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_engine::{Id, Time};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The whole folder `rules/`, with the owner's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRules {
    /// The text of each file, by its path from `rules/`.
    pub files: BTreeMap<String, String>,
    /// When they were signed. A device refuses older ones than it has, so that nobody can replay them.
    pub signed_at: Time,
    /// The Ed25519 signature of the files and `signed_at`, in base64.
    pub signature: String,
}

/// The owner's private key. It stays with the owner.
pub struct SigningKey(Ed25519KeyPair);

/// The owner's public key, which devices have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no public key.
    #[error("this is no public key: it is 32 bytes in base64, as `dag-infra provision` writes it")]
    Public,
    /// It is no private key.
    #[error("this is no signing key: it is an Ed25519 key in PKCS#8")]
    Secret,
}

/// A signature that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Somebody else signed the rules, or they were changed since.
    #[error("the signature does not fit: the rules were not signed by the owner of this device, or were changed since")]
    Signature,
}

impl PublicKey {
    /// Parses a key as it is written in `config.toml`: base64.
    ///
    /// # Errors
    /// The text is no key.
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let bytes = BASE64.decode(text.trim()).map_err(|_| KeyError::Public)?;
        if bytes.len() == 32 { Ok(PublicKey(bytes)) } else { Err(KeyError::Public) }
    }

    /// Returns the key as it is written in `config.toml`.
    pub fn to_text(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl SigningKey {
    /// Reads a key in PKCS#8.
    ///
    /// # Errors
    /// The bytes are no key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<SigningKey, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map(SigningKey).map_err(|_| KeyError::Secret)
    }

    /// Returns the key by which devices verify signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_owned())
    }

    /// Signs a folder of rules.
    pub fn sign(&self, files: BTreeMap<String, String>, signed_at: Time) -> SignedRules {
        let signature = BASE64.encode(self.0.sign(&signed_bytes(&files, signed_at)));
        SignedRules { files, signed_at, signature }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SignedRules {
    /// Returns the hash of the files: the same that a device reports of its folder `rules/`.
    pub fn hash(&self) -> Id {
        Id::of_files(&self.files)
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// The signature is not by `key`, or not of this content.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignError> {
        let signature = BASE64.decode(&self.signature).map_err(|_| SignError::Signature)?;
        let key = UnparsedPublicKey::new(&ED25519, &key.0);
        key.verify(&signed_bytes(&self.files, self.signed_at), &signature).map_err(|_| SignError::Signature)
    }
}

/// Returns the bytes that are signed. They begin with their purpose, and every part follows its length, so that no
/// two folders have the same bytes.
fn signed_bytes(files: &BTreeMap<String, String>, signed_at: Time) -> Vec<u8> {
    let mut bytes = b"detectordag rules 1\n".to_vec();
    bytes.extend(signed_at.as_millis().to_be_bytes());
    for part in files.iter().flat_map(|(path, text)| [path, text]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

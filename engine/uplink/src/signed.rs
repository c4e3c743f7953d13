//! Rules on their way to a device: signed by the fleet's owner, so that whoever can publish to a topic cannot change what a
//! device does.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_engine::{Id, Time};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The whole folder `rules/`, and who says that it is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRules {
    /// The files, by their path from `rules/`.
    pub files: BTreeMap<String, String>,
    /// When they were signed. A device takes none that is older than what it has, so that nobody can send it back.
    pub signed_at: Time,
    /// Ed25519 over the files and `signed_at`, in base64.
    pub signature: String,
}

/// The owner's key, that stays with the owner.
pub struct SigningKey(Ed25519KeyPair);

/// The owner's key as devices have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key of the public form.
    #[error("this is no public key: it is 32 bytes in base64, as `dag-infra provision` writes it")]
    Public,
    /// No key of the secret form.
    #[error("this is no signing key: it is an Ed25519 key in PKCS#8")]
    Secret,
}

/// Rules that must not be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Somebody else signed them, or they were changed since.
    #[error("the signature does not fit: the rules were not signed by the owner of this device, or were changed since")]
    Signature,
}

impl PublicKey {
    /// Reads a key as `config.toml` has it: base64.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let bytes = BASE64.decode(text.trim()).map_err(|_| KeyError::Public)?;
        if bytes.len() == 32 { Ok(PublicKey(bytes)) } else { Err(KeyError::Public) }
    }

    /// The key as `config.toml` has it.
    pub fn to_text(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl SigningKey {
    /// A key in PKCS#8.
    ///
    /// # Errors
    /// It is none.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<SigningKey, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map(SigningKey).map_err(|_| KeyError::Secret)
    }

    /// What devices check by.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_owned())
    }

    /// Signs a folder of rules.
    pub fn sign(&self, files: BTreeMap<String, String>, signed_at: Time) -> SignedRules {
        let signature = BASE64.encode(self.0.sign(&signed(&files, signed_at)));
        SignedRules { files, signed_at, signature }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SignedRules {
    /// What names the content: the same as the hash of the folder that a device reports.
    pub fn hash(&self) -> Id {
        Id::of_files(&self.files)
    }

    /// Checks who signed.
    ///
    /// # Errors
    /// The signature is not by `key`, or not of this content.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignError> {
        let signature = BASE64.decode(&self.signature).map_err(|_| SignError::Signature)?;
        let key = UnparsedPublicKey::new(&ED25519, &key.0);
        key.verify(&signed(&self.files, self.signed_at), &signature).map_err(|_| SignError::Signature)
    }
}

/// The bytes that are signed: a purpose of their own, and every part behind its length, so that no two contents look alike.
fn signed(files: &BTreeMap<String, String>, signed_at: Time) -> Vec<u8> {
    let mut bytes = b"detectordag rules 1\n".to_vec();
    bytes.extend(signed_at.as_millis().to_be_bytes());
    for part in files.iter().flat_map(|(path, text)| [path, text]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

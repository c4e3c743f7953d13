//! Signatures by the symmetric scheme `v1` of Standard Webhooks.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs `id.timestamp.body` with every secret, the newest first. During a rotation receivers accept either signature.
///
/// # Errors
/// A secret begins with `whsec_`, and the rest is empty or not Base64.
pub(crate) fn sign(secrets: &[String], id: &str, timestamp: i64, body: &str) -> Result<String, String> {
    let signatures = secrets.iter().map(|secret| {
        let key = key(secret)?;
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| error.to_string())?;
        for part in [id, ".", &timestamp.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    Ok(signatures.collect::<Result<Vec<_>, String>>()?.join(" "))
}

/// Returns the key of a secret: the Base64 after `whsec_`, as the scheme writes it. Any other text is the key itself.
fn key(secret: &str) -> Result<Vec<u8>, String> {
    let Some(encoded) = secret.strip_prefix("whsec_") else { return Ok(secret.as_bytes().to_vec()) };
    match STANDARD.decode(encoded) {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => Err("what follows `whsec_` must be Base64: make one with `openssl rand -base64 32`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(secrets: &[&str]) -> Result<String, String> {
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        let body = r#"{"test": 2432232314}"#;
        sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    }

    #[test]
    fn the_scheme_s_own_example_has_its_signature() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(signed(&[secret]).unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let both = signed(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a plain text"]).unwrap();
        let (newer, older) = both.split_once(' ').unwrap();
        assert_eq!(newer, signed(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap());
        assert_eq!(older, signed(&["a plain text"]).unwrap());
        assert_ne!(newer, older);
    }

    #[test]
    fn a_secret_that_is_half_written_signs_nothing() {
        for secret in ["whsec_", "whsec_not base64!"] {
            assert_eq!(
                signed(&[secret]).unwrap_err(),
                "what follows `whsec_` must be Base64: make one with `openssl rand -base64 32`"
            );
        }
    }
}

//! Passwords. Only their hashes are stored.

use anyhow::{Result, anyhow, bail};
use argon2::{Argon2, PasswordHasher as _};

/// The shortest and the longest password, in characters. Hashing longer ones would take too long.
const SHORTEST: usize = 10;
pub(crate) const LONGEST: usize = 1_000;

/// Returns the hash of a password by argon2id, in the PHC string format.
pub(crate) fn hash(password: &str) -> Result<String> {
    let length = password.chars().count();
    if length < SHORTEST {
        bail!(
            "a password has {SHORTEST} characters at least, and this one has {length}: take some words that are easy \
             to remember"
        );
    }
    if length > LONGEST {
        bail!("a password has {LONGEST} characters at most, and this one has {length}");
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| anyhow!("the password cannot be hashed: {error}"))?.to_string())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordVerifier as _, password_hash::phc::PasswordHash};

    use super::*;

    #[test]
    fn only_a_hash_with_salt_is_stored() {
        let one = hash("correct horse").unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash("correct horse").unwrap());
        let parsed = PasswordHash::new(&one).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct house", &parsed).is_err());
    }

    #[test]
    fn a_password_has_a_least_and_a_most_length() {
        insta::assert_snapshot!(hash("ninechars").unwrap_err(), @"a password has 10 characters at least, and this one has 9: take some words that are easy to remember");
        assert!(hash("ä€ä€ä€ä€ä€").is_ok(), "characters count, not bytes");
        insta::assert_snapshot!(hash(&"x".repeat(1_001)).unwrap_err(), @"a password has 1000 characters at most, and this one has 1001");
    }
}

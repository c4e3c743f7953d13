//! Stable ids: the same incident or message has the same id on every host and after every restart.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

/// A SHA-256, shortened to its first 16 bytes and written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

impl Id {
    /// No hash: the id of nothing.
    pub(crate) const NONE: Id = Id([0; 16]);

    /// Hashes `parts`, each behind its length, so that no two lists of parts run into the same bytes.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Id(short)
    }

    /// Names the content of a folder by its files: what a device runs and what it was sent are compared by this.
    pub fn of_files(files: &BTreeMap<String, String>) -> Self {
        let parts: Vec<&[u8]> = files.iter().flat_map(|(path, text)| [path.as_bytes(), text.as_bytes()]).collect();
        Id::of(&parts)
    }

    /// The bytes, for a further hash or a key.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads exactly 32 hex digits, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Id(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| D::Error::custom("an id is 32 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        let id = Id::of(&[b"cottage", b"power-outage"]);
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        assert_eq!(Id::parse("é0000000000000000000000000000000"), None);
        assert_eq!(Id::parse("+f000000000000000000000000000000"), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Id::of(&[b"ab", b"c"]), Id::of(&[b"a", b"bc"]));
    }
}

//! Ids, from the table of `SEMANTICS.md`.

use dag_engine::{Channel, Id, Kind};
use sha2::{Digest, Sha256};

fn id(parts: &[&[u8]]) -> Id {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let hex: String = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Id::parse(&hex).unwrap()
}

pub fn incident(device: &str, rule: &str, number: u64) -> Id {
    id(&[b"incident", device.as_bytes(), rule.as_bytes(), &number.to_be_bytes()])
}

/// `step` holds the bytes of the step's name, or of its position.
pub fn message(incident: Id, kind: Kind, step: &[u8], repeat: u32, recipient: &str, channel: Channel) -> Id {
    let (kind, channel) = (kind.as_str().as_bytes(), channel.as_str().as_bytes());
    let repeat = repeat.to_be_bytes();
    id(&[b"notification", incident.as_bytes(), kind, step, &repeat, recipient.as_bytes(), channel])
}

pub fn system(device: &str, cause: &str, number: u64, recipient: &str, channel: Channel) -> Id {
    let (number, channel) = (number.to_be_bytes(), channel.as_str().as_bytes());
    id(&[b"system", device.as_bytes(), cause.as_bytes(), &number, recipient.as_bytes(), channel])
}

//! A certificate, by which a device is known to the broker.

use serde::{Deserialize, Serialize};

/// A certificate of the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub id: String,
    pub arn: String,
}

impl Certificate {
    /// Returns the certificate with an ARN (`…:cert/ID`), or nothing where it is that of another kind of principal.
    pub fn of(arn: &str) -> Option<Certificate> {
        let (_, id) = arn.split_once(":cert/")?;
        Some(Certificate { id: id.to_owned(), arn: arn.to_owned() })
    }
}

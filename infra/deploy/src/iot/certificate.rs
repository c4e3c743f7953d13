//! A certificate, by which the broker knows a device.

use serde::{Deserialize, Serialize};

/// A certificate that AWS IoT issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub id: String,
    pub arn: String,
}

impl Certificate {
    /// Returns the certificate of an ARN (`…:cert/ID`), or `None` for another kind of principal.
    pub fn of(arn: &str) -> Option<Certificate> {
        let (_, id) = arn.split_once(":cert/")?;
        Some(Certificate { id: id.to_owned(), arn: arn.to_owned() })
    }
}

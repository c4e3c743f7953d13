//! Errors of a NUT server and its UPS.

use std::time::Duration;

use super::protocol::ProtocolError;

/// An error. Its text tells the user what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the NUT server cannot be reached ({0}): check that upsd runs and that `address` is right")]
    Unreachable(std::io::Error),
    #[error("the NUT server closed the connection: upsd was stopped or started again, or serves too many already")]
    Closed,
    #[error("the NUT connection broke ({0})")]
    Broken(std::io::Error),
    #[error("the NUT server did not answer within {0:?}: check it and the network between")]
    Stalled(Duration),
    #[error("what answers does not speak the NUT protocol ({0}): check that `address` is that of upsd")]
    Protocol(#[from] ProtocolError),
    #[error("upsd has no fresh data of the UPS (DATA-STALE): check its cable, and its driver on the server")]
    Stale,
    #[error("upsd has no driver for the UPS (DRIVER-NOT-CONNECTED): start it on the server with `upsdrvctl start`")]
    NoDriver,
    #[error("the NUT server has no UPS `{name}`{}: set `ups` in config.toml", has(.known))]
    UnknownUps { name: String, known: Vec<String> },
    #[error("upsd denies this host (ACCESS-DENIED): allow it in the server's configuration")]
    Denied,
    #[error("the UPS does not tell `ups.status`: see what it tells with `upsc`")]
    NoStatus,
    #[error("the NUT server answered the error {0}")]
    Other(String),
}

impl Fault {
    /// Returns whether only the UPS is lost, and the connection is as good as before.
    pub fn is_of_ups(&self) -> bool {
        matches!(self, Fault::Stale | Fault::NoDriver | Fault::NoStatus)
    }
}

fn has(known: &[String]) -> String {
    match known {
        [] => ", nor any other".to_owned(),
        known => format!(", it has `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_ups_is_reported_with_those_that_exist() {
        let text = |known: &[&str]| {
            let known = known.iter().map(|name| (*name).to_owned()).collect();
            Fault::UnknownUps { name: "usp".to_owned(), known }.to_string()
        };
        assert_eq!(
            text(&["ups", "cellar"]),
            "the NUT server has no UPS `usp`, it has `ups`, `cellar`: set `ups` in config.toml"
        );
        assert_eq!(text(&[]), "the NUT server has no UPS `usp`, nor any other: set `ups` in config.toml");
    }

    #[test]
    fn a_slow_server_is_reported_with_its_time_limit() {
        assert_eq!(
            Fault::Stalled(Duration::from_secs(5)).to_string(),
            "the NUT server did not answer within 5s: check it and the network between"
        );
    }
}

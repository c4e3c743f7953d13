//! Errors of a connection in words for users.

use std::io::{self, ErrorKind};

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError, mqttbytes};

use super::options::Options;

/// The longest description, in characters: some of it comes from the broker, and status shows it on one line.
const LONGEST_DESCRIPTION: usize = 300;

/// Returns a sentence without its full stop.
pub(super) fn describe(error: ConnectionError, options: &Options) -> String {
    let text = match error {
        ConnectionError::Io(error) if options.host.ends_with(".local") && error.raw_os_error().is_none() => format!(
            "the broker cannot be found ({error}): not every system knows names that end in `.local`; give its address"
        ),
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        ) => describe_io(&error),
        ConnectionError::Tls(error) => format!("the TLS connection to the broker failed: {error}"),
        ConnectionError::NetworkTimeout => "the broker does not answer".to_owned(),
        ConnectionError::FlushTimeout => "the broker no longer reads what is sent to it".to_owned(),
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => describe_refusal(options).to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses the connection ({code:?})"),
        // The packet that came instead is the broker's to choose: it is not shown.
        ConnectionError::NotConnAck(_) => "what answers there is no MQTT broker".to_owned(),
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker does not answer any more".to_owned(),
        ConnectionError::MqttState(StateError::ConnectionAborted) => "the broker closed the connection".to_owned(),
        ConnectionError::MqttState(error) => format!("the broker sent what cannot be understood: {error}"),
        error => error.to_string(),
    };
    text.chars().take(LONGEST_DESCRIPTION).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn describe_refusal(options: &Options) -> &'static str {
    if options.tls.as_ref().is_some_and(|tls| tls.identity.is_some()) {
        "the broker refuses this device: is its certificate the one that it was provisioned with, and in force?"
    } else {
        "the broker refuses this user: check `username` and `password` in config.toml"
    }
}

fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => {
            format!("the broker closed the connection: {error}")
        }
        // The text of rustls, about the broker's certificate, its alert about ours, or bytes that are not TLS.
        ErrorKind::InvalidData => {
            format!("the TLS connection to the broker failed ({error}): check the certificates of both")
        }
        _ => format!("the broker cannot be reached: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::*;
    use crate::mqtt::Tls;

    fn options(host: &str, identity: Option<(PathBuf, PathBuf)>) -> Options {
        Options {
            client_id: "cottage".to_owned(),
            host: host.to_owned(),
            port: 8883,
            credentials: None,
            tls: Some(Tls { section: "uplink", ca: None, trusts_public_authorities: true, identity, alpn: None }),
            keep_alive: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            max_packet: 1_024,
            last_will: None,
            subscriptions: Vec::new(),
            needs_subscriptions: false,
        }
    }

    #[test]
    fn a_refusal_names_what_the_client_identified_itself_by() {
        let identity = (PathBuf::from("device.pem"), PathBuf::from("device.key"));
        let refusal = |identity| {
            describe(ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized), &options("broker", identity))
        };
        assert_eq!(refusal(None), "the broker refuses this user: check `username` and `password` in config.toml");
        assert_eq!(
            refusal(Some(identity)),
            "the broker refuses this device: is its certificate the one that it was provisioned with, and \
             in force?"
        );
    }

    #[test]
    fn errors_of_the_connection_are_told_by_their_cause() {
        let told = |kind: ErrorKind| {
            describe(ConnectionError::Io(io::Error::new(kind, "a\nreason")), &options("broker", None))
        };
        insta::assert_snapshot!(told(ErrorKind::TimedOut), @"the broker cannot be reached: a reason");
        insta::assert_snapshot!(told(ErrorKind::ConnectionReset), @"the broker closed the connection: a reason");
        assert_eq!(
            told(ErrorKind::InvalidData),
            "the TLS connection to the broker failed (a reason): check the certificates of both"
        );
        let local = describe(ConnectionError::Io(io::Error::other("no such name")), &options("home.local", None));
        assert_eq!(
            local,
            "the broker cannot be found (no such name): not every system knows names that end in \
             `.local`; give its address"
        );
    }
}

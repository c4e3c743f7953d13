//! The connection: what it needs, how it is, and what ends it in words.

use std::{fs::File, io::Read as _, path::Path, sync::Arc, time::Duration};

use dag_config::resolve;
use rumqttc::{
    ConnectReturnCode, ConnectionError, LastWill, MqttOptions, QoS, StateError, TlsConfiguration, TlsError, Transport,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};

use super::{
    Settings,
    documents::{OFFLINE, Topics},
};

/// How often the broker hears from a device that has nothing to say. After one and a half of it the broker says that
/// the device is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How much the broker may send at once, in bytes: "PRESS" and "online" are all that is ever read.
const LARGEST_HEARD: usize = 16 << 10;

/// How much is said at once, in bytes.
const LARGEST_SAID: usize = 256 << 10;

/// How long a file of certificates may be.
const LARGEST_CA: u64 = 1 << 20;

/// How long a reason may be, in characters: some of it comes from the broker.
const LONGEST_REASON: usize = 300;

/// How the connection to the broker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Link {
    /// It is tried for the first time.
    Connecting,
    /// It is there.
    Connected,
    /// It is not there, and is tried again.
    Lost {
        /// Why.
        reason: String,
    },
}

/// What a connection needs. Reads files.
pub(super) fn options(settings: &Settings, topics: &Topics) -> Result<MqttOptions, String> {
    let config = &settings.config;
    let id = format!("detectordag-{}", settings.device);
    let mut options = MqttOptions::new(id, config.broker.host.clone(), config.broker.port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_max_packet_size(LARGEST_HEARD, LARGEST_SAID);
    options.set_last_will(LastWill::new(&topics.availability, OFFLINE, QoS::AtLeastOnce, true));
    if let (Some(username), Some(password)) = (&config.username, &config.password) {
        options.set_credentials(username.clone(), resolve(password).map_err(|error| error.to_string())?);
    }
    if config.broker.tls {
        options.set_transport(Transport::tls_with_config(tls(config.ca.as_deref())?));
    }
    Ok(options)
}

/// rustls with ring, named here, so that no other provider in the process is taken instead.
fn tls(ca: Option<&Path>) -> Result<TlsConfiguration, String> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let wrong = |why: String| format!("the certificates in {} cannot be used: {why}", path.display());
        let mut pem = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST_CA).read_to_end(&mut pem))
            .map_err(|error| wrong(error.to_string()))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(wrong("there is none in it".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(TlsConfiguration::Rustls(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
}

/// Why a connection ended, as a sentence for people.
pub(super) fn why(error: ConnectionError, host: &str) -> String {
    let reason = match error {
        // The device's binary asks name servers only.
        ConnectionError::Io(error) if host.ends_with(".local") && error.raw_os_error().is_none() => format!(
            "the broker cannot be found ({error}): not every system knows names that end in `.local`; give its address"
        ),
        ConnectionError::Io(error) => format!("the broker cannot be reached: {error}"),
        ConnectionError::NetworkTimeout => "the broker does not answer".to_owned(),
        ConnectionError::FlushTimeout => "the broker takes nothing any more".to_owned(),
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "the broker refuses this user: check `username` and `password` in config.toml".to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses the connection ({code:?})"),
        ConnectionError::Tls(TlsError::Io(error)) => format!("there is no protected connection to the broker: {error}"),
        ConnectionError::Tls(error) => format!("there is no protected connection to the broker: {error}"),
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker does not answer any more".to_owned(),
        ConnectionError::MqttState(StateError::ConnectionAborted | StateError::Io(_)) => {
            "the broker closed the connection".to_owned()
        }
        ConnectionError::MqttState(error) => format!("the broker says what cannot be understood: {error}"),
        // What came instead is the broker's to choose.
        ConnectionError::NotConnAck(_) => "what answers there is no MQTT broker".to_owned(),
        error => error.to_string(),
    };
    reason.chars().take(LONGEST_REASON).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

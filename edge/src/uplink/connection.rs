//! The connection: a task that keeps one up, and tells what becomes of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dag_config::Uplink;
use dag_engine::Name;
use dag_uplink::{LONGEST_REPORT, Topics};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS,
    StateError, SubscribeReasonCode, TlsConfiguration, TlsError, Transport, mqttbytes,
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::{sleep, sleep_until, timeout},
};

use super::tls;
use crate::backoff::Backoff;

/// How long after a lost connection the next is tried, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A connection that lasted so long was a good one: the next wait is the first again.
const LASTED: Duration = Duration::from_secs(60);

/// How long the broker may take: for the connection with all that belongs to it, and to confirm a report.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much news may wait for the daemon. Commands beyond it are let go: whoever sent them sees that nothing came of them.
const WAITING: usize = 16;

/// What a packet may hold besides a message: its topic and its header.
const FRAME: usize = 1_024;

/// What the connection has to tell.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// It is up, and commands are listened to.
    Connected,
    /// The broker has the last report.
    Confirmed,
    /// The cloud sent this.
    Command(Vec<u8>),
    /// It is gone, or did not come up. What was not confirmed may have arrived or not.
    Lost {
        /// Why.
        reason: String,
        /// After how long it is tried again.
        wait: Duration,
    },
}

/// A connection that is kept up until this is dropped.
#[derive(Debug)]
pub struct Connection {
    /// What happens, in order.
    pub news: mpsc::Receiver<News>,
    reports: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Begins to connect as `device`. Nothing is waited for.
    pub fn start(device: Name, uplink: Uplink) -> Connection {
        let (tell, news) = mpsc::channel(WAITING);
        let (reports, taken) = mpsc::channel(1);
        let task = tokio::spawn(keep_up(device, uplink, taken, tell));
        Connection { news, reports, task }
    }

    /// Hands a report over, once [`News::Connected`] came and every report before was confirmed; says whether it was taken.
    pub fn send(&self, report: Vec<u8>) -> bool {
        match self.reports.try_send(report) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_up(device: Name, uplink: Uplink, mut reports: mpsc::Receiver<Vec<u8>>, tell: mpsc::Sender<News>) {
    let mut backoff = Backoff::new(&device, FIRST_WAIT, LONGEST_WAIT);
    loop {
        let mut up_since = None;
        let Err(reason) = session(&device, &uplink, &mut reports, &tell, &mut up_since).await else { return };
        if up_since.is_some_and(|since: Instant| since.elapsed() >= LASTED) {
            backoff.reset();
        }
        let wait = backoff.wait();
        if tell.send(News::Lost { reason, wait }).await.is_err() {
            return;
        }
        sleep(wait).await;
    }
}

/// One connection from beginning to end. A client of its own, so that nothing of an earlier one is sent again with ages
/// that are no longer true.
///
/// # Errors
/// Why it ended. It ends well only where nobody wants it any more.
async fn session(
    device: &Name,
    uplink: &Uplink,
    reports: &mut mpsc::Receiver<Vec<u8>>,
    tell: &mpsc::Sender<News>,
    up_since: &mut Option<Instant>,
) -> Result<(), String> {
    let files = uplink.clone();
    let tls = tokio::task::spawn_blocking(move || tls::client(&files)).await.map_err(|error| error.to_string())??;
    let mut options = MqttOptions::new(device.as_str(), uplink.endpoint.as_str(), uplink.port);
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls))))
        .set_clean_session(true)
        .set_keep_alive(Duration::from(uplink.keep_alive))
        .set_max_packet_size(LONGEST_REPORT + FRAME, LONGEST_REPORT + FRAME);
    let (client, mut events) = AsyncClient::new(options, 4);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(PATIENCE.as_secs());
    events.set_network_options(network);

    let topics = Topics { prefix: &uplink.topics };
    let (report, command) = (topics.report(device), topics.command(device));
    let listening = timeout(PATIENCE, listen(&client, &mut events, &command)).await;
    listening.map_err(|_| "the broker does not answer".to_owned())??;
    // What was handed over to an earlier connection has ages that are no longer true.
    while reports.try_recv().is_ok() {}
    *up_since = Some(Instant::now());
    if tell.send(News::Connected).await.is_err() {
        return Ok(());
    }

    let mut confirmed_by = None;
    loop {
        let late = tokio::time::Instant::now() + PATIENCE;
        tokio::select! {
            taken = reports.recv(), if confirmed_by.is_none() => {
                let Some(bytes) = taken else { return Ok(()) };
                let sent = client.try_publish(report.as_str(), QoS::AtLeastOnce, false, bytes);
                sent.map_err(|error| format!("a report cannot be sent: {error}"))?;
                confirmed_by = Some(late);
            }
            event = events.poll() => match event.map_err(why)? {
                Event::Incoming(Packet::PubAck(_)) => {
                    confirmed_by = None;
                    if tell.send(News::Confirmed).await.is_err() {
                        return Ok(());
                    }
                }
                Event::Incoming(Packet::Publish(message)) if message.topic == command => {
                    // There is no room where they come faster than they are done.
                    let _ = tell.try_send(News::Command(message.payload.into()));
                }
                Event::Incoming(Packet::Disconnect) => return Err("the broker ended the connection".to_owned()),
                _ => {}
            },
            () = sleep_until(confirmed_by.unwrap_or(late)), if confirmed_by.is_some() => {
                return Err(format!("the broker did not confirm a report within {} seconds", PATIENCE.as_secs()));
            }
        }
    }
}

/// Connects, and listens for commands.
async fn listen(client: &AsyncClient, events: &mut EventLoop, topic: &str) -> Result<(), String> {
    loop {
        match events.poll().await.map_err(why)? {
            Event::Incoming(Packet::ConnAck(_)) => {
                let asked = client.try_subscribe(topic, QoS::AtLeastOnce);
                asked.map_err(|error| format!("commands cannot be asked for: {error}"))?;
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                let refused = answer.return_codes.contains(&SubscribeReasonCode::Failure);
                return if refused {
                    Err(format!("the broker does not let this device listen to `{topic}`"))
                } else {
                    Ok(())
                };
            }
            _ => {}
        }
    }
}

/// An error of the connection in a sentence for people.
fn why(error: ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword,
        ) => "the broker refuses this device: is its certificate the one that it was provisioned with, and in force?"
            .to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses the connection: {code:?}"),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => "the broker does not answer".to_owned(),
        ConnectionError::MqttState(StateError::AwaitPingResp) => "the broker is silent".to_owned(),
        ConnectionError::MqttState(StateError::ConnectionAborted) => "the broker ended the connection".to_owned(),
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        ) => unreachable(&error),
        other => other.to_string(),
    }
}

/// What the system, or TLS, says of a broker.
fn unreachable(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => {
            format!("the broker ended the connection: {error}")
        }
        ErrorKind::InvalidData => {
            format!("the broker and this device do not accept each other's certificates: {error}")
        }
        _ => format!("the broker cannot be reached: {error}"),
    }
}

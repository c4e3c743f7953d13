//! The task that keeps a connection up.

use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, EventLoop, NetworkOptions, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    error::describe,
    options::{Message, Options},
};
use crate::backoff::Backoff;

/// The wait between a lost connection and the next attempt, at first and at most. Five minutes: a broker that is down
/// for hours is not asked more often than that, and one that is back is found soon enough.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A connection that lasted this long was a good one: the next wait is the first again.
const GOOD: Duration = Duration::from_secs(60);

/// The most events and the most messages that wait. Beyond it incoming messages are dropped, and outgoing ones are
/// refused.
const QUEUE: usize = 16;

/// An event of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The broker has accepted the connection and its subscriptions.
    Connected,
    /// The broker has the last message.
    Confirmed,
    /// A message arrived.
    Received(Message),
    /// The connection is gone, or could not be made. What was published and not confirmed may have arrived or not.
    Lost {
        /// A sentence for users, without its full stop.
        reason: String,
        /// The time until the next attempt.
        retry_in: Duration,
    },
}

/// A connection that is kept up until this is dropped. The broker then publishes its last will.
#[derive(Debug)]
pub struct Client {
    /// The events, in order.
    pub events: mpsc::Receiver<Event>,
    /// Messages to publish. Those that wait when a connection comes up are dropped, before [`Event::Connected`].
    pub outgoing: mpsc::Sender<Message>,
    /// Aborted when dropped.
    _task: JoinSet<()>,
}

impl Client {
    /// Starts to connect, and returns at once. Must be called within a Tokio runtime.
    pub fn start(options: Options) -> Client {
        let (sender, events) = mpsc::channel(QUEUE);
        let (outgoing, messages) = mpsc::channel(QUEUE);
        let mut task = JoinSet::new();
        task.spawn(Connection { options, events: sender }.keep_up(messages));
        Client { events, outgoing, _task: task }
    }
}

/// The end of a connection: its reason, or nothing where nobody listens to the client any more.
type Ended = Option<String>;

struct Connection {
    options: Options,
    events: mpsc::Sender<Event>,
}

impl Connection {
    async fn keep_up(self, mut messages: mpsc::Receiver<Message>) {
        let mut backoff = Backoff::new(&self.options.client_id, FIRST_WAIT, LONGEST_WAIT);
        let mut up_since: Option<Instant> = None;
        while let Err(Some(reason)) = self.run(&mut messages, &mut up_since).await {
            if up_since.take().is_some_and(|since| since.elapsed() >= GOOD) {
                backoff.reset();
            }
            let retry_in = backoff.wait();
            if self.events.send(Event::Lost { reason, retry_in }).await.is_err() {
                return;
            }
            sleep(retry_in).await;
        }
    }

    /// Runs one connection, from its attempt to its end. Each has an `AsyncClient` of its own, so that nothing of an
    /// earlier one is sent again.
    async fn run(&self, messages: &mut mpsc::Receiver<Message>, up_since: &mut Option<Instant>) -> Result<(), Ended> {
        let options = self.options.clone();
        let read = tokio::task::spawn_blocking(move || options.read()).await;
        let options = read.map_err(|error| error.to_string()).flatten()?;
        let (client, mut event_loop) = AsyncClient::new(options, 1);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(self.options.timeout.as_secs());
        event_loop.set_network_options(network);

        let connected = timeout(self.options.timeout, self.connect(&client, &mut event_loop)).await;
        connected.map_err(|_| "the broker does not answer".to_owned())??;
        while messages.try_recv().is_ok() {}
        *up_since = Some(Instant::now());
        self.events.send(Event::Connected).await.map_err(|_| None)?;

        let confirmed = Notify::new();
        // Each goes on while the other waits: an event loop that is not polled sends nothing.
        tokio::select! {
            ended = self.receive(event_loop, &confirmed) => ended,
            ended = publish(messages, self.options.timeout, &client, &confirmed) => ended,
        }
    }

    /// Connects and subscribes, and waits until the broker has accepted both.
    async fn connect(&self, client: &AsyncClient, event_loop: &mut EventLoop) -> Result<(), Ended> {
        let topics = &self.options.subscriptions;
        let filters = topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        client.try_subscribe_many(filters).map_err(|error| error.to_string())?;
        let codes = loop {
            if let Packet::SubAck(answer) = self.next_packet(event_loop).await? {
                break answer.return_codes;
            }
        };
        for (topic, _) in topics.iter().zip(codes).filter(|(_, code)| *code == SubscribeReasonCode::Failure) {
            let refusal = format!("the broker does not let this device listen to `{topic}`");
            if self.options.needs_subscriptions {
                return Err(Some(refusal));
            }
            tracing::warn!("{refusal}");
        }
        Ok(())
    }

    /// Reports what the broker sends, until the connection ends.
    async fn receive(&self, mut event_loop: EventLoop, confirmed: &Notify) -> Result<(), Ended> {
        loop {
            if let Packet::PubAck(_) = self.next_packet(&mut event_loop).await? {
                self.events.send(Event::Confirmed).await.map_err(|_| None)?;
                confirmed.notify_one();
            }
        }
    }

    /// Returns the next packet of the broker. A message is reported here, where it may arrive before the subscription
    /// is acknowledged.
    async fn next_packet(&self, event_loop: &mut EventLoop) -> Result<Packet, Ended> {
        loop {
            match event_loop.poll().await.map_err(|error| describe(error, &self.options))? {
                rumqttc::Event::Incoming(Packet::Publish(Publish { topic, payload, retain, .. })) => {
                    let message = Message { topic, payload: payload.into(), retain };
                    // One that finds no room is dropped: messages come faster than they are handled.
                    let _ = self.events.try_send(Event::Received(message));
                }
                rumqttc::Event::Incoming(packet) => return Ok(packet),
                rumqttc::Event::Outgoing(_) => {}
            }
        }
    }
}

/// Publishes one message after the other. The broker confirms each before the next (quality of service 1).
async fn publish(
    messages: &mut mpsc::Receiver<Message>,
    patience: Duration,
    client: &AsyncClient,
    confirmed: &Notify,
) -> Result<(), Ended> {
    while let Some(Message { topic, payload, retain }) = messages.recv().await {
        let sent = client.publish(topic, QoS::AtLeastOnce, retain, payload).await;
        sent.map_err(|error| format!("a message cannot be sent: {error}"))?;
        if timeout(patience, confirmed.notified()).await.is_err() {
            return Err(Some(format!(
                "the broker did not confirm a message within {}",
                dag_cli::count(patience.as_secs(), "second")
            )));
        }
    }
    Err(None)
}

//! Connections to the broker, one after the other.

use std::{collections::BTreeMap, time::Duration};

use rumqttc::{AsyncClient, ClientError, Event, EventLoop, Packet, Publish, QoS};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    Settings, Snapshot,
    documents::{ONLINE, PRESS, Topics, discovery, states},
    link::{Link, options, why},
};
use crate::backoff::Backoff;

/// How long it is until the next try, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A connection that held so long was a good one; after one that ends sooner, the waits go on growing.
const GOOD: Duration = Duration::from_secs(60);

/// How often everything may be said anew, whoever asks for it.
const REST: Duration = Duration::from_secs(1);

/// How many packets may wait to go out; beyond it the speaker waits.
const QUEUE: usize = 16;

/// Connects, again and again.
pub(super) async fn run(
    settings: Settings,
    mut snapshots: watch::Receiver<Snapshot>,
    presses: mpsc::Sender<()>,
    link: watch::Sender<Link>,
) {
    let topics = Topics::of(&settings);
    let mut backoff = Backoff::new(&settings.device, FIRST_WAIT, LONGEST_WAIT);
    loop {
        let began = Instant::now();
        let reason = connection(&settings, &topics, &mut snapshots, &presses, &link).await;
        let lost = Link::Lost { reason };
        if *link.borrow() != lost {
            tracing::warn!(?lost, "Home Assistant is not told");
            link.send_replace(lost);
        }
        if began.elapsed() >= GOOD {
            backoff.reset();
        }
        sleep(backoff.wait()).await;
    }
}

/// One connection, from its beginning to the reason of its end.
async fn connection(
    settings: &Settings,
    topics: &Topics,
    snapshots: &mut watch::Receiver<Snapshot>,
    presses: &mpsc::Sender<()>,
    link: &watch::Sender<Link>,
) -> String {
    let (for_options, for_topics) = (settings.clone(), topics.clone());
    // Files are read: the password's, the certificates'.
    let options = tokio::task::spawn_blocking(move || options(&for_options, &for_topics)).await;
    let options = match options {
        Ok(Ok(options)) => options,
        Ok(Err(reason)) => return reason,
        Err(error) => return error.to_string(),
    };
    // A client of its own for each connection: nothing of one is left over for the next.
    let (client, events) = AsyncClient::new(options, QUEUE);
    let news = Notify::new();
    let ear = Ear { settings, topics, presses, link, news: &news };
    // Both run on while the other waits: an event loop that is not polled loses what it was about to send.
    tokio::select! {
        reason = ear.listen(events) => reason,
        ended = speak(settings, topics, snapshots, &client, &news) => match ended {
            Ok(()) => "the daemon is stopping".to_owned(),
            Err(error) => error.to_string(),
        },
    }
}

/// What listens to the broker.
struct Ear<'a> {
    settings: &'a Settings,
    topics: &'a Topics,
    presses: &'a mpsc::Sender<()>,
    link: &'a watch::Sender<Link>,
    /// Somebody is there who knows nothing yet.
    news: &'a Notify,
}

impl Ear<'_> {
    async fn listen(&self, mut events: EventLoop) -> String {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    tracing::info!(broker = %self.settings.config.broker.host, "Home Assistant is told");
                    self.link.send_replace(Link::Connected);
                    self.news.notify_one();
                }
                Ok(Event::Incoming(Packet::Publish(heard))) => self.hear(&heard),
                Ok(_) => {}
                Err(error) => return why(error, &self.settings.config.broker.host),
            }
        }
    }

    fn hear(&self, heard: &Publish) {
        // What the broker kept was said to somebody else, at some time: a press of yesterday is none of today.
        if heard.retain {
            return;
        }
        if heard.topic == self.topics.acknowledge && heard.payload == PRESS {
            // One that waits already says the same.
            let _ = self.presses.try_send(());
        } else if heard.topic == self.topics.status && heard.payload == ONLINE.as_bytes() {
            self.news.notify_one();
        }
    }
}

/// Says everything whenever there is somebody new, and what changes in between. Ends when the daemon does.
///
/// With the lowest quality of service: TCP loses nothing while the connection is there, and on the next one everything
/// is said anew.
async fn speak(
    settings: &Settings,
    topics: &Topics,
    snapshots: &mut watch::Receiver<Snapshot>,
    client: &AsyncClient,
    news: &Notify,
) -> Result<(), ClientError> {
    let say = |topic: String, payload: String| client.publish(topic, QoS::AtMostOnce, true, payload);
    let mut said = BTreeMap::new();
    news.notified().await;
    client.subscribe(&topics.acknowledge, QoS::AtLeastOnce).await?;
    client.subscribe(&topics.status, QoS::AtLeastOnce).await?;
    let mut everything = true;
    let mut rested = Instant::now();
    loop {
        if everything {
            said.clear();
            say(topics.discovery.clone(), discovery(settings, topics).to_string()).await?;
        }
        let snapshot = snapshots.borrow_and_update().clone();
        for (topic, payload) in states(settings, topics, &snapshot) {
            if said.get(&topic) != Some(&payload) {
                say(topic.clone(), payload.clone()).await?;
                said.insert(topic, payload);
            }
        }
        if everything {
            // Last, so that nobody takes an old state that the broker kept for one of now.
            say(topics.availability.clone(), ONLINE.to_owned()).await?;
            rested = Instant::now() + REST;
        }
        let asked = async {
            sleep_until(rested).await;
            news.notified().await;
        };
        everything = tokio::select! {
            changed = snapshots.changed() => match changed {
                Ok(()) => false,
                Err(_) => return Ok(()),
            },
            () = asked => true,
        };
    }
}

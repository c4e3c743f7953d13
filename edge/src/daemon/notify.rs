//! A test message that somebody asked for: sent at once, answered with what the receivers said, and kept nowhere but in
//! the log.

use std::sync::Arc;

use dag_delivery::Receipt;
use dag_engine::{Address, Channel, Name, Notification, Reachable, did_you_mean};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::JoinSet,
};

use super::{holds::check_name, request::Answer, state::Daemon};

/// The most requests that are under way. Each may be for every recipient, and a script may ask without an end.
pub(super) const MOST_REQUESTS: usize = 4;

/// The most test messages of one request that are sent at once.
const MOST_AT_ONCE: usize = 8;

/// The result of one test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its recipient.
    pub recipient: Name,
    /// Its channel.
    pub channel: Channel,
    /// The address, or the host of a webhook: the rest of its URL may be secret.
    pub to: String,
    /// The response of the receiver, or the path of the file, if it was accepted.
    pub answer: Option<String>,
    /// The reason why it was not.
    pub error: Option<String>,
    /// The problems of templates that failed, so that built-in ones took their place.
    pub templates: Vec<String>,
}

impl Daemon {
    /// Sends a test message to everybody whom `target` stands for, beside the loop, and answers when all are done.
    pub(super) fn notify(
        &mut self,
        target: &Name,
        by: Option<Channel>,
        asked_by: &str,
        answer: oneshot::Sender<Answer>,
    ) {
        let accepted = check_name(asked_by).and_then(|()| self.test_receivers(target, by));
        let accepted = accepted.and_then(|receivers| Ok((receivers, admit(&self.notify_room)?)));
        let (receivers, place_of_request) = match accepted {
            Ok(accepted) => accepted,
            Err(refused) => {
                // The client may have closed its connection.
                let _ = answer.send(Err(refused));
                return;
            }
        };
        let (now, rulebook) = (self.clock.now(), self.engine.rulebook());
        let message = |to| rulebook.engine.test_message(self.engine.state(), to, asked_by, now);
        let messages: Vec<Notification> = receivers.into_iter().map(message).collect();
        let templates = Arc::new(rulebook.templates.clone());
        let (delivery, room) = (Arc::clone(&self.delivery), Arc::new(Semaphore::new(MOST_AT_ONCE)));
        self.attempts.spawn(async move {
            let mut attempts = JoinSet::new();
            for (place, notification) in messages.into_iter().enumerate() {
                let (delivery, room, templates) = (Arc::clone(&delivery), Arc::clone(&room), Arc::clone(&templates));
                attempts.spawn(async move {
                    let _place = room.acquire().await;
                    // Here, so that the loop has its turn between two of them: a template may take long.
                    let (content, problems) = templates.prepare(&notification);
                    let templates = problems.iter().map(ToString::to_string).collect();
                    let result = delivery.send(&notification, &content, now).await;
                    let (recipient, channel) = (notification.recipient.clone(), notification.channel());
                    match &result {
                        Ok(Receipt { answer }) => {
                            tracing::info!(%recipient, channel = channel.as_str(), answer, "test message sent");
                        }
                        Err(error) => {
                            tracing::warn!(%recipient, channel = channel.as_str(), %error, "test message failed");
                        }
                    }
                    let (answer, error) = match result {
                        Ok(receipt) => (Some(receipt.answer), None),
                        Err(failure) => (None, Some(failure.to_string())),
                    };
                    let to = shown(&notification.address);
                    (place, TestResult { recipient, channel, to, answer, error, templates })
                });
            }
            let mut results = attempts.join_all().await;
            results.sort_by_key(|(place, _)| *place);
            let results: Vec<TestResult> = results.into_iter().map(|(_, result)| result).collect();
            drop(place_of_request);
            let _ = answer.send(serde_json::to_value(results).map_err(|error| error.to_string()));
        });
    }

    /// Returns whom a test is for.
    ///
    /// # Errors
    /// There is nobody: the name does not exist, stands for nobody, or has no such channel.
    fn test_receivers(&self, target: &Name, by: Option<Channel>) -> Result<Vec<Reachable>, String> {
        let rules = self.engine.rulebook().engine.rules();
        let Some(all) = rules.reachable(target, &self.device) else {
            let known: Vec<&str> = rules.targets().map(Name::as_str).collect();
            let help = did_you_mean(target, known.iter().copied());
            let help = help.unwrap_or_else(|| format!("there are {}", known.join(", ")));
            return Err(format!("there is no recipient or group `{target}`: {help}"));
        };
        if all.is_empty() {
            return Err(if target == "@account" {
                "`@account` is nobody here: only the cloud has accounts".to_owned()
            } else {
                format!("`{target}` is nobody at present, so that no message goes there: write a recipient into it")
            });
        }
        let Some(by) = by else { return Ok(all) };
        let has = all.first().map_or("", |to| to.address.channel().as_str());
        let by_name = by.as_str();
        let missing = format!("`{target}` has no address by {by_name}: use `--by {has}`, or add one in rules/");
        let found: Vec<Reachable> = all.into_iter().filter(|to| to.address.channel() == by).collect();
        if found.is_empty() { Err(missing) } else { Ok(found) }
    }
}

/// Returns the place of a request.
///
/// # Errors
/// As many requests as may be are under way.
fn admit(room: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, String> {
    Arc::clone(room).try_acquire_owned().map_err(|_| {
        format!("{MOST_REQUESTS} requests for test messages are under way: wait until one of them is done")
    })
}

/// Returns an address without what may be secret in it.
fn shown(address: &Address) -> String {
    match address {
        Address::Email(address) => address.clone(),
        Address::Webhook { url, .. } => {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            host.rsplit('@').next().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_beyond_the_most_is_refused_until_one_is_done() {
        let room = Arc::new(Semaphore::new(MOST_REQUESTS));
        let mut places: Vec<_> = (0..MOST_REQUESTS).map(|_| admit(&room).unwrap()).collect();
        let told = "4 requests for test messages are under way: wait until one of them is done";
        assert_eq!(admit(&room).unwrap_err(), told);
        places.pop();
        assert!(admit(&room).is_ok());
    }

    #[test]
    fn of_a_webhook_only_the_host_is_shown() {
        for (url, host) in [
            ("https://hooks.slack.com/services/T0/B0/secret", "hooks.slack.com"),
            ("http://dag:secret@192.168.1.2:8080?token=secret", "192.168.1.2:8080"),
        ] {
            let address = Address::Webhook { url: url.to_owned(), secrets: Vec::new(), template: None };
            assert_eq!(shown(&address), host);
        }
    }
}

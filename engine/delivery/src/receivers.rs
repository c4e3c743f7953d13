//! A check of the receivers: what would fail is known before a message has to go there.

use std::{collections::BTreeMap, fmt, sync::Arc};

use dag_engine::{Address, Id, Reachable, Time};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{Delivery, delivery::MailTransport, failure::bounded, http::CheckedHosts};

/// A receiver that messages would not reach at present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverProblem {
    /// The receiver: `mail`, or a recipient's channel, as `webhook of pager`.
    pub receiver: String,
    /// The problem, and what to do.
    pub error: String,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCheck {
    /// The problems: the mail server first, then in the order of the receivers.
    pub problems: Vec<ReceiverProblem>,
    /// Whether a message would reach at least one of the receivers.
    pub reaches_somebody: bool,
}

impl fmt::Display for ReceiverProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.receiver, self.error)
    }
}

impl ReceiverProblem {
    fn new(receiver: impl Into<String>, error: impl fmt::Display) -> Self {
        ReceiverProblem { receiver: receiver.into(), error: bounded(&error.to_string()) }
    }

    /// The problem of one channel of a recipient.
    fn of(reachable: &Reachable, error: impl fmt::Display) -> Self {
        let receiver = format!("{} of {}", reachable.address.channel().as_str(), reachable.recipient);
        ReceiverProblem::new(receiver, error)
    }
}

impl Delivery {
    /// Checks at `now` whether messages would reach these receivers, without sending any.
    ///
    /// Every secret is read, every address must be one that an attempt could use, the name of every webhook is looked
    /// up, and its address must be allowed. If there is an address of email, the mail server is connected to, and asked
    /// whether it takes a mail of the sender to each of them. All of this at the same time, within the limits of an
    /// attempt. With the transport `outbox` nothing is connected to.
    pub async fn check(&self, receivers: &[Reachable], now: Time) -> ReceiverCheck {
        let by_mail = |reachable: &Reachable| matches!(reachable.address, Address::Email(_));
        let (mut checks, hosts) = (JoinSet::new(), Arc::new(CheckedHosts::default()));
        for (place, reachable) in receivers.iter().cloned().enumerate() {
            let (delivery, hosts) = (self.clone(), Arc::clone(&hosts));
            checks.spawn(async move { (place, delivery.check_receiver(&reachable, &hosts, now).await) });
        }
        let checked_mail =
            if receivers.iter().any(by_mail) { self.check_mail(receivers).await } else { Ok(Vec::new()) };
        let mut problems: BTreeMap<usize, ReceiverProblem> =
            checks.join_all().await.into_iter().filter_map(|(place, result)| Some((place, result.err()?))).collect();
        let mail = match checked_mail {
            Ok(refused) => {
                problems.extend(refused);
                None
            }
            Err(problem) => Some(problem),
        };
        let reaches_somebody = receivers
            .iter()
            .enumerate()
            .any(|(place, reachable)| !(problems.contains_key(&place) || by_mail(reachable) && mail.is_some()));
        ReceiverCheck { problems: mail.into_iter().chain(problems.into_values()).collect(), reaches_somebody }
    }

    /// Checks the mail server. Returns the receivers that it refuses, each with its place.
    ///
    /// # Errors
    /// The problem of all mail.
    async fn check_mail(&self, receivers: &[Reachable]) -> Result<Vec<(usize, ReceiverProblem)>, ReceiverProblem> {
        let MailTransport::Smtp(server) = &self.transport else { return Ok(Vec::new()) };
        let usable = receivers.iter().enumerate().filter_map(|(place, reachable)| match &reachable.address {
            // An address that cannot be used is a problem of its own.
            Address::Email(to) => Some(((place, reachable), self.sender.recipient(to).ok()?)),
            Address::Webhook { .. } => None,
        });
        let (asked, addresses): (Vec<_>, Vec<_>) = usable.unzip();
        let refused = server.check(self.sender.address(), &addresses).await;
        let mut refused = refused.map_err(|error| ReceiverProblem::new("mail", error))?;
        let problems = asked.into_iter().enumerate().filter_map(|(index, (place, reachable))| {
            Some((place, ReceiverProblem::of(reachable, refused.remove(&index)?)))
        });
        Ok(problems.collect())
    }

    async fn check_receiver(
        &self,
        reachable: &Reachable,
        hosts: &CheckedHosts,
        now: Time,
    ) -> Result<(), ReceiverProblem> {
        let problem = |error| ReceiverProblem::of(reachable, error);
        match &reachable.address {
            Address::Email(to) => self.sender.recipient(to).map(drop).map_err(problem),
            Address::Webhook { url, secrets, template } => {
                let receiver = (url.as_str(), secrets.as_slice(), template.as_deref());
                // The id and the body do not matter: it is never sent.
                let request = self.webhooks.prepare(receiver, Id::of(&[b"check"]), ("application/json", ""), now);
                let request = request.map_err(problem)?;
                match &self.transport {
                    MailTransport::Files(_) => Ok(()),
                    _ => self.webhooks.check(&request, hosts).await.map_err(problem),
                }
            }
        }
    }
}

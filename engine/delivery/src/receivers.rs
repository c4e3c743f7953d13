//! A check of the receivers: what would fail is known before a message has to go there.

use std::fmt;

use dag_engine::{Address, Id, Reachable, Time};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{Delivery, delivery::MailTransport, email::recipient};

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
        ReceiverProblem { receiver: receiver.into(), error: error.to_string() }
    }
}

impl Delivery {
    /// Checks at `now` whether messages would reach these receivers, without sending any.
    ///
    /// Every secret is read, every address is parsed as an attempt would parse it, the name of every webhook is looked
    /// up, and its address must be allowed. If there is an address of email, the mail server is connected to, as far as
    /// it takes the sender of a mail. All of this at the same time, within the limits of an attempt. With the transport
    /// `outbox` nothing is connected to.
    pub async fn check(&self, receivers: &[Reachable], now: Time) -> ReceiverCheck {
        let by_mail = |reachable: &Reachable| matches!(reachable.address, Address::Email(_));
        let mut checks = JoinSet::new();
        for (place, reachable) in receivers.iter().cloned().enumerate() {
            let delivery = self.clone();
            checks.spawn(async move { (place, delivery.check_receiver(&reachable, now).await) });
        }
        let mail = if receivers.iter().any(by_mail) { self.check_mail().await.err() } else { None };
        let mut checked: Vec<_> = checks.join_all().await;
        checked.sort_by_key(|(place, _)| *place);
        let reaches = |(reachable, (_, result)): (&Reachable, &(usize, Result<(), ReceiverProblem>))| {
            result.is_ok() && !(by_mail(reachable) && mail.is_some())
        };
        let reaches_somebody = receivers.iter().zip(&checked).any(reaches);
        let problems = checked.into_iter().filter_map(|(_, result)| result.err());
        ReceiverCheck { problems: mail.into_iter().chain(problems).collect(), reaches_somebody }
    }

    /// Checks the mail server.
    async fn check_mail(&self) -> Result<(), ReceiverProblem> {
        match &self.transport {
            MailTransport::Smtp(server) => {
                server.check(self.sender.address()).await.map_err(|error| ReceiverProblem::new("mail", error))
            }
            MailTransport::Files(_) | MailTransport::Mailer(_) | MailTransport::NoMail => Ok(()),
        }
    }

    async fn check_receiver(&self, reachable: &Reachable, now: Time) -> Result<(), ReceiverProblem> {
        let problem = |error| {
            let receiver = format!("{} of {}", reachable.address.channel().as_str(), reachable.recipient);
            ReceiverProblem::new(receiver, error)
        };
        match &reachable.address {
            Address::Email(to) => recipient(to).map(drop).map_err(problem),
            Address::Webhook { url, secrets, template } => {
                let receiver = (url.as_str(), secrets.as_slice(), template.as_deref());
                // The id and the body do not matter: it is never sent.
                let request = self.webhooks.prepare(receiver, Id::of(&[b"check"]), ("application/json", ""), now);
                let request = request.map_err(problem)?;
                match &self.transport {
                    MailTransport::Files(_) => Ok(()),
                    _ => self.webhooks.check(&request).await.map_err(problem),
                }
            }
        }
    }
}

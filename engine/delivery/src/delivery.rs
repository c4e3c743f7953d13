//! One attempt to hand one message over.

use std::{sync::Arc, time::Duration};

use dag_config::{Email, Secrets, Transport, Webhook};
use dag_engine::{Address, Notification, Time};

use crate::{
    Failure, MessageContent, Receipt, SetupError,
    email::{Mail, Mailer, Sender, SmtpServer},
    file_transport::FileTransport,
    webhook::WebhookClient,
};

/// How long an attempt may take. The sum of what one attempt does stays well below [`LEASE`](crate::LEASE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A webhook, from the look-up of its name to the answer: 10 s by default; a function in the cloud takes 3 s.
    pub webhook: Duration,
    /// A mail server, from the connection to its acceptance: 60 s by default.
    pub smtp: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { webhook: Duration::from_secs(10), smtp: Duration::from_secs(60) }
    }
}

/// Hands messages over as the configuration says. Attempts are independent of each other: make them at the same time.
#[derive(Clone)]
pub struct Delivery {
    sender: Sender,
    transport: MailTransport,
    webhooks: WebhookClient,
}

/// By which means messages leave.
#[derive(Clone)]
enum MailTransport {
    /// Nowhere but into files, webhooks included.
    Files(FileTransport),
    /// Through a mail server; webhooks are called.
    Smtp(Box<SmtpServer>),
    /// Through a service that the host brought; webhooks are called.
    Mailer(Arc<dyn Mailer>),
    /// Mail by nobody on this host; webhooks are called.
    NoMail,
}

/// Why a device whose mail leaves by SES sends none.
const NO_SES: &str = "this device cannot send by SES: the cloud does. Give rules with run_on = \"edge\" recipients with a \
                      webhook, or use transport = \"smtp\"";

impl Delivery {
    /// Sets delivery up and reaches out to nobody. `secrets` is where those of webhooks are kept. Where the transport is `ses`, every mail fails and says that this host cannot send by SES.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn new(email: &Email, webhook: &Webhook, secrets: Secrets, limits: Limits) -> Result<Self, SetupError> {
        Self::set_up(email, webhook, secrets, limits, None)
    }

    /// The same for a host that has a service for the transport `ses`. The other transports do not need it.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn with_mailer(
        email: &Email,
        webhook: &Webhook,
        secrets: Secrets,
        limits: Limits,
        mailer: Arc<dyn Mailer>,
    ) -> Result<Self, SetupError> {
        Self::set_up(email, webhook, secrets, limits, Some(mailer))
    }

    fn set_up(
        email: &Email,
        webhook: &Webhook,
        secrets: Secrets,
        limits: Limits,
        mailer: Option<Arc<dyn Mailer>>,
    ) -> Result<Self, SetupError> {
        let transport = match email.transport {
            Transport::Outbox => MailTransport::Files(FileTransport::new(&email.outbox)),
            Transport::Smtp => {
                let smtp = email.smtp.as_ref().ok_or(SetupError::NoServer)?;
                MailTransport::Smtp(Box::new(SmtpServer::new(smtp, limits.smtp)?))
            }
            Transport::Ses => mailer.map_or(MailTransport::NoMail, MailTransport::Mailer),
        };
        let webhooks = WebhookClient::new(webhook, secrets, limits.webhook)?;
        Ok(Delivery { sender: Sender::new(&email.from)?, transport, webhooks })
    }

    /// Makes one attempt at `now`. Secrets are read here, so that a new one counts at once.
    ///
    /// # Errors
    /// Why the message was not taken, and whether another attempt makes sense.
    pub async fn send(
        &self,
        notification: &Notification,
        prepared: &MessageContent,
        now: Time,
    ) -> Result<Receipt, Failure> {
        match (&notification.address, prepared) {
            (Address::Email(to), MessageContent::Email(rendered)) => {
                let message = self.sender.message(to, notification, rendered)?;
                match &self.transport {
                    MailTransport::Files(files) => files.mail(notification, message.formatted()).await,
                    MailTransport::Smtp(server) => server.send(&message).await,
                    MailTransport::Mailer(mailer) => {
                        let (from, raw) = (self.sender.address(), message.formatted());
                        mailer.send(Mail { from, to, raw, notification }).await
                    }
                    MailTransport::NoMail => Err(Failure::Permanent { error: NO_SES.to_owned() }),
                }
            }
            (Address::Webhook { url, secrets, template }, MessageContent::Webhook { content_type, body }) => {
                let receiver = (url.as_str(), secrets.as_slice(), template.as_deref());
                let request = self.webhooks.prepare(receiver, notification.id, (content_type, body), now)?;
                match &self.transport {
                    MailTransport::Files(files) => files.request(notification, &request).await,
                    MailTransport::Smtp(_) | MailTransport::Mailer(_) | MailTransport::NoMail => {
                        self.webhooks.send(&request, now).await
                    }
                }
            }
            _ => Err(Failure::Permanent { error: "this content was prepared for another channel".to_owned() }),
        }
    }
}

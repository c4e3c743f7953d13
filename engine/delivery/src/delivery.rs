//! One attempt to deliver one message.

use std::{sync::Arc, time::Duration};

use dag_config::{Email, HeartbeatUrl, Secrets, Transport, Webhook};
use dag_engine::{Address, Notification, Time};

use crate::{
    Failure, MessageContent, Receipt, SetupError, Signal,
    email::{Mail, Mailer, Sender, SmtpServer},
    failure::bounded,
    file_transport::FileTransport,
    heartbeat::HeartbeatClient,
    http::HttpClient,
    webhook::WebhookClient,
};

/// The time limits of an attempt. Together they stay well below [`LEASE`](crate::LEASE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The limit of a webhook or a heartbeat, from the DNS lookup to the response. The default is 10 s; the function in
    /// the cloud sets 3 s.
    pub webhook: Duration,
    /// The limit of a mail server, from the connection to its acceptance. The default is 60 s.
    pub smtp: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { webhook: Duration::from_secs(10), smtp: Duration::from_secs(60) }
    }
}

/// Delivers messages by the transports of the configuration. Attempts are independent of each other and can run at the
/// same time.
#[derive(Clone)]
pub struct Delivery {
    pub(crate) sender: Sender,
    pub(crate) transport: MailTransport,
    pub(crate) webhooks: WebhookClient,
    heartbeats: HeartbeatClient,
}

/// The transport of mail. Only `Files` also replaces webhook requests.
#[derive(Clone)]
pub(crate) enum MailTransport {
    /// Mails and webhook requests become files.
    Files(FileTransport),
    /// A mail server.
    Smtp(Box<SmtpServer>),
    /// A service that the host provides.
    Mailer(Arc<dyn Mailer>),
    /// This host cannot send mail.
    NoMail,
}

/// The error of every mail on a device whose configuration says `ses`.
const NO_SES: &str = "this device cannot send by SES: the cloud does. Give rules with run_on = \"edge\" recipients \
                      with a webhook, or use transport = \"smtp\"";

impl Delivery {
    /// Sets delivery up. It connects to nothing.
    ///
    /// `secrets` resolves the secrets of webhooks. If the transport is `ses`, every mail fails with an error that says
    /// that this host cannot send by SES.
    ///
    /// # Errors
    /// The configuration has a value that cannot be used.
    pub fn new(email: &Email, webhook: &Webhook, secrets: Secrets, limits: Limits) -> Result<Self, SetupError> {
        Self::set_up(email, webhook, secrets, limits, None)
    }

    /// Does the same as [`Delivery::new`] for a host that has a service for the transport `ses`. The other transports
    /// do not use it.
    ///
    /// # Errors
    /// The configuration has a value that cannot be used.
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
        let sender = Sender::new(&email.from)?;
        let transport = match email.transport {
            Transport::Outbox => MailTransport::Files(FileTransport::new(&email.outbox)),
            Transport::Smtp => {
                let smtp = email.smtp.as_ref().ok_or(SetupError::NoServer)?;
                MailTransport::Smtp(Box::new(SmtpServer::new(smtp, sender.address().domain(), limits.smtp)?))
            }
            Transport::Ses => mailer.map_or(MailTransport::NoMail, MailTransport::Mailer),
        };
        let http = HttpClient::new(webhook, limits.webhook)?;
        let webhooks = WebhookClient::new(http.clone(), secrets.clone());
        let heartbeats = HeartbeatClient::new(http, secrets);
        Ok(Delivery { sender, transport, webhooks, heartbeats })
    }

    /// Calls a heartbeat's service once, within the limit of a webhook, whatever the transport of messages. A service
    /// that takes no [`Signal::Start`] is not called for one.
    ///
    /// # Errors
    /// The address cannot be read or may not be called, or the service did not take the call. The error shows no more
    /// of the address than its host.
    pub async fn beat(&self, url: &HeartbeatUrl, signal: &Signal) -> Result<(), Failure> {
        self.heartbeats.beat(url, signal).await
    }

    /// Makes one attempt at `now`. Secrets are read here, so that a changed one takes effect at once.
    ///
    /// # Errors
    /// The message was not accepted. The failure says whether another attempt makes sense.
    pub async fn send(
        &self,
        notification: &Notification,
        prepared: &MessageContent,
        now: Time,
    ) -> Result<Receipt, Failure> {
        self.attempt(notification, prepared, now).await.map_err(Failure::bounded)
    }

    async fn attempt(
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
                    MailTransport::Smtp(server) => {
                        let receipt = server.send(&message).await?;
                        Ok(Receipt { answer: bounded(&receipt.answer) })
                    }
                    MailTransport::Mailer(mailer) => {
                        let (from, to) = (self.sender.address().as_ref(), self.sender.recipient(to)?);
                        let raw = message.formatted();
                        mailer.send(Mail { from, to: to.as_ref(), raw, notification }).await
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

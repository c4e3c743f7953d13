//! A mail as bytes. The same notification makes the same bytes, at every attempt and on every host.

use std::time::{Duration, SystemTime};

use dag_engine::{About, Id, Notification, Time};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use crate::{Failure, MailContent, SetupError};

/// The last second that a mail's date can hold: the end of the year 9998.
const LAST_DATE: u64 = 253_370_764_799;

/// Who the mails come from.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Mailbox);

impl Sender {
    /// Reads `Name <user@host>` or `user@host`.
    pub fn new(from: &str) -> Result<Self, SetupError> {
        from.parse().map(Sender).map_err(|_| SetupError::From(from.to_owned()))
    }

    /// The address, without the name.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }

    /// The mail: plain text and page as alternatives, one thread for each incident, and for each cause of trouble.
    ///
    /// # Errors
    /// The recipient's address is none, which no further attempt changes.
    pub fn message(&self, to: &str, notification: &Notification, rendered: &MailContent) -> Result<Message, Failure> {
        let refused = || Failure::Permanent { error: format!("`{}` is not a mail address", to.escape_debug()) };
        let to: Address = to.parse().map_err(|_| refused())?;
        let domain = self.0.email.domain();
        let thread = format!("<{}@{domain}>", thread(notification));
        let builder = Message::builder()
            .from(self.0.clone())
            .to(Mailbox::new(None, to))
            .subject(&rendered.subject)
            .date(date(notification.at))
            .message_id(Some(format!("<{}@{domain}>", notification.id)))
            .in_reply_to(thread.clone())
            .references(thread)
            .raw_header(self.unsubscribe())
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        let text = SinglePart::plain(rendered.text.clone());
        let built = match &rendered.html {
            Some(html) => {
                // The id is a hash that no body knows, so none can hold the boundary.
                let boundary = format!("=_{}", notification.id);
                let page = SinglePart::html(html.clone());
                builder.multipart(MultiPart::alternative().boundary(boundary).singlepart(text).singlepart(page))
            }
            None => builder.singlepart(text),
        };
        built.map_err(|error| Failure::Permanent { error: format!("no mail can be made of this: {error}") })
    }

    /// Whoever wants no more of these writes to the sender: there is nobody else to ask.
    fn unsubscribe(&self) -> HeaderValue {
        header("List-Unsubscribe", &format!("<mailto:{}?subject=unsubscribe>", self.0.email))
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn date(at: Time) -> SystemTime {
    let seconds = u64::try_from(at.as_millis() / 1_000).unwrap_or(0).min(LAST_DATE);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The name of a message that was never sent and stands for the incident, or for the cause of trouble on the device.
/// Every message answers it, so the first need not have arrived for the others to stay together.
fn thread(notification: &Notification) -> String {
    match &notification.about {
        About::Incident(incident) => format!("incident-{}", incident.id),
        // A hash, for the names in a cause may hold what no address may.
        About::Trouble(trouble) => {
            let (device, cause) = (&notification.device.id, trouble.cause.key());
            format!("trouble-{}", Id::of(&[b"trouble", device.as_bytes(), cause.as_bytes()]))
        }
    }
}

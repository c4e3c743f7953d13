//! A mail as bytes. The same notification gives the same bytes at every attempt and on every host.

use std::time::{Duration, SystemTime};

use dag_engine::{About, Id, Notification, Time};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use url::Host;

use crate::{Failure, MailContent, SetupError};

/// The last date of a mail, in seconds since 1970: the end of the year 9998.
const LAST_DATE: u64 = 253_370_764_799;

/// The sender of all mails.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Mailbox);

impl Sender {
    /// Parses `Name <user@host>` or `user@host`.
    pub fn new(from: &str) -> Result<Self, SetupError> {
        let wrong = || SetupError::From(from.to_owned());
        let Mailbox { name, email } = from.parse().map_err(|_| wrong())?;
        Ok(Sender(Mailbox::new(name, in_ascii(&email).ok_or_else(wrong)?)))
    }

    /// Returns the address, without the name.
    pub fn address(&self) -> &Address {
        &self.0.email
    }

    /// Returns the address of a recipient as a mail to it has it. It fails as [`Sender::message`] would.
    ///
    /// # Errors
    /// No mail can be made for this address. No further attempt changes that.
    pub fn recipient(&self, to: &str) -> Result<Address, Failure> {
        let to = recipient(to)?;
        self.to(to.clone()).body(String::new()).map_err(|error| unmade(&error))?;
        Ok(to)
    }

    fn to(&self, to: Address) -> MessageBuilder {
        Message::builder().from(self.0.clone()).to(Mailbox::new(None, to))
    }

    /// Returns the mail, with plain text and HTML page as alternatives. Each incident and each cause of trouble is a
    /// thread.
    ///
    /// # Errors
    /// The recipient's address is not a mail address. No further attempt changes that.
    pub fn message(&self, to: &str, notification: &Notification, rendered: &MailContent) -> Result<Message, Failure> {
        let domain = self.0.email.domain();
        let thread = format!("<{}@{domain}>", thread(notification));
        let builder = self
            .to(recipient(to)?)
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
                // The id is a hash, so that no body contains the boundary.
                let boundary = format!("=_{}", notification.id);
                let page = SinglePart::html(html.clone());
                builder.multipart(MultiPart::alternative().boundary(boundary).singlepart(text).singlepart(page))
            }
            None => builder.singlepart(text),
        };
        built.map_err(|error| unmade(&error))
    }

    /// Returns the header by which a recipient asks the sender for no more mail. There is no other address to write to.
    fn unsubscribe(&self) -> HeaderValue {
        header("List-Unsubscribe", &format!("<mailto:{}?subject=unsubscribe>", self.0.email))
    }
}

/// Parses the address of a recipient.
///
/// # Errors
/// It is not a mail address, or none that a header can have, such as one with an IP address in brackets. No further
/// attempt changes that.
fn recipient(to: &str) -> Result<Address, Failure> {
    let refused = || Failure::Permanent { error: format!("`{}` is not a mail address", to.escape_debug()) };
    let address = to.parse().ok().as_ref().and_then(in_ascii).ok_or_else(refused)?;
    let in_header = address.to_string().parse().is_ok_and(|mailbox: Mailbox| mailbox.email == address);
    if in_header { Ok(address) } else { Err(refused()) }
}

/// Returns an address with its domain as name servers know it: `nor@müller.ch` becomes `nor@xn--mller-kva.ch`, which
/// servers without SMTPUTF8 take too. `None` if the domain cannot be one.
fn in_ascii(address: &Address) -> Option<Address> {
    if address.domain().is_ascii() {
        return Some(address.clone());
    }
    match Host::parse(address.domain()) {
        Ok(Host::Domain(domain)) => Address::new(address.user(), domain).ok(),
        _ => None,
    }
}

/// Returns an email address as mails have it, with its domain in ASCII: a mail service reports the fate of a mail with
/// this address. A text that is no address is returned as it is.
///
/// ```
/// assert_eq!(dag_delivery::email_in_ascii("nor@müller.ch"), "nor@xn--mller-kva.ch");
/// assert_eq!(dag_delivery::email_in_ascii("nor"), "nor");
/// ```
pub fn email_in_ascii(address: &str) -> String {
    recipient(address).map_or_else(|_| address.to_owned(), |address| address.to_string())
}

fn unmade(error: &lettre::error::Error) -> Failure {
    Failure::Permanent { error: format!("no mail can be made of this: {error}") }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn date(at: Time) -> SystemTime {
    let seconds = u64::try_from(at.as_millis() / 1_000).unwrap_or(0).min(LAST_DATE);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns the id of a thread's root: a message that is never sent. It stands for the incident, or for the cause of
/// trouble on the device. Every message is a reply to it, so that they stay together even if the first is lost.
fn thread(notification: &Notification) -> String {
    match &notification.about {
        About::Incident(incident) => format!("incident-{}", incident.id),
        // A hash, since names in a cause may contain characters that an address cannot have.
        About::Trouble(trouble) => {
            let (device, cause) = (&notification.device.id, trouble.cause.key());
            format!("trouble-{}", Id::of(&[b"trouble", device.as_bytes(), cause.as_bytes()]))
        }
        About::Test(_) => format!("test-{}", notification.id),
    }
}

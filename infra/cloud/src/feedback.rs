//! Bounces and complaints that the mail service reports on the event bus ("Email Bounced", "Email Complaint Received").
//!
//! The tags of the mail identify the message. [`tags`] writes them.

use dag_engine::{Channel, Id, MessageRef, Name, Notification};
use serde::Deserialize;

const DEVICE: &str = "dag-device";
const NOTIFICATION: &str = "dag-notification";
const INCIDENT: &str = "dag-incident";
const RECIPIENT: &str = "dag-recipient";
/// The second part of a long name.
const RECIPIENT_MORE: &str = "dag-recipient-more";

/// The most characters in the value of one tag (Amazon SES API, "MessageTag").
const LONGEST_TAG: usize = 256;

/// Returns the tags of a mail.
///
/// Names of recipients may hold characters that tags must not have, so they are written in hexadecimal. A name of more
/// than 256 bytes is left out, because SES would refuse the mail.
pub(crate) fn tags(device: &str, notification: &Notification) -> Vec<(&'static str, String)> {
    let mut tags = vec![(DEVICE, device.to_owned()), (NOTIFICATION, notification.id.to_string())];
    let parts = notification.recipient.as_bytes().chunks(LONGEST_TAG / 2);
    if parts.len() <= 2 {
        let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect();
        tags.extend([RECIPIENT, RECIPIENT_MORE].into_iter().zip(parts.map(hex)));
    }
    tags.extend(notification.incident().map(|incident| (INCIDENT, incident.id.to_string())));
    tags
}

/// A bounce of a mail, or a complaint about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The device that the mail is about.
    pub device: Name,
    /// The message.
    pub message: MessageRef,
    /// The addresses for the suppression list; none where a later mail may arrive.
    pub addresses: Vec<String>,
    /// The reason, as text for people.
    pub text: String,
}

/// An event about a mail that carries none of our tags, or says neither that it bounced nor that somebody complained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mail service's event names no message of ours: {0}")]
pub struct UnknownMail(&'static str);

/// An event of the mail service, in the event bus's envelope.
#[derive(Deserialize)]
pub(crate) struct MailEvent {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    mail: Mail,
    #[serde(default)]
    bounce: Option<Bounce>,
    #[serde(default)]
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    tags: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    #[serde(default)]
    diagnostic_code: Option<String>,
}

impl TryFrom<MailEvent> for Feedback {
    type Error = UnknownMail;

    fn try_from(event: MailEvent) -> Result<Feedback, UnknownMail> {
        let Detail { mail, bounce, complaint } = event.detail;
        let tag = |name: &'static str| mail.tags.get(name).and_then(|values| values.first());
        let need = |name: &'static str| tag(name).ok_or(UnknownMail(name));
        let id = |name: &'static str, text: &String| Id::parse(text).ok_or(UnknownMail(name));
        let recipient = format!("{}{}", need(RECIPIENT)?, tag(RECIPIENT_MORE).map_or("", String::as_str));
        let message = MessageRef {
            notification: id(NOTIFICATION, need(NOTIFICATION)?)?,
            incident: tag(INCIDENT).map(|text| id(INCIDENT, text)).transpose()?,
            recipient: unhex(&recipient).ok_or(UnknownMail(RECIPIENT))?,
            channel: Channel::Email,
        };
        let (addresses, text) = match (bounce, complaint) {
            (Some(bounce), _) => {
                let code = bounce.bounced_recipients.iter().find_map(|recipient| recipient.diagnostic_code.clone());
                let text = format!("the mail came back ({}): {}", bounce.bounce_type, code.unwrap_or_default());
                // A full mailbox may have room later. An address that does not exist stays away.
                let gone = bounce.bounce_type == "Permanent";
                (if gone { bounce.bounced_recipients } else { Vec::new() }, text)
            }
            (None, Some(complaint)) => {
                (complaint.complained_recipients, "the mail was called unwanted by who got it".to_owned())
            }
            (None, None) => return Err(UnknownMail("bounce or complaint")),
        };
        let addresses = addresses.into_iter().map(|recipient| recipient.email_address).collect();
        Ok(Feedback { device: Name::new(need(DEVICE)?), message, addresses, text })
    }
}

fn unhex(text: &str) -> Option<Name> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    });
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok().map(Name::new)
}

#[cfg(test)]
mod tests {
    use dag_rulebook::{Rulebook, RulesFolder};
    use serde_json::json;

    use super::*;

    const CONFIG: &str = r#"
mode = "standalone"
[site]
name = "Home"
timezone = "Europe/London"
operators = []
[device.cottage]
power = { source = "simulated" }
[email]
transport = "outbox"
from = "dag@example.com"
"#;

    const RULES: &str = r#"
[rule.r]
when = "power == off"
escalation = "all"
[escalation]
all = [{ notify = ["all"] }]
[group]
all = ["@account"]
"#;

    /// Returns messages of every kind to recipients whose names no tag may hold.
    fn messages() -> Vec<Notification> {
        let config = dag_config::Config::parse(CONFIG, std::path::Path::new("config.toml"), [], &[]).unwrap();
        let folder = RulesFolder::from_stored(vec![("rules.toml".to_owned(), RULES.as_bytes().to_vec())]);
        let rulebook = Rulebook::compile(folder, &config).unwrap();
        let mut device = config.device(None).unwrap();
        let long = format!("{}@{}.example.com", "l".repeat(64), "d".repeat(175));
        device.account_emails = vec!["käthe+mail@example.com".to_owned(), long];
        let decisions = rulebook.engine.samples(&device, dag_engine::Time::from_millis(0));
        dag_engine::notifications(&decisions).cloned().collect()
    }

    fn event(tags: &[(&'static str, String)], what: &str, detail: &serde_json::Value) -> String {
        let tags: std::collections::BTreeMap<_, _> = tags.iter().map(|(name, value)| (*name, [value])).collect();
        json!({ "source": "aws.ses", "detail": { "mail": { "tags": tags }, what: detail } }).to_string()
    }

    fn bounce(kind: &str) -> serde_json::Value {
        let recipients = ["a@example.com", "b@example.com"].map(|address| json!({ "emailAddress": address }));
        json!({ "bounceType": kind, "bouncedRecipients": recipients })
    }

    fn parse(body: &str) -> Feedback {
        let event: MailEvent = serde_json::from_str(body).unwrap();
        Feedback::try_from(event).unwrap()
    }

    #[test]
    fn the_tags_identify_the_message() {
        let messages = messages();
        assert!(!messages.is_empty());
        for message in messages {
            let tags = tags("cottage", &message);
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(tags.iter().all(|(name, value)| format!("{name}{value}").chars().all(allowed)), "{tags:?}");
            assert!(tags.iter().all(|(_, value)| value.len() <= 256), "{tags:?}");
            let feedback = parse(&event(&tags, "bounce", &bounce("Permanent")));
            assert_eq!((feedback.device.as_str(), feedback.message), ("cottage", message.reference()));
        }
    }

    #[test]
    fn only_permanent_bounces_and_complaints_suppress_an_address() {
        let tags = tags("cottage", messages().first().unwrap());
        let addresses = |what: &str, detail| parse(&event(&tags, what, &detail)).addresses;
        assert_eq!(addresses("bounce", bounce("Permanent")), ["a@example.com", "b@example.com"]);
        assert_eq!(addresses("bounce", bounce("Transient")), Vec::<String>::new());
        assert_eq!(addresses("bounce", bounce("Undetermined")), Vec::<String>::new());
        let complaint = json!({ "complainedRecipients": [{ "emailAddress": "a@example.com" }] });
        assert_eq!(addresses("complaint", complaint), ["a@example.com"]);
    }

    #[test]
    fn hexadecimal_digits_are_read_or_refused() {
        assert_eq!(unhex("6e6f72").as_deref(), Some("nor"));
        assert_eq!(unhex("").as_deref(), Some(""));
        for wrong in ["6", "6g", "ff", "+1", "é"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}

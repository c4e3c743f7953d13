//! The records of the queues.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_engine::{GivenAs, Id, Name, Silence, Time};
use serde::{Deserialize, Serialize};

use crate::{
    feedback::{Feedback, MailEvent, UnknownMail},
    presence::PresenceEvent,
};

/// A record of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A report of a device.
    Report {
        /// The device that the topic names.
        device: Name,
        /// When the broker received it.
        received_at: Time,
        /// The published bytes.
        payload: Vec<u8>,
    },
    /// The begin or the end of a device's connection.
    Presence(PresenceEvent),
    /// A check of a device's deadlines.
    Timer {
        /// The device.
        device: Name,
    },
    /// A search for all that is overdue.
    Sweep,
    /// A message of a device is due.
    Deliver {
        /// The device.
        device: Name,
        /// The message.
        notification: Id,
    },
    /// A person's request.
    Request {
        /// The device.
        device: Name,
        /// The identity of the request: a record that comes twice is one request.
        id: Id,
        /// The request.
        request: Request,
    },
    /// A change of a device's registration, or a new device. The record does not hold the registration itself.
    Registered {
        /// The device.
        device: Name,
    },
    /// The mail service's report of a bounce or a complaint.
    Feedback(Feedback),
}

/// A request of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Acknowledges an incident.
    Acknowledge {
        /// The incident, of the cloud or of the device's own rules.
        incident: Id,
        /// The person's name.
        by: String,
    },
    /// Pauses the escalation of an incident.
    Snooze {
        /// The incident.
        incident: Id,
        /// When the escalation goes on.
        until: Time,
        /// How that was given.
        #[serde(default, skip_serializing_if = "dag_engine::is_default")]
        until_given: GivenAs,
        /// The person's name.
        by: String,
    },
    /// Silences matching incidents.
    Silence(Silence),
}

/// The reasons why a record is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is not JSON, or not an event of ours.
    #[error("this is no event: {0}")]
    Malformed(String),
    /// The topic rule did not encode the report's payload.
    #[error("the payload of the report is not base64")]
    Payload,
    /// The mail service's event is about a mail that is not ours.
    #[error(transparent)]
    Feedback(#[from] UnknownMail),
}

/// The JSON form of an event.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Wire {
    Report {
        device: Name,
        received_at: i64,
        payload: String,
    },
    Presence(PresenceEvent),
    Timer {
        device: Name,
    },
    Sweep,
    Deliver {
        device: Name,
        notification: Id,
    },
    #[serde(rename = "asked")]
    Request {
        device: Name,
        at: Time,
        #[serde(rename = "ask")]
        request: Request,
    },
    Registered {
        device: Name,
    },
}

impl Event {
    /// Parses the body of a record.
    ///
    /// # Errors
    /// The body is not JSON, or not an event of ours.
    pub fn parse(body: &str) -> Result<Event, EventError> {
        let malformed = |error: serde_json::Error| EventError::Malformed(error.to_string());
        // The event bus delivers the mail service's events in its own envelope.
        if body.contains("\"aws.ses\"") && !body.contains("\"event\"") {
            let event: MailEvent = serde_json::from_str(body).map_err(malformed)?;
            return Ok(Event::Feedback(Feedback::try_from(event)?));
        }
        Ok(match serde_json::from_str(body).map_err(malformed)? {
            Wire::Report { device, received_at, payload } => {
                let payload = BASE64.decode(payload).map_err(|_| EventError::Payload)?;
                Event::Report { device, received_at: Time::from_millis(received_at), payload }
            }
            Wire::Presence(event) => Event::Presence(event),
            Wire::Timer { device } => Event::Timer { device },
            Wire::Sweep => Event::Sweep,
            Wire::Deliver { device, notification } => Event::Deliver { device, notification },
            // The text and the time of a request identify it.
            Wire::Request { device, request, .. } => Event::Request { device, id: Id::of(&[body.as_bytes()]), request },
            Wire::Registered { device } => Event::Registered { device },
        })
    }

    /// Returns the body of a record that checks a device's deadlines.
    pub fn timer(device: &Name) -> String {
        body(&Wire::Timer { device: device.clone() })
    }

    /// Returns the body of a record that sends a message, and all that is due with it.
    pub fn deliver(device: &Name, notification: Id) -> String {
        body(&Wire::Deliver { device: device.clone(), notification })
    }

    /// Returns the body of a record with a person's request. `at` is the time of the request: the same at another time
    /// is another request.
    pub fn request(device: &Name, request: Request, at: Time) -> String {
        body(&Wire::Request { device: device.clone(), at, request })
    }

    /// Returns the body of a record that announces a change of a device's registration.
    pub fn registered(device: &Name) -> String {
        body(&Wire::Registered { device: device.clone() })
    }

    /// Returns the device of the event, and `None` for a sweep.
    pub fn device(&self) -> Option<&Name> {
        match self {
            Event::Report { device, .. }
            | Event::Timer { device }
            | Event::Deliver { device, .. }
            | Event::Registered { device }
            | Event::Request { device, .. } => Some(device),
            Event::Presence(event) => Some(&event.client_id),
            Event::Feedback(feedback) => Some(&feedback.device),
            Event::Sweep => None,
        }
    }
}

/// The body of the record that the schedule sends for a sweep.
pub const SWEEP: &str = r#"{"event":"sweep"}"#;

fn body(event: &Wire) -> String {
    // Serialisation cannot fail: there are only strings, numbers and maps with string keys.
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id::of(&[b"message"])
    }

    #[test]
    fn events_are_parsed_as_they_were_written() {
        let device = Name::new("cottage");
        assert_eq!(Event::parse(SWEEP), Ok(Event::Sweep));
        assert_eq!(Event::parse(&Event::timer(&device)), Ok(Event::Timer { device: device.clone() }));
        let deliver = Event::Deliver { device: device.clone(), notification: id() };
        assert_eq!(Event::parse(&Event::deliver(&device, id())), Ok(deliver));
        assert_eq!(Event::parse(&Event::registered(&device)), Ok(Event::Registered { device }));
    }

    #[test]
    fn the_same_request_at_another_time_is_another_request() {
        let device = Name::new("cottage");
        let request_id = |at| {
            let request = Request::Acknowledge { incident: id(), by: "nor".to_owned() };
            match Event::parse(&Event::request(&device, request.clone(), Time::from_millis(at))) {
                Ok(Event::Request { device: of, id, request: read }) if of == device && read == request => id,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(request_id(1), request_id(1));
        assert_ne!(request_id(1), request_id(2));
    }

    #[test]
    fn a_report_that_mentions_the_mail_service_is_a_report() {
        let payload = BASE64.encode("\"aws.ses\"");
        let body = format!(r#"{{"event":"report","device":"aws.ses","received_at":5,"payload":"{payload}"}}"#);
        let report = Event::Report {
            device: "aws.ses".into(),
            received_at: Time::from_millis(5),
            payload: b"\"aws.ses\"".to_vec(),
        };
        assert_eq!(Event::parse(&body), Ok(report));
    }

    #[test]
    fn other_json_is_refused() {
        for body in ["", "null", "{}", "[]", r#"{"event":7}"#, r#"{"event":"timer"}"#, r#"{"source":"aws.ses"}"#] {
            assert!(matches!(Event::parse(body), Err(EventError::Malformed(_))), "{body}");
        }
    }
}

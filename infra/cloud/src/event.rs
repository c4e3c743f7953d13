//! What the queues bring.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_engine::{Id, Name, Silence, Time};
use serde::{Deserialize, Serialize};

use crate::{
    feedback::{Feedback, MailEvent, UnknownMail},
    presence::PresenceEvent,
};

/// One record of a queue, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device reported.
    Report {
        /// The device of the topic.
        device: Name,
        /// When the broker took it.
        received_at: Time,
        /// What it published, as it came.
        payload: Vec<u8>,
    },
    /// A device's connection began or ended.
    Presence(PresenceEvent),
    /// A deadline of a device may be due.
    Timer {
        /// The device.
        device: Name,
    },
    /// Whatever is overdue has to be found.
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
    /// What the registry has of a device changed, or it is a new one. What it has stands there.
    Registered {
        /// The device.
        device: Name,
    },
    /// The mail service says what became of a mail.
    Feedback(Feedback),
}

/// A request of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// To take an incident on.
    Acknowledge {
        /// The incident, of the cloud or of the device's own rules.
        incident: Id,
        /// Who.
        by: String,
    },
    /// No step of an incident for a while.
    Snooze {
        /// The incident.
        incident: Id,
        /// Until when.
        until: Time,
        /// Who.
        by: String,
    },
    /// No step of matching incidents for a while.
    Silence(Silence),
}

/// A record that nobody can make anything of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an event of ours.
    #[error("this is no event: {0}")]
    Malformed(String),
    /// The report's payload was not passed on as the topic rule should.
    #[error("the payload of the report is not base64")]
    Payload,
    /// The mail service's event is about a mail that is not ours.
    #[error(transparent)]
    Feedback(#[from] UnknownMail),
}

/// An event that is on the wire as we write it.
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
    /// Reads a record's body.
    ///
    /// # Errors
    /// It is not JSON, or no event that there is.
    pub fn parse(body: &str) -> Result<Event, EventError> {
        let malformed = |error: serde_json::Error| EventError::Malformed(error.to_string());
        // The mail service's events come through a bus with an envelope of its own.
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

    /// The body of a record that asks for a look at a device's deadlines.
    pub fn timer(device: &Name) -> String {
        body(&Wire::Timer { device: device.clone() })
    }

    /// The body of a record that asks for a message to be sent.
    pub fn deliver(device: &Name, notification: Id) -> String {
        body(&Wire::Deliver { device: device.clone(), notification })
    }

    /// Returns the body of a record with a person's request. `at` is the time of the request: the same at another time is
    /// another request.
    pub fn request(device: &Name, request: Request, at: Time) -> String {
        body(&Wire::Request { device: device.clone(), at, request })
    }

    /// The body of a record that says that what the registry has of a device changed.
    pub fn registered(device: &Name) -> String {
        body(&Wire::Registered { device: device.clone() })
    }

    /// Which device it is about; `None` for a sweep.
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

/// The body of the record that asks for a sweep: what the schedule sends.
pub const SWEEP: &str = r#"{"event":"sweep"}"#;

fn body(event: &Wire) -> String {
    // Strings, numbers and maps with strings for keys: JSON holds them.
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id::of(&[b"message"])
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
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
    fn a_report_that_speaks_of_the_mail_service_is_a_report() {
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
    fn what_is_no_event_is_refused() {
        for body in ["", "null", "{}", "[]", r#"{"event":7}"#, r#"{"event":"timer"}"#, r#"{"source":"aws.ses"}"#] {
            assert!(matches!(Event::parse(body), Err(EventError::Malformed(_))), "{body}");
        }
    }
}

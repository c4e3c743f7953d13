//! The queues: Amazon SQS.

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use dag_engine::Millis;

use super::{environment::StackEnvironment, error::fault};
use crate::{
    device_transaction::LONGEST_DELAY,
    world::{Fault, Queues},
};

/// The most messages in one request (Amazon SQS API, "SendMessageBatch").
const MOST_IN_BATCH: usize = 10;

/// The most bytes in the reason of a dead letter.
const LONGEST_REASON: usize = 1 << 10;

const SENDING: &str = "putting records into a queue";

/// The three queues.
pub(super) struct Sqs {
    client: Client,
    events: String,
    deliveries: String,
    dead_letters: String,
}

impl Sqs {
    pub fn new(sdk: &SdkConfig, environment: &StackEnvironment) -> Self {
        Sqs {
            client: Client::new(sdk),
            events: environment.events.clone(),
            deliveries: environment.deliveries.clone(),
            dead_letters: environment.dead_letters.clone(),
        }
    }

    async fn send(&self, queue: &str, records: Vec<(String, i32)>) -> Result<(), Fault> {
        for batch in records.chunks(MOST_IN_BATCH) {
            let mut request = self.client.send_message_batch().queue_url(queue);
            for (index, (body, delay)) in batch.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .delay_seconds(*delay)
                    .build()
                    .map_err(|error| Fault { what: SENDING, error: error.to_string() })?;
                request = request.entries(entry);
            }
            let sent = request.send().await.map_err(|error| fault(SENDING, &error))?;
            if let Some(failed) = sent.failed().first() {
                let error = format!(
                    "{} of {} were not taken, the first for {}: {}",
                    sent.failed().len(),
                    batch.len(),
                    failed.code(),
                    failed.message().unwrap_or("no reason is given")
                );
                return Err(Fault { what: SENDING, error });
            }
        }
        Ok(())
    }
}

impl Queues for Sqs {
    async fn events(&self, records: Vec<(String, Millis)>) -> Result<(), Fault> {
        let records = records.into_iter().map(|(body, delay)| (body, seconds(delay)));
        self.send(&self.events, records.collect()).await
    }

    async fn deliveries(&self, records: Vec<String>) -> Result<(), Fault> {
        self.send(&self.deliveries, records.into_iter().map(|body| (body, 0)).collect()).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(attribute_text(reason)).build();
        let reason = reason.map_err(|error| Fault { what: SENDING, error: error.to_string() })?;
        let sent = self.client.send_message().queue_url(&self.dead_letters).message_body(body);
        let sent = sent.message_attributes("reason", reason).send().await;
        sent.map(|_| ()).map_err(|error| fault("putting a record into the dead-letter queue", &error))
    }
}

/// Returns the delay in whole seconds, as SQS counts it. It is rounded up, because an early timer finds nothing due.
fn seconds(delay: Millis) -> i32 {
    let millis = delay.get().clamp(0, LONGEST_DELAY.get());
    i32::try_from((millis + 999) / 1_000).unwrap_or_default()
}

/// Returns a reason as an attribute may hold it: not empty, only characters that XML allows, and not too long.
fn attribute_text(reason: &str) -> String {
    let fits = |c: char| !(c.is_control() || c == '\u{fffe}' || c == '\u{ffff}');
    let mut text = String::new();
    for c in reason.chars().map(|c| if fits(c) { c } else { ' ' }) {
        if text.len() + c.len_utf8() > LONGEST_REASON {
            break;
        }
        text.push(c);
    }
    if text.is_empty() { "no reason is given".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_rounded_up_and_limited() {
        for (millis, expected) in [(-5, 0), (0, 0), (1, 1), (1_000, 1), (1_001, 2), (900_000, 900), (i64::MAX, 900)] {
            assert_eq!(seconds(Millis::new(millis)), expected, "{millis}");
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters_and_never_empty() {
        assert_eq!(attribute_text(""), "no reason is given");
        assert_eq!(attribute_text("a\u{0}b\nc"), "a b c");
        let long = attribute_text(&"ü".repeat(2_000));
        assert_eq!((long.len(), long.chars().count()), (1_024, 512));
    }
}

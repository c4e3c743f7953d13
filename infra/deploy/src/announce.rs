//! Announcements to the consumer that the registration of devices changed.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use dag_cloud::Event;
use dag_engine::Name;

use crate::{cloud::Cloud, explain::explain};

/// The most messages in one request ("SendMessageBatch" in the API reference of SQS).
const MOST: usize = 10;

/// The most attempts to send the messages that the queue did not accept.
const ATTEMPTS: u32 = 5;

/// The wait before the second attempt. It doubles with each further one, to 1.6 s before the fifth.
const WAIT: Duration = Duration::from_millis(200);

const ANNOUNCING: &str = "announcing devices to the cloud side";

impl Cloud {
    /// Makes the consumer read the registrations of devices, which it does only after an announcement. A second
    /// announcement changes nothing.
    pub async fn announce(&self, events_url: &str, devices: &[Name]) -> Result<()> {
        let client = Client::new(&self.sdk);
        for batch in devices.chunks(MOST) {
            let mut entries = Vec::new();
            for (index, device) in batch.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
                entries.push(entry.message_body(Event::registered(device)).build()?);
            }
            send(&client, events_url, entries).await?;
        }
        Ok(())
    }
}

async fn send(client: &Client, queue: &str, mut entries: Vec<SendMessageBatchRequestEntry>) -> Result<()> {
    let mut reason = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(WAIT * 2_u32.pow(attempt - 1)).await;
        }
        let sent = client.send_message_batch().queue_url(queue).set_entries(Some(entries.clone())).send().await;
        let sent = sent.map_err(|error| explain(ANNOUNCING, &error))?;
        // An entry in neither list of the response is sent again, too.
        let accepted = sent.successful();
        entries.retain(|entry| !accepted.iter().any(|accepted| accepted.id() == entry.id()));
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(failed) = sent.failed().first() {
            reason = format!("{}: {}", failed.code(), failed.message().unwrap_or("no reason is given"));
        }
    }
    bail!("{ANNOUNCING} failed: the queue did not accept {} of them ({reason}): run the command again", entries.len());
}

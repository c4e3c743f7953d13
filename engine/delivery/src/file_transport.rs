//! The transport `outbox`: every message is a file in a folder, for trials without a mail server.
//!
//! Mails are `.eml` files, which mail programs open. Webhook requests are `.json` files with URL, headers and body, and
//! are not sent, so that a trial needs no receiver.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use dag_engine::Notification;
use serde_json::json;

use crate::{Failure, Receipt, webhook::WebhookRequest};

/// The folder of the files.
#[derive(Clone, Debug)]
pub(crate) struct FileTransport(PathBuf);

impl FileTransport {
    pub fn new(path: &Path) -> Self {
        FileTransport(path.to_owned())
    }

    /// Writes a mail.
    pub async fn mail(&self, notification: &Notification, message: Vec<u8>) -> Result<Receipt, Failure> {
        self.write(file_name(notification, "eml"), message).await
    }

    /// Writes a webhook request.
    pub async fn request(&self, notification: &Notification, request: &WebhookRequest<'_>) -> Result<Receipt, Failure> {
        let headers: serde_json::Map<_, _> =
            request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        // Bodies are JSON. Any other body is shown as text.
        let body = serde_json::from_str(request.body).unwrap_or_else(|_| json!(request.body));
        let file = json!({ "url": request.url.as_str(), "headers": headers, "body": body });
        self.write(file_name(notification, "json"), format!("{file:#}\n").into_bytes()).await
    }

    async fn write(&self, name: String, bytes: Vec<u8>) -> Result<Receipt, Failure> {
        let folder = self.0.clone();
        let path = folder.join(&name);
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(()) => Ok(Receipt { answer: path.display().to_string() }),
            Err(error) => Err(Failure::later(format!("{} cannot be written: {error}", path.display()))),
        }
    }
}

/// Writes a file atomically: after a crash it is there as a whole or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let hidden = folder.join(format!(".{name}.part"));
    let mut file = File::create(&hidden)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&hidden, folder.join(name))?;
    // The name is durable only after the folder is synced.
    File::open(folder)?.sync_all()
}

/// Returns the name `<time>-<kind>-<recipient>-<short id>.<ending>`. Files sort by time, and a message that is written
/// again replaces its file.
fn file_name(notification: &Notification, ending: &str) -> String {
    let millis = notification.at.as_millis();
    let time = notification.at.in_zone(&jiff::tz::TimeZone::UTC).strftime("%Y%m%dT%H%M%S").to_string();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@._".contains(c) { c } else { '-' };
    let recipient: String = notification.recipient.chars().take(64).map(plain).collect();
    let short: String = notification.id.to_string().chars().take(8).collect();
    format!("{time}.{:03}Z-{}-{recipient}-{short}.{ending}", millis.rem_euclid(1_000), notification.kind.as_str())
}

//! The control socket: one JSON request and one JSON answer a connection, for the commands of the same machine.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::request::{PendingRequest, Request};

/// How long a request may take to arrive, or an answer to be read.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a request may be, in bytes.
const LONGEST_REQUEST: u64 = 16 << 10;

/// How long an answer may be, in bytes.
const LONGEST_ANSWER: u64 = 4 << 20;

/// How many may ask at once; who comes later waits for one of them to end.
const MOST_CONNECTIONS: usize = 128;

/// A control socket that listens; its file goes when it is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens at `path`, which only this user and group may use. A file that a killed daemon left there is replaced: the store's
    /// lock has shown that no other daemon runs.
    ///
    /// # Errors
    /// What the system says, where the socket cannot be made.
    pub fn listen(path: &Path) -> io::Result<Control> {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Control { listener, path: path.to_owned() })
    }

    /// Hands every request to `requests` until the daemon stops.
    pub async fn serve(self, requests: mpsc::Sender<PendingRequest>) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let requests = requests.clone();
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, requests).await {
                            tracing::debug!(%error, "a control connection ended early");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: do not spin.
                    tracing::warn!(%error, "the control socket cannot accept connections at present");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // It may be gone already, with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, requests: mpsc::Sender<PendingRequest>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    timeout(PATIENCE, (&mut stream).take(LONGEST_REQUEST).read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => {
            let (sender, receiver) = oneshot::channel();
            match requests.send((request, sender)).await {
                Ok(()) => receiver.await.unwrap_or_else(|_| Err("the daemon is stopping".to_owned())),
                Err(_) => Err("the daemon is stopping".to_owned()),
            }
        }
        Err(_) if line.len() as u64 == LONGEST_REQUEST => Err("this request is too long".to_owned()),
        Err(error) => Err(format!("this is no request: {error}")),
    };
    let answer = match answer {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error }),
    };
    let mut bytes = answer.to_string().into_bytes();
    bytes.push(b'\n');
    timeout(PATIENCE, stream.write_all(&bytes)).await??;
    timeout(PATIENCE, stream.shutdown()).await?
}

/// Why a running daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no daemon answers at {}: start it with `dag run`, or name its configuration with --config", .0.display())]
    NoDaemon(PathBuf),
    /// The connection broke, or what came back is no answer.
    #[error("the daemon at {} did not answer: {}", .0.display(), .1)]
    Broken(PathBuf, io::Error),
    /// It answered that it cannot.
    #[error("{0}")]
    Refused(String),
}

/// Asks a running daemon.
///
/// # Errors
/// [`AskError`] says which and what to do.
pub async fn ask(path: &Path, request: &Request) -> Result<serde_json::Value, AskError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Wire {
        Ok(serde_json::Value),
        Error(String),
    }
    let broken = |error: io::Error| AskError::Broken(path.to_owned(), error);
    let mut stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NoDaemon(path.to_owned()),
        _ => broken(error),
    })?;
    let mut bytes = serde_json::to_vec(request).map_err(|error| broken(error.into()))?;
    bytes.push(b'\n');
    stream.write_all(&bytes).await.map_err(broken)?;
    let mut text = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut text).await.map_err(broken)?;
    match serde_json::from_str(&text).map_err(|error| broken(error.into()))? {
        Wire::Ok(value) => Ok(value),
        Wire::Error(error) => Err(AskError::Refused(error)),
    }
}

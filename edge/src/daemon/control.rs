//! The control socket, for commands on the same machine. Each connection carries one JSON request and one JSON answer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{
    copies::Copies,
    request::{PendingRequest, Request},
};
use crate::store::Store;

/// The longest time in which a request must arrive, and an answer be read. A client that hangs keeps no place.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two looks whether a peer that ended its half has closed the connection.
const CLOSED_CHECK: Duration = Duration::from_secs(1);

/// The longest request, in bytes. A silence with many labels takes some hundred.
const LONGEST_REQUEST: u64 = 16 << 10;

/// The longest answer, in bytes. A status lists every message that waits.
const LONGEST_ANSWER: u64 = 4 << 20;

/// The most connections at once. A later one waits until one of them ends.
const MOST_CONNECTIONS: usize = 128;

/// A control socket that listens. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens at `path`, which only this user and group may use. Replaces a file that a killed daemon left there: the
    /// caller has the store's lock, so no other daemon runs.
    ///
    /// # Errors
    /// The socket cannot be made.
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

    /// Hands every request to `requests` until the daemon stops. Copies of `store` are made beside them.
    pub async fn serve(self, requests: mpsc::Sender<PendingRequest>, store: Arc<Store>) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let copies = Arc::new(Copies::new(store, &self.path));
        while let Ok(place) = Arc::clone(&room).acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (requests, copies) = (requests.clone(), Arc::clone(&copies));
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, requests, &copies).await {
                            tracing::debug!(%error, "a control connection ended early");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    // Most likely no file descriptor is free, and another try at once would fail again.
                    tracing::warn!(%error, "the control socket cannot accept connections at present");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The file may be gone already, with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, requests: mpsc::Sender<PendingRequest>, copies: &Copies) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    timeout(PATIENCE, (&mut stream).take(LONGEST_REQUEST).read_line(&mut line)).await??;
    let request = serde_json::from_str(&line);
    let is_backup = matches!(request, Ok(Request::Backup));
    let mut answer = match request {
        Ok(request) => {
            let (sender, receiver) = oneshot::channel();
            match requests.send((request, sender)).await {
                Ok(()) => tokio::select! {
                    biased;
                    answer = receiver => answer.unwrap_or_else(|_| Err("the daemon is stopping".to_owned())),
                    // What was asked for is done all the same, but its answer keeps no place.
                    () = peer_closed(&mut stream) => return Err(io::ErrorKind::BrokenPipe.into()),
                },
                Err(_) => Err("the daemon is stopping".to_owned()),
            }
        }
        Err(_) if line.len() as u64 == LONGEST_REQUEST => Err("this request is too long".to_owned()),
        Err(error) => Err(format!("this is no request: {error}")),
    };
    let mut copy = None;
    if is_backup && let Ok(value) = &mut answer {
        match copies.make().await {
            Ok(made) => {
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("bytes".to_owned(), made.bytes.into());
                }
                copy = Some(made);
            }
            Err(error) => answer = Err(error),
        }
    }
    let answer = match answer {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error }),
    };
    let mut bytes = answer.to_string().into_bytes();
    bytes.push(b'\n');
    timeout(PATIENCE, stream.write_all(&bytes)).await??;
    if let Some(copy) = copy {
        copy.send(&mut stream).await?;
    }
    timeout(PATIENCE, stream.shutdown()).await?
}

/// Waits until the peer has closed its connection. A peer that only ended its own half still waits for the answer.
async fn peer_closed(stream: &mut BufReader<UnixStream>) {
    let mut ignored = [0; 256];
    // Nothing is expected behind the request.
    while let Ok(1..) = stream.read(&mut ignored).await {}
    // The end of the other half is no event of its own while the socket is writable.
    while stream.get_ref().ready(Interest::WRITABLE).await.is_ok_and(|ready| !ready.is_write_closed()) {
        tokio::time::sleep(CLOSED_CHECK).await;
    }
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No daemon listens at the path.
    #[error(
        "no daemon answers at {}: start it with `dag run`, or name its configuration with --config. If it runs, it was \
         started with another `storage.path`: restart it, or undo that edit",
        .0.display()
    )]
    NoDaemon(PathBuf),
    /// The connection broke, or the answer is malformed.
    #[error("the daemon at {} did not answer: {}", .0.display(), .1)]
    Broken(PathBuf, io::Error),
    /// The daemon refused the request, with the reason.
    #[error("{0}")]
    Refused(String),
}

/// Sends a request to a running daemon and returns its answer.
///
/// # Errors
/// The cases of [`AskError`].
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, BufReader<UnixStream>) {
        let (client, served) = UnixStream::pair().unwrap();
        (client, BufReader::new(served))
    }

    #[tokio::test]
    async fn a_peer_that_closes_its_connection_is_not_waited_for() {
        let (client, mut served) = pair();
        drop(client);
        peer_closed(&mut served).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_only_ended_its_half_is_answered() {
        let (mut client, mut served) = pair();
        client.shutdown().await.unwrap();
        assert!(timeout(PATIENCE, peer_closed(&mut served)).await.is_err());
        served.write_all(b"answer").await.unwrap();
        drop(served);
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer");
    }
}

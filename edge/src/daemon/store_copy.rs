//! The other end of a copy: `dag backup` asks the daemon for one.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    os::unix::net::UnixStream,
    path::Path,
};

use dag_engine::Name;
use serde::Deserialize;

use super::{control::AskError, request::Request};

/// The longest answer before a copy, in bytes. It has three short fields.
const LONGEST_ANSWER: u64 = 64 << 10;

/// A copy of the store that a running daemon sends. It is read from the connection.
#[derive(Debug)]
pub struct StoreCopy {
    /// The device that the daemon runs as.
    pub device: Name,
    /// The format of the store.
    pub store_format: u32,
    /// The size of the copy in bytes.
    pub bytes: u64,
    stream: BufReader<UnixStream>,
}

impl Read for StoreCopy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

/// Asks the daemon at the socket `path` for a copy of its store.
///
/// # Errors
/// The cases of [`AskError`].
pub fn fetch_copy(path: &Path) -> Result<StoreCopy, AskError> {
    #[derive(Deserialize)]
    struct About {
        device: Name,
        store_format: u32,
        bytes: u64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Wire {
        Ok(About),
        Error(String),
    }
    let broken = |error: io::Error| AskError::Broken(path.to_owned(), error);
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NoDaemon(path.to_owned()),
        _ => broken(error),
    })?;
    let mut request = serde_json::to_vec(&Request::Backup).map_err(|error| broken(error.into()))?;
    request.push(b'\n');
    stream.write_all(&request).map_err(broken)?;
    let mut stream = BufReader::new(stream);
    let mut answer = String::new();
    // The reader must not be lost with the line: what it has read ahead is the beginning of the copy.
    (&mut stream).take(LONGEST_ANSWER).read_line(&mut answer).map_err(broken)?;
    match serde_json::from_str(&answer).map_err(|error| broken(error.into()))? {
        Wire::Ok(About { device, store_format, bytes }) => Ok(StoreCopy { device, store_format, bytes, stream }),
        Wire::Error(error) => Err(AskError::Refused(error)),
    }
}

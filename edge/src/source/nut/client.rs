//! A connection to upsd: one request, one response, each within its time and size.

use std::{future::Future, io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time,
};

use super::{
    fault::Fault,
    protocol::{LONGEST_LINE, ProtocolError, Response},
};

/// The most UPSes that a server may list. Real ones have a handful.
const MOST_UPSES: usize = 100;

/// A connection. After a [`Fault`] that is not the UPS's own it cannot be used any more.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    patience: Duration,
}

impl Connection {
    /// Connects to `address` (`host:port`) within `patience`, which is the limit for each response, too.
    pub async fn open(address: &str, patience: Duration) -> Result<Self, Fault> {
        let stream = within(patience, async { TcpStream::connect(address).await.map_err(Fault::Unreachable) }).await?;
        // A request is one small packet: it must not wait for another.
        stream.set_nodelay(true).map_err(Fault::Broken)?;
        Ok(Connection { stream: BufReader::with_capacity(LONGEST_LINE, stream), line: Vec::new(), patience })
    }

    /// Returns the value of a variable; `None` if this UPS does not have it.
    pub async fn var(&mut self, ups: &str, variable: &str) -> Result<Option<String>, Fault> {
        match self.request(&format!("GET VAR {ups} {variable}\n")).await? {
            // upsd compares the names of UPSes without regard to case.
            Response::Var { ups: of, name, value } if of.eq_ignore_ascii_case(ups) && name == variable => {
                Ok(Some(value))
            }
            Response::Error { code } => match code.as_str() {
                "VAR-NOT-SUPPORTED" => Ok(None),
                "DATA-STALE" => Err(Fault::Stale),
                "DRIVER-NOT-CONNECTED" => Err(Fault::NoDriver),
                "ACCESS-DENIED" => Err(Fault::Denied),
                "UNKNOWN-UPS" => Err(Fault::UnknownUps { name: ups.to_owned(), known: self.upses().await? }),
                _ => Err(Fault::Other(ProtocolError::shorten(code.as_bytes()))),
            },
            _ => Err(self.unexpected()),
        }
    }

    /// Returns the names of the server's UPSes.
    async fn upses(&mut self) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        let Response::Begin = self.request("LIST UPS\n").await? else { return Err(self.unexpected()) };
        loop {
            match within(self.patience, read(&mut self.stream, &mut self.line)).await? {
                Response::Ups { name } if names.len() < MOST_UPSES => {
                    names.push(ProtocolError::shorten(name.as_bytes()))
                }
                Response::Ups { .. } => return Err(ProtocolError::Endless.into()),
                Response::End => return Ok(names),
                _ => return Err(self.unexpected()),
            }
        }
    }

    async fn request(&mut self, request: &str) -> Result<Response, Fault> {
        within(self.patience, async {
            self.stream.write_all(request.as_bytes()).await.map_err(broken)?;
            read(&mut self.stream, &mut self.line).await
        })
        .await
    }

    /// Returns the error of a response that does not belong to the request.
    fn unexpected(&self) -> Fault {
        ProtocolError::line(&self.line).into()
    }
}

/// Reads one line into `line`, up to the longest one.
async fn read(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> Result<Response, Fault> {
    line.clear();
    let limit = LONGEST_LINE as u64;
    stream.take(limit).read_until(b'\n', line).await.map_err(broken)?;
    match line.last() {
        Some(b'\n') => Ok(Response::parse(line)?),
        _ if line.len() == LONGEST_LINE => Err(ProtocolError::TooLong.into()),
        _ => Err(Fault::Closed),
    }
}

/// A server that has ended resets the connection at the next request: it closed the connection.
fn broken(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => Fault::Closed,
        _ => Fault::Broken(error),
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    time::timeout(patience, work).await.unwrap_or(Err(Fault::Stalled(patience)))
}

//! A connection to a mail server that may say no more at a time than a reply.
//!
//! lettre reads a line to its end before it looks at its length, and a reply of many lines again after each of them. So
//! a server without an end would take all memory, and one with very many lines all time. Anybody on the way can be such a
//! server until TLS begins.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The most bytes that a server may say after what it was told last: a reply, or its part of a TLS handshake with a long
/// chain of certificates.
const LONGEST_REPLY: usize = 32 << 10;

/// A connection whose reads fail once the server says more than a reply.
#[derive(Debug)]
pub(super) struct BoundedStream<S = TcpStream> {
    stream: S,
    left: usize,
}

impl<S> BoundedStream<S> {
    pub fn new(stream: S) -> Self {
        BoundedStream { stream, left: LONGEST_REPLY }
    }
}

impl AsyncTokioStream for BoundedStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the server says more than any reply has")));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.left = self.left.saturating_sub(buf.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BoundedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.left = LONGEST_REPLY;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_server_may_say_a_reply_after_each_command_and_not_more() {
        let (ours, mut theirs) = tokio::io::duplex(LONGEST_REPLY * 4);
        let mut stream = BoundedStream::new(ours);
        theirs.write_all(&vec![b'x'; LONGEST_REPLY * 3]).await.unwrap();
        let mut reply = vec![0; LONGEST_REPLY];
        stream.read_exact(&mut reply).await.unwrap();
        let error = stream.read(&mut reply).await.unwrap_err();
        assert_eq!(error.to_string(), "the server says more than any reply has");
        stream.write_all(b"NOOP\r\n").await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        assert!(stream.read(&mut reply).await.is_err());
    }
}

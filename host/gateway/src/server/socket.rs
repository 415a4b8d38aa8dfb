//! The socket of a connection, which tells what it sees to the connection's [`Activity`].

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Activity;
use super::guard::Guarded;

/// A watched socket.
pub(super) struct WatchedSocket {
    socket: Guarded,
    activity: Arc<Activity>,
    n_read: u64,
    is_shut: bool,
}

/// What an HTTP/2 connection begins with and no HTTP/1 connection can.
const HTTP2_MARK: &[u8] = b"PRI ";

impl WatchedSocket {
    pub(super) fn new(socket: Guarded, activity: Arc<Activity>) -> Self {
        Self { socket, activity, n_read: 0, is_shut: false }
    }

    /// Reads and forgets until the client is done: a socket that is closed with unread bytes resets the connection,
    /// and the reply with it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 8 << 10];
        loop {
            let mut scratch = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut scratch)) {
                Ok(()) if !scratch.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }

    fn note_written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.activity.wrote();
        }
        written
    }
}

impl AsyncRead for WatchedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        let new = buf.filled().get(before..).unwrap_or_default();
        if !new.is_empty() {
            let is_http2 = self.n_read == 0 && new.starts_with(HTTP2_MARK);
            self.n_read += new.len() as u64;
            self.activity.read(self.n_read, is_http2);
        }
        read
    }
}

impl AsyncWrite for WatchedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.note_written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.is_shut = true;
            self.activity.closing();
        }
        if self.activity.is_unread() { self.poll_linger(cx) } else { Poll::Ready(Ok(())) }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.note_written(written)
    }
}

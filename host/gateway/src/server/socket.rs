//! The socket of a connection, which tells what it sees to the connection's [`Activity`].

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Activity;
use super::defer::Deferred;
use super::guard::Guarded;

/// A watched socket.
pub(super) struct WatchedSocket {
    socket: Guarded,
    activity: Arc<Activity>,
    n_read: u64,
    is_shut: bool,
    /// Something was read since something was written: what is written next is likely to be a reply.
    is_asked: bool,
    /// A reply that waits for its turn.
    deferred: Option<Deferred>,
}

/// Bytes that are put together where they stand in several pieces, at most: one piece costs the system less, and copying few bytes
/// next to nothing.
const SMALL: usize = 4 << 10;

/// What an HTTP/2 connection begins with and no HTTP/1 connection can.
const HTTP2_MARK: &[u8] = b"PRI ";

impl WatchedSocket {
    pub(super) fn new(socket: Guarded, activity: Arc<Activity>) -> Self {
        Self { socket, activity, n_read: 0, is_shut: false, is_asked: false, deferred: None }
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

    /// Ready when what is to be written may go out. What is put off has its turn in the next poll, which comes when the others that
    /// are ready had theirs.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let Some(deferred) = self.deferred.take() {
            deferred.end();
        } else if std::mem::take(&mut self.is_asked) {
            self.deferred = Deferred::begin();
        }
        if self.deferred.is_none() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
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
            self.is_asked = true;
            self.n_read += new.len() as u64;
            self.activity.read(self.n_read, is_http2);
        }
        read
    }
}

impl AsyncWrite for WatchedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
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
        ready!(self.poll_turn(cx));
        let written = if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= SMALL {
            let mut room = [MaybeUninit::uninit(); SMALL];
            let mut piece = ReadBuf::uninit(&mut room);
            bufs.iter().for_each(|buf| piece.put_slice(buf));
            Pin::new(&mut self.socket).poll_write(cx, piece.filled())
        } else {
            Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
        };
        self.note_written(written)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::wire::Wire;
    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Both ends of a connection.
    async fn pair() -> (TcpStream, WatchedSocket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = Guarded::new(Wire::Plain(listener.accept().await.unwrap().0));
        (client, WatchedSocket::new(server, Arc::new(Activity::new())))
    }

    #[tokio::test]
    async fn a_reply_goes_out_a_round_later_and_what_follows_at_once() {
        let (mut client, mut socket) = pair().await;
        client.write_all(b"asked").await.unwrap();
        socket.read_exact(&mut [0; 5]).await.unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let pieces = [IoSlice::new(b"head, "), IoSlice::new(b"body")];
        let mut write = |pieces: &[IoSlice<'_>]| Pin::new(&mut socket).poll_write_vectored(&mut cx, pieces);
        assert!(write(&pieces).is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "the next round comes by itself");
        assert!(matches!(write(&pieces), Poll::Ready(Ok(10))), "all of it goes out");
        assert!(matches!(write(&[IoSlice::new(b", more")]), Poll::Ready(Ok(6))), "nobody asked anew");
        let mut answer = [0; 16];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"head, body, more");
    }

    #[tokio::test]
    async fn large_pieces_are_not_copied() {
        let (mut client, mut socket) = pair().await;
        let large = vec![7; SMALL];
        let pieces = [IoSlice::new(b"head"), IoSlice::new(&large)];
        let written = std::future::poll_fn(|cx| Pin::new(&mut socket).poll_write_vectored(cx, &pieces)).await.unwrap();
        assert_eq!(written, 4 + SMALL);
        let mut answer = vec![0; 4 + SMALL];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!((&answer[..4], &answer[4..]), (&b"head"[..], &large[..]));
    }
}

//! Connections: accepted, counted, watched and ended in one way, whatever is served on them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod activity;
mod answer;
mod connection;
mod received;
mod socket;
mod streams;

pub(crate) use answer::Answer;
pub(crate) use received::Received;

use activity::Activity;
use streams::StreamExecutor;

/// What is enforced on connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    pub(crate) max_connections: u32,
    /// From the first byte of a request to the end of its head; and from a connection to its first byte.
    pub(crate) header_timeout: Duration,
    /// Between two requests.
    pub(crate) idle_timeout: Duration,
    /// While a reply waits for its reader.
    pub(crate) stall_timeout: Duration,
    pub(crate) max_headers: u32,
    /// Size of the head of a request, in bytes.
    pub(crate) max_head: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) max_streams: u32,
    /// How long requests may take to end once the server stops.
    pub(crate) drain: Duration,
}

/// How long to wait before the next try to accept when the host has run out of something.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Connections that may have been made before the stop without having been accepted.
const BACKLOG: u32 = 1024;

/// At most one line about the same thing in this time.
const REPORT: Duration = Duration::from_secs(10);

/// How long connections that were aborted have to notice.
const ABORT_GRACE: Duration = Duration::from_secs(2);

/// Serves connections until `shutdown` completes; then ends them as gracefully as the drain deadline allows.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    limits: ConnectionLimits,
    answer: A,
    shutdown: impl Future<Output = ()>,
) {
    let server = Server::new(limits);
    let (mut refusals, mut failures) = (Often::default(), Often::default());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream, &answer, &mut refusals),
                Err(error) => survive(&error, &mut failures).await,
            },
        }
    }
    // Connections that were made before the stop are served: closing the listener would reset them.
    for _ in 0..BACKLOG {
        let Some(Ok((stream, _))) = listener.accept().now_or_never() else {
            break;
        };
        server.take(stream, &answer, &mut refusals);
    }
    drop(listener);
    server.stop().await;
}

struct Server {
    limits: Arc<ConnectionLimits>,
    builder: Arc<auto::Builder<StreamExecutor>>,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    stop: Stop,
}

/// The two ways in which a connection is asked to end.
#[derive(Debug, Clone, Default)]
struct Stop {
    /// Finish what was begun.
    gracefully: CancellationToken,
    /// End at once.
    now: CancellationToken,
}

impl Server {
    fn new(limits: ConnectionLimits) -> Self {
        let mut builder = auto::Builder::new(StreamExecutor::new(limits.stall_timeout));
        let max_head = limits.max_head as usize;
        // The time a head may take is watched in `connection.rs`, where it can be told from idle time.
        builder.http1().header_read_timeout(None).max_headers(limits.max_headers as usize).max_buf_size(max_head);
        builder.http2().max_header_list_size(limits.max_head).max_concurrent_streams(limits.max_streams);
        Self {
            builder: Arc::new(builder),
            places: Arc::new(Semaphore::new(limits.max_connections as usize)),
            limits: Arc::new(limits),
            connections: TaskTracker::new(),
            stop: Stop::default(),
        }
    }

    fn take<A: Answer>(&self, stream: TcpStream, answer: &A, refusals: &mut Often) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            if let Some(count) = refusals.count() {
                let limit = self.limits.max_connections;
                tracing::warn!("{count} connections were refused: there are `max_connections` = {limit} already");
            }
            return;
        };
        // Answers are small and awaited; a socket that refuses the option is still a socket.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let (builder, limits, stop) = (Arc::clone(&self.builder), Arc::clone(&self.limits), self.stop.clone());
        self.connections.spawn(async move {
            connection::run(stream, answer, &builder, &limits, &stop).await;
            drop(place);
        });
    }

    async fn stop(self) {
        self.stop.gracefully.cancel();
        self.connections.close();
        if timeout(self.limits.drain, self.connections.wait()).await.is_ok() {
            return;
        }
        let (n_left, drain) = (self.connections.len(), self.limits.drain);
        tracing::warn!("{n_left} connections still had requests {drain:?} after the stop and were ended");
        self.stop.now.cancel();
        // A task that does not even notice this is stuck in a poll; waiting longer would not help.
        let _ = timeout(ABORT_GRACE, self.connections.wait()).await;
    }
}

/// Something that may happen often and should not fill the log.
#[derive(Default)]
struct Often {
    count: u64,
    reported: Option<Instant>,
}

impl Often {
    /// Counts one more. Returns how many there were since the last report if it is time for the next.
    fn count(&mut self) -> Option<u64> {
        self.count += 1;
        let now = Instant::now();
        let is_due = self.reported.is_none_or(|reported| now - reported >= REPORT);
        is_due.then(|| {
            self.reported = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}

/// Accepting fails for reasons of one connection or for want of something; neither is a reason to stop.
async fn survive(error: &io::Error, failures: &mut Often) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    if let Some(count) = failures.count() {
        tracing::error!("no connection can be accepted now ({count} tries): {error}; trying again");
    }
    // Not synchronisation: the system tells nobody when it has file descriptors again.
    sleep(ACCEPT_BACKOFF).await;
}

/// Whether `address` can only be reached from this machine.
pub(crate) fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_often_is_told_now_and_then() {
        let mut often = Often::default();
        assert_eq!([often.count(), often.count(), often.count()], [Some(1), None, None]);
        tokio::time::advance(REPORT).await;
        assert_eq!([often.count(), often.count()], [Some(3), None]);
    }

    #[test]
    fn loopback_addresses_are_local() {
        for (address, local) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap()), local, "{address}");
        }
    }
}

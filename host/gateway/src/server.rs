//! Connections: accepted, counted, watched and ended in one way, whatever is served on them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod activity;
mod addresses;
mod answer;
mod connection;
mod counts;
mod defer;
mod frames;
mod guard;
mod handshake;
mod head;
mod limits;
mod pause;
mod received;
mod refusals;
mod socket;
mod streams;
mod wire;

pub(crate) use addresses::{AddressLimits, Client};
pub(crate) use answer::{Answer, Peer};
pub(crate) use counts::{ConnectionCounts, collect};
pub(crate) use head::HeadTooLarge;
pub(crate) use limits::ConnectionLimits;
pub(crate) use received::Received;

use activity::Activity;
use addresses::Addresses;
use refusals::{Often, Refusals};
use streams::StreamExecutor;
use wire::Wire;

use crate::tls::{Acceptor, Tls};

/// How long to wait before the next try to accept when the host has run out of something.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Connections that may have been made before the stop without having been accepted.
const BACKLOG: u32 = 1024;

/// How long connections that were aborted have to notice.
const ABORT_GRACE: Duration = Duration::from_secs(2);

/// Serves connections, under TLS if there is any, until `shutdown` completes; then ends them as gracefully as the drain deadline allows.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    tls: Option<&Tls>,
    limits: watch::Receiver<ConnectionLimits>,
    counts: Arc<ConnectionCounts>,
    answer: A,
    shutdown: impl Future<Output = ()>,
) {
    let mut server = Server::new(limits, tls, counts);
    let (mut refusals, mut failures) = (Refusals::default(), Often::default());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => server.take(stream, address, &answer, &mut refusals),
                Err(error) => survive(&error, &mut failures).await,
            },
        }
    }
    // Connections that were made before the stop are served: closing the listener would reset them.
    for _ in 0..BACKLOG {
        let Some(Ok((stream, address))) = listener.accept().now_or_never() else {
            break;
        };
        server.take(stream, address, &answer, &mut refusals);
    }
    drop(listener);
    server.stop().await;
}

struct Server {
    /// What holds for new connections, and whoever changes it.
    terms: Arc<Terms>,
    limits: watch::Receiver<ConnectionLimits>,
    tls: Option<Acceptor>,
    addresses: Arc<Addresses>,
    connections: TaskTracker,
    counts: Arc<ConnectionCounts>,
    stop: Stop,
}

/// The two ways in which a connection is asked to end.
#[derive(Debug, Clone, Default)]
struct Stop {
    /// Set before either comes.
    begun: Arc<AtomicBool>,
    /// Finish what was begun.
    gracefully: CancellationToken,
    /// End at once.
    now: CancellationToken,
}

/// What a connection is served by, from its beginning to its end.
struct Terms {
    limits: ConnectionLimits,
    builder: auto::Builder<StreamExecutor>,
}

impl Terms {
    fn new(limits: ConnectionLimits) -> Arc<Self> {
        let mut builder = auto::Builder::new(StreamExecutor::new(limits.stall_timeout));
        limits::configure(&mut builder, &limits);
        Arc::new(Self { limits, builder })
    }
}

impl Server {
    fn new(mut limits: watch::Receiver<ConnectionLimits>, tls: Option<&Tls>, counts: Arc<ConnectionCounts>) -> Self {
        let terms = Terms::new(limits.borrow_and_update().clone());
        Self {
            tls: tls.map(|tls| tls.acceptor().clone()),
            addresses: Addresses::new(terms.limits.per_address),
            terms,
            limits,
            connections: TaskTracker::new(),
            counts,
            stop: Stop::default(),
        }
    }

    /// Goes by other limits from now on, if there are any.
    fn renew(&mut self) {
        // The other end may be gone; then nothing changes any more.
        if self.limits.has_changed().unwrap_or(false) {
            self.terms = Terms::new(self.limits.borrow_and_update().clone());
            self.addresses.limit(self.terms.limits.per_address);
        }
    }

    fn take<A: Answer>(&mut self, stream: TcpStream, address: SocketAddr, answer: &A, refusals: &mut Refusals) {
        self.renew();
        let limits = &self.terms.limits;
        // Connections are only made here, one after the other.
        if self.connections.len() >= limits.max_connections as usize {
            self.counts.full();
            if let Some(count) = refusals.full.count() {
                let limit = limits.max_connections;
                tracing::warn!("{count} connections were refused: there are `max_connections` = {limit} already");
            }
            return;
        }
        let of_address = match self.addresses.enter(address.ip(), Instant::now()) {
            Ok(place) => place,
            Err(too_much) => {
                self.counts.too_much(too_much);
                return refusals.tell(too_much, address, &limits.per_address);
            }
        };
        // Answers are small and awaited; a socket that refuses the option is still a socket.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let (terms, stop) = (Arc::clone(&self.terms), self.stop.clone());
        let (tls, open) = (self.tls.clone(), self.counts.accepted());
        self.connections.spawn(async move {
            let begun = match tls {
                None => Some((Wire::Plain(stream), None)),
                Some(tls) => handshake::begin(stream, &tls.get(), &terms.limits, &stop).await,
            };
            if let Some((wire, user)) = begun {
                let peer = Peer { address: address.ip().to_canonical(), user };
                connection::run(wire, (answer, peer), &terms.builder, &terms.limits, &stop).await;
            }
            drop((of_address, open));
        });
    }

    async fn stop(mut self) {
        self.renew();
        let drain = self.terms.limits.drain;
        self.stop.begun.store(true, Ordering::Release);
        self.stop.gracefully.cancel();
        self.connections.close();
        if timeout(drain, self.connections.wait()).await.is_ok() {
            return;
        }
        let n_left = self.connections.len();
        tracing::warn!("{n_left} connections still had requests {drain:?} after the stop and were ended");
        self.stop.now.cancel();
        // A task that does not even notice this is stuck in a poll; waiting longer would not help.
        let _ = timeout(ABORT_GRACE, self.connections.wait()).await;
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

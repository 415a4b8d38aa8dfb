//! The connections of one revision: those that wait for a request are used again, newest first.
//!
//! Connections that wait hold places like all others, so they give way to new ones. That is what the ready-made pools
//! of HTTP clients cannot do: they bound what waits for each host, and not what there is.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use patchbay_model::{Body, OutboundError};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::connect::connect;
use super::lent::Lent;
use super::places::{Place, Places};
use super::policy::{Origin, Policy};
use super::tls::Tls;

/// How long a connection waits for its next request. Shorter than what servers commonly allow.
const IDLE: Duration = Duration::from_secs(30);
/// How often those that waited for too long are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);
/// Size of the head of a reply, and of what is read ahead of its reader, in bytes.
const HEAD: usize = 64 << 10;
const READ_AHEAD: usize = 128 << 10;

/// The connections of one revision.
pub(super) struct Pool {
    pub(super) policy: Policy,
    tls: Arc<Tls>,
    places: Arc<Places>,
    /// Connections that the service may have.
    limit: u32,
    /// The newest last.
    idle: Mutex<Vec<Idle>>,
    /// Whether someone looks for those that waited for too long.
    swept: AtomicBool,
}

struct Idle {
    origin: Origin,
    connection: Connection,
    since: Instant,
}

/// An open connection. Ended when dropped.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // What is still to be written to one who does not read would keep it for ever.
        self.driver.abort();
    }
}

impl Pool {
    pub(super) fn new(policy: Policy, tls: Arc<Tls>, places: Arc<Places>, limit: u32) -> Arc<Self> {
        let (idle, swept) = (Mutex::default(), AtomicBool::new(false));
        let pool = Arc::new(Self { policy, tls, places, limit, idle, swept });
        pool.places.add(Arc::downgrade(&pool));
        pool
    }

    /// A connection to `origin` before `until`: one that waits, unless a `fresh` one is wanted, or a new one.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn lend(
        self: &Arc<Self>,
        origin: &Origin,
        fresh: bool,
        until: Instant,
    ) -> Result<Lent, OutboundError> {
        let patience = until.min(Instant::now() + PATIENCE);
        let place = loop {
            let mut changed = pin!(self.places.changed());
            changed.as_mut().enable();
            if !fresh && let Some(connection) = self.take(origin) {
                return Ok(Lent::new(connection, true, origin, self));
            }
            match self.places.take(self.limit) {
                Some(place) => break place,
                None => self.places.clear(self, (!fresh).then_some(origin)),
            }
            timeout_at(patience, changed).await.map_err(|_| OutboundError::ConnectionLimit)?;
        };
        let connection = self.open(origin, place, until).await?;
        Ok(Lent::new(connection, false, origin, self))
    }

    async fn open(&self, origin: &Origin, place: Place, until: Instant) -> Result<Connection, OutboundError> {
        let stream = connect(origin, &self.policy, &self.tls, until).await?;
        let shaken =
            http1::Builder::new().max_header_size(HEAD).max_buf_size(READ_AHEAD).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|error| OutboundError::Protocol(error.to_string()))?;
        let driver = tokio::spawn(async move {
            let _place = place;
            // Whoever waits for a reply is told by its own means.
            let _ = driver.await;
        });
        Ok(Connection { sender, driver: driver.abort_handle() })
    }

    /// The newest of the connections to `origin` that wait. Those that the other side ended are let go.
    fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.lock();
        let ended: Vec<_> = idle.extract_if(.., |idle| idle.connection.sender.is_closed()).collect();
        let found = idle.iter().rposition(|idle| idle.origin == *origin && idle.connection.sender.is_ready());
        let found = found.map(|index| idle.remove(index).connection);
        // What is dropped tells others, without the lock.
        drop(idle);
        drop(ended);
        found
    }

    /// Keeps a connection that can take another request.
    pub(super) fn put(self: &Arc<Self>, origin: Origin, connection: Connection) {
        self.lock().push(Idle { origin, connection, since: Instant::now() });
        self.places.tell();
        if !self.swept.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Ends the connection that has waited for longest, of those that do not lead to `wanted`. `false` if none waits.
    pub(super) fn discard(&self, wanted: Option<&Origin>) -> bool {
        let mut idle = self.lock();
        let oldest = idle.iter().position(|idle| Some(&idle.origin) != wanted);
        let oldest = oldest.map(|index| idle.remove(index));
        drop(idle);
        oldest.is_some()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends connections that waited for too long, for as long as there is the pool.
async fn sweep(pool: Weak<Pool>) {
    let mut interval = tokio::time::interval(SWEEP);
    loop {
        interval.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        let old: Vec<_> = pool.lock().extract_if(.., |idle| now - idle.since >= IDLE).collect();
        drop(old);
    }
}

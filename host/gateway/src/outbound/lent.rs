//! A connection while it serves one request, and the body of the reply that comes over it.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use patchbay_model::{Body, BodyError};
use tokio::time::timeout;

use super::policy::Origin;
use super::pool::{Connection, Pool};

/// How long a connection may take to be ready again once the reply was read: the rest of the request has to be sent.
const RENEWAL: Duration = Duration::from_secs(1);

/// A connection that serves a request. Dropped before the reply was read to its end, the connection is ended too.
pub(super) struct Lent {
    pub(super) connection: Connection,
    /// Whether it served another request before.
    pub(super) reused: bool,
    origin: Origin,
    pool: Weak<Pool>,
}

impl Lent {
    pub(super) fn new(connection: Connection, reused: bool, origin: &Origin, pool: &Arc<Pool>) -> Self {
        Self { connection, reused, origin: origin.clone(), pool: Arc::downgrade(pool) }
    }

    /// The reply was read: the connection may serve another request.
    fn give_back(self) {
        let Self { mut connection, origin, pool, .. } = self;
        tokio::spawn(async move {
            let ready = timeout(RENEWAL, connection.sender.ready()).await;
            if let (Ok(Ok(())), Some(pool)) = (ready, pool.upgrade()) {
                pool.put(origin, connection);
            }
        });
    }
}

/// Makes the body of a reply, which holds the connection until it ends.
pub(super) fn reply_body(incoming: Incoming, lent: Lent) -> Body {
    let mut body = Received { incoming, lent: Some(lent) };
    body.settle();
    Body::new(body)
}

struct Received {
    incoming: Incoming,
    lent: Option<Lent>,
}

impl Received {
    /// Gives the connection back if nothing more comes over it.
    fn settle(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lent) = self.lent.take()
        {
            lent.give_back();
        }
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let next = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match next {
            Some(Ok(_)) => self.settle(),
            Some(Err(_)) => self.lent = None,
            None => {
                if let Some(lent) = self.lent.take() {
                    lent.give_back();
                }
            }
        }
        Poll::Ready(next.map(|frame| frame.map_err(|error| BodyError::Aborted(error.to_string()))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

//! The way out of one revision.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use http::{Method, Request, Uri};
use http_body::Body as _;
use patchbay_control::Control;
use patchbay_model::ports::{BoxFuture, Outlet};
use patchbay_model::{Body, BodyError, OutboundError, OutboundRequest, Reply, RevisionId, empty_body};
use tokio::time::{Instant, timeout_at};

use super::internal;
use super::lent::reply_body;
use super::policy::Origin;
use super::pool::Pool;
use super::span::Outgoing;

/// How long a connection may take where the guest does not say so.
const CONNECT: Duration = Duration::from_secs(10);
/// Refusals of one revision that the operator is told of. A guest that asks in a loop must not fill the log.
const TOLD: u32 = 20;

/// Sends the requests of one revision.
pub(super) struct Way(Arc<Shared>);

struct Shared {
    revision: RevisionId,
    pool: Arc<Pool>,
    control: Arc<OnceLock<Weak<Control>>>,
    refused: AtomicU32,
}

impl Way {
    pub(super) fn new(revision: RevisionId, pool: Arc<Pool>, control: Arc<OnceLock<Weak<Control>>>) -> Self {
        Self(Arc::new(Shared { revision, pool, control, refused: AtomicU32::new(0) }))
    }
}

impl Outlet for Way {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> {
        let shared = self.0.clone();
        Box::pin(async move { shared.send(request).await })
    }
}

impl Shared {
    async fn send(&self, mut outbound: OutboundRequest) -> Result<Reply, OutboundError> {
        let course = outbound.course.clone();
        // A tunnel would lead past everything that is checked here.
        if outbound.request.method() == Method::CONNECT {
            return Err(OutboundError::InvalidMethod);
        }
        let origin = Origin::of(outbound.request.uri())?;
        // What hyper or the engine keep here is not for others.
        outbound.request.extensions_mut().clear();
        let control = self.control.get().and_then(Weak::upgrade);
        let outcome = match internal::service_of(&origin) {
            // The call of the other service has a span, and its caller needs no other one.
            Some(name) => {
                internal::call(control, name, &self.revision.service, course, outbound.request, &origin).await
            }
            None => {
                let span = Outgoing::begin(control, &self.revision, &origin, &mut outbound);
                let outcome = self.exchange_if_allowed(&origin, outbound).await;
                span.end(&outcome);
                outcome
            }
        };
        if let Err(error) = &outcome {
            self.tell(&origin, error);
        }
        outcome
    }

    async fn exchange_if_allowed(&self, origin: &Origin, outbound: OutboundRequest) -> Result<Reply, OutboundError> {
        if !self.pool.policy.permits(origin) {
            return Err(OutboundError::Denied);
        }
        self.exchange(origin, outbound).await
    }

    async fn exchange(&self, origin: &Origin, outbound: OutboundRequest) -> Result<Reply, OutboundError> {
        let deadline = Instant::from_std(outbound.course.deadline);
        let after = |pause: Option<Duration>| pause.and_then(|pause| Instant::now().checked_add(pause));
        let connected = after(outbound.connect_timeout.or(Some(CONNECT))).map_or(deadline, |until| until.min(deadline));
        let mut request = in_origin_form(outbound.request);
        let mut fresh = false;
        loop {
            let mut lent = self.pool.lend(origin, fresh, connected).await?;
            let first_byte = after(outbound.first_byte_timeout).map_or(deadline, |until| until.min(deadline));
            let spare = if lent.reused { repeatable(&request) } else { None };
            let sent = timeout_at(first_byte, lent.connection.sender.try_send_request(request)).await;
            let late = if first_byte < deadline { OutboundError::FirstByteTimeout } else { OutboundError::Deadline };
            match sent.map_err(|_| late)? {
                Ok(reply) if reply.status().is_informational() => {
                    return Err(OutboundError::Protocol(format!("the status {} is no final one", reply.status())));
                }
                Ok(reply) => return Ok(reply.map(|incoming| reply_body(incoming, lent)).into()),
                // The other side ended the connection while it waited: before the request was sent, or just then.
                Err(mut failed) => match failed.take_message().or(spare) {
                    Some(again) if lent.reused => (request, fresh) = (again, true),
                    _ => return Err(failure(&failed.into_error())),
                },
            }
        }
    }

    /// Tells the operator of what was refused, and what would allow it.
    fn tell(&self, origin: &Origin, error: &OutboundError) {
        let advice = match error {
            OutboundError::Denied if internal::service_of(origin).is_some() => {
                "to allow it, name the service in `callers` of the other one"
            }
            OutboundError::Denied => "to allow it, add the host and port to `outbound` of the service",
            OutboundError::ProhibitedAddress => {
                "its name leads to addresses that are not public; to allow it, add the address and port to `outbound` too"
            }
            _ => {
                tracing::debug!(revision = %self.revision, %origin, %error, "a request to others failed");
                return;
            }
        };
        let refused = self.refused.fetch_add(1, Ordering::Relaxed);
        if refused < TOLD {
            tracing::warn!(revision = %self.revision, %origin, "a request to others was refused; {advice}");
        }
        if refused == TOLD {
            tracing::warn!(revision = %self.revision, "further refusals of this revision are not logged");
        }
    }
}

/// The request as it goes to a server that is no proxy (RFC 9112, 3.2.1); `Host` has the rest of its address.
fn in_origin_form(request: Request<Body>) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    head.uri = head.uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    Request::from_parts(head, body)
}

/// A copy of a request that does no harm if it is sent twice (RFC 9110, 9.2.2).
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let method = request.method();
    let harmless = method.is_idempotent() && request.body().is_end_stream();
    harmless.then(|| {
        let mut copy = Request::new(empty_body());
        copy.method_mut().clone_from(method);
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        copy
    })
}

fn failure(error: &hyper::Error) -> OutboundError {
    if let Some(body) = error.source().and_then(|source| source.downcast_ref::<BodyError>()) {
        return match body {
            BodyError::TooLarge { limit } => OutboundError::TooLarge { limit: *limit },
            body => OutboundError::Body(body.to_string()),
        };
    }
    if error.is_parse_too_large() {
        OutboundError::HeadTooLarge
    } else if error.is_parse() {
        OutboundError::Protocol(error.to_string())
    } else {
        OutboundError::Terminated
    }
}

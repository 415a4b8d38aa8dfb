//! The access log: one record of each request from outside, when its answer is out, on the routes that have it.
//!
//! A request that is not logged costs a look at two flags. The record itself is an event of the target `access`; writing it
//! waits for nobody.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::{Body as _, Frame, SizeHint};
use patchbay_control::{Begun, Routing};
use patchbay_model::trace::{SpanId, TraceId};
use patchbay_model::{Answering, Body, BodyError, CallId, FaultKind, Principal};
use tokio::time::Instant;

use crate::problem::Faulted;
use crate::server::Peer;

/// What a cache of the host did (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Bytes of a text that a client chose, at most. What is beyond is cut.
const LONGEST: usize = 1024;

/// Which requests are logged. Can change while the gateway serves.
#[derive(Debug, Default)]
pub(super) struct AccessLog {
    /// Whether those are on routes that say nothing of it, and on none.
    always: AtomicBool,
    /// Whether the records have the query.
    query: AtomicBool,
}

impl AccessLog {
    /// Has these hold from now on.
    pub(super) fn set(&self, always: bool, query: bool) {
        self.always.store(always, Ordering::Relaxed);
        self.query.store(query, Ordering::Relaxed);
    }

    /// A request came, and is logged unless its route says otherwise.
    pub(super) fn begin(&self, begun: &Begun, peer: &Peer, request: &Request<Body>) -> Option<Arc<Noted>> {
        let always = self.always.load(Ordering::Relaxed);
        always.then(|| self.note(begun, peer, Asked::of(request)))
    }

    /// It came in by a route, which may say something of it.
    pub(super) fn at(
        &self,
        route: &Routing,
        begun: &Begun,
        peer: &Peer,
        request: &mut Request<Body>,
    ) -> Option<Arc<Noted>> {
        // A service may hold the request for longer than its answer takes, which must not hold up the record.
        let noted: Option<Arc<Noted>> = request.extensions_mut().remove();
        let noted = match (route.policy().settings.access_log, noted) {
            (Some(false), noted) => {
                noted.iter().for_each(|noted| noted.lock().forgotten = true);
                return None;
            }
            (Some(true), None) => self.note(begun, peer, Asked::of(request)),
            (_, noted) => noted?,
        };
        let mut note = noted.lock();
        note.route = Some(route.policy().route.to_string());
        note.service = route.service().map(ToString::to_string);
        drop(note);
        Some(noted)
    }

    fn note(&self, begun: &Begun, peer: &Peer, asked: Asked) -> Arc<Noted> {
        Arc::new(Noted {
            id: begun.id,
            trace: begun.span.context.trace,
            span: begun.span.context.span,
            address: peer.address,
            asked,
            query: self.query.load(Ordering::Relaxed),
            begun: Instant::now(),
            received: Arc::default(),
            sent: AtomicU64::new(0),
            answering: Answering::default(),
            note: Mutex::default(),
        })
    }
}

/// What a request says of itself. Cheap to take: it shares what it came in.
#[derive(Debug)]
struct Asked {
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl Asked {
    fn of(request: &Request<Body>) -> Self {
        let header = |name| request.headers().get(name).cloned();
        let (method, uri, version) = (request.method().clone(), request.uri().clone(), request.version());
        Self { method, uri, version, host: header(HOST), agent: header(USER_AGENT) }
    }
}

/// What comes to be known of it.
#[derive(Debug, Default)]
struct Note {
    forgotten: bool,
    route: Option<String>,
    service: Option<String>,
    caller: Option<Principal>,
    status: Option<u16>,
    fault: Option<FaultKind>,
    cache: Option<HeaderValue>,
    /// Whether the answer was broken off.
    broken: bool,
}

/// A request that is logged when the last one who has to do with its answer drops this.
#[derive(Debug)]
pub(super) struct Noted {
    id: CallId,
    trace: TraceId,
    span: SpanId,
    address: IpAddr,
    asked: Asked,
    /// Whether the query is told.
    query: bool,
    begun: Instant,
    received: Arc<AtomicU64>,
    sent: AtomicU64,
    answering: Answering,
    note: Mutex<Note>,
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it comes from.
    pub(super) fn comes_from(&self, caller: &Principal) {
        self.lock().caller = Some(caller.clone());
    }

    /// Has it counted what comes of the request, and noted which revision takes it.
    pub(super) fn watch(&self, request: &mut Request<Body>) {
        request.extensions_mut().insert(self.answering.clone());
        if !request.body().is_end_stream() {
            let body = std::mem::take(request.body_mut());
            *request.body_mut() = Body::new(Counted { body, received: Arc::clone(&self.received) });
        }
    }

    /// It is answered with this.
    pub(super) fn answered<B>(&self, reply: &Response<B>) {
        let mut note = self.lock();
        note.status = Some(reply.status().as_u16());
        note.fault = reply.extensions().get::<Faulted>().map(|faulted| faulted.kind);
        note.cache = cache_status(reply).cloned();
    }

    /// So many bytes of the answer's body are out.
    pub(super) fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The answer was broken off.
    pub(super) fn broke(&self) {
        self.lock().broken = true;
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let note = std::mem::take(self.note.get_mut().unwrap_or_else(PoisonError::into_inner));
        if note.forgotten {
            return;
        }
        let Self { id, trace, span, address, asked: Asked { method, uri, version, host, agent }, .. } = self;
        let path = cut(uri.path());
        // Nobody waited for the answer where there is none.
        let fault = match (note.fault, note.status) {
            (Some(fault), _) => Some(fault.name()),
            (None, None) => Some(FaultKind::Cancelled.name()),
            (None, Some(_)) => note.broken.then_some("broken"),
        };
        let answering = self.answering.revision();
        let number = answering.as_ref().map(|revision| revision.number.get());
        // Another service may stand in for the one that the route leads to.
        let answerer = answering.map(|revision| revision.service.to_string());
        let instead = answerer.filter(|name| note.service.as_ref().is_some_and(|service| service != name));
        let caller = note.caller.as_ref().map(tracing::field::display);
        let user = note.caller.as_ref().and_then(Principal::user).map(|user| user.subject.as_str());
        let status = note.status.map(|status| status.to_string());
        tracing::info!(
            target: "access",
            call = %id,
            %trace,
            %span,
            service = note.service,
            revision = number,
            method = method.as_str(),
            path,
            query = uri.query().filter(|_| self.query).map(cut),
            host = text(host.as_ref()).map(without_port),
            version = version_of(*version),
            route = note.route,
            status = note.status,
            duration = self.begun.elapsed().as_secs_f64(),
            bytes_in = self.received.load(Ordering::Relaxed),
            bytes_out = self.sent.load(Ordering::Relaxed),
            caller,
            user,
            %address,
            agent = text(agent.as_ref()),
            cache = text(note.cache.as_ref()),
            answered_by = instead,
            fault,
            "{method} {path} {}",
            status.as_deref().unwrap_or("-"),
        );
    }
}

/// What the cache of the host did, if one had to do with the answer: those before it have said theirs.
pub(super) fn cache_status<B>(reply: &Response<B>) -> Option<&HeaderValue> {
    reply.headers().get_all(CACHE_STATUS).iter().next_back()
}

/// What a header says, if that is text.
fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok()).map(cut)
}

/// A host without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // Colons within brackets are those of an IPv6 address.
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A text, or its beginning where it is long.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// The version of HTTP, as the Elastic Common Schema and the conventions of OpenTelemetry write it.
const fn version_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The body of a request, of which is counted what comes.
struct Counted {
    body: Body,
    received: Arc<AtomicU64>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.received.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

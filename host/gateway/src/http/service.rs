//! What happens to a request: find its service, take it through the channel, and send the reply back.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{ALLOW, CONTENT_LENGTH};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use patchbay_control::{Begun, Control, MIRROR_HEADER};
use patchbay_model::{Body, BodyError, CallId, Fault, FaultKind, Reply, empty_body};
use tokio::time::Instant;

use super::access::{AccessLog, Noted};
use super::entry::Entry;
use super::headers::{check_coding, strip_reply, strip_request};
use super::host_span::HostSpan;
use super::measured::HttpMeasured;
use super::reply_body::{Answered, ReplyBody, Watch, discard};
use super::target::{Target, normalize};
use crate::dashboard::strip_sessions;
use crate::problem::{Faulted, reply_to};
use crate::server::{Answer, HeadTooLarge, Peer, Received};

/// Names the call, in the request that a service gets and in every reply. What a client sends in it is replaced.
pub const CALL_HEADER: HeaderName = HeaderName::from_static("patchbay-call");

/// Names the service that calls, in the request that another service gets. What a client or a service sends in it is
/// replaced, or taken out.
pub const CALLER_HEADER: HeaderName = HeaderName::from_static("patchbay-caller");

/// Names the call in whose course a service calls another, where that is known.
pub const PARENT_HEADER: HeaderName = HeaderName::from_static("patchbay-parent");

/// What the names of all headers of the host begin with.
const OURS: &str = "patchbay-";

/// The methods of a server that does not care (RFC 9110, 9.3, without CONNECT and TRACE; PATCH is of RFC 5789).
const ALL_METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// Answers requests.
#[derive(Clone)]
pub(super) struct Answers(Arc<Shared>);

struct Shared {
    control: Arc<Control>,
    entry: Entry,
    local: HeaderValue,
    scheme: Option<Scheme>,
    measured: Arc<HttpMeasured>,
    access: Arc<AccessLog>,
}

/// What has to be known of a request when its reply is there.
pub(crate) struct Asked {
    id: CallId,
    method: Method,
    /// What the access log says of it, if it is logged.
    noted: Option<Arc<Noted>>,
}

/// The body of a call, made of what comes from the socket.
fn body_of(received: Received) -> Body {
    if received.is_end_stream() {
        return empty_body();
    }
    Body::new(received.map_err(|error| BodyError::Aborted(error.to_string())))
}

impl Answers {
    /// `address` is where the gateway listens, and `tls` whether it does so under TLS.
    pub(super) fn new(
        control: Arc<Control>,
        address: SocketAddr,
        tls: bool,
        measured: Arc<HttpMeasured>,
        access: Arc<AccessLog>,
    ) -> Self {
        let local = HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("localhost"));
        let scheme = tls.then_some(Scheme::HTTPS);
        let entry = Entry::new(Arc::clone(&control), Arc::clone(&access));
        Self(Arc::new(Shared { control, entry, local, scheme, measured, access }))
    }
}

impl Answer for Answers {
    type Body = ReplyBody;
    type Reply = Answered;

    // A block and no `async fn`, which would copy the request once more.
    fn answer(
        self: Arc<Self>,
        peer: Peer,
        request: Request<Received>,
    ) -> impl Future<Output = Answered> + Send + 'static {
        let arrived = Instant::now();
        let request = Box::new(request.map(body_of));
        let begun = self.0.control.begin(&request, self.0.scheme.is_some());
        async move { self.0.answer(&peer, request, begun, arrived).await }
    }
}

impl Shared {
    async fn answer(&self, peer: &Peer, mut request: Box<Request<Body>>, begun: Begun, arrived: Instant) -> Answered {
        let mut measuring = self.measured.begin(request.method(), arrived);
        let mut span = HostSpan::begin(&self.control, begun, arrived);
        let noted = self.access.begin(span.begun(), peer, &request);
        let asked = Asked { noted: noted.clone(), ..Asked::new(span.id(), request.method().clone()) };
        let outcome = match self.accept(&span, &mut request, noted) {
            None => self.entry.take(&mut span, peer, request, &mut measuring).await,
            Some(reply) => Err(reply),
        };
        let answered = asked.answer(outcome);
        measuring.answered(&answered.reply);
        span.answered(&answered.reply);
        answered
    }

    /// Brings a request into the form in which services get it. What comes back is the reply to one that is for none: why it has
    /// no such form, or the answer of the host itself.
    fn accept(&self, span: &HostSpan<'_>, request: &mut Request<Body>, noted: Option<Arc<Noted>>) -> Option<Reply> {
        let id = span.id();
        if let Some(too_large) = request.extensions().get::<HeadTooLarge>() {
            let mut reply = too_large.problem().of_call(id).into_reply();
            reply.extensions_mut().insert(Faulted { kind: FaultKind::TooLarge, unprocessed: true });
            return Some(reply);
        }
        match normalize(request, &self.local, self.scheme.as_ref()) {
            Ok(Target::Path) => {}
            Ok(Target::Server) => return Some(server_options()),
            Err(fault) => {
                let mut reply = reply_to(&fault, id);
                if fault.kind() == FaultKind::MethodNotAllowed {
                    reply.headers_mut().insert(ALLOW, ALL_METHODS);
                }
                return Some(reply);
            }
        }
        let headers = request.headers_mut();
        if let Err(fault) = check_coding(headers) {
            return Some(reply_to(&fault, id));
        }
        strip_request(headers);
        // A browser sends the cookie of an operator's session to every port of the machine.
        strip_sessions(headers);
        // What only the host may say: nobody outside can pass for a service.
        if headers.keys().any(|name| name.as_str().starts_with(OURS)) {
            for header in [CALLER_HEADER, PARENT_HEADER, MIRROR_HEADER] {
                headers.remove(header);
            }
        }
        headers.insert(CALL_HEADER, call_value(id));
        span.begun().span.context.write(headers);
        // The engine has no use for what hyper keeps here, such as the handle of an upgrade that will not be.
        request.extensions_mut().clear();
        if let Some(noted) = noted {
            request.extensions_mut().insert(noted);
        }
        None
    }
}

/// The answer to `OPTIONS *`: the server lives (RFC 9110, 9.3.7).
fn server_options() -> Reply {
    let mut reply = Reply::new(empty_body());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.headers_mut().insert(ALLOW, ALL_METHODS);
    reply
}

/// The methods in the form of the `Allow` header.
pub(super) fn allow(methods: &[Method]) -> HeaderValue {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).unwrap_or(ALL_METHODS)
}

/// A call as headers name it.
pub(crate) fn call_value(id: CallId) -> HeaderValue {
    // Hexadecimal digits are a header value.
    HeaderValue::from_bytes(&id.digits()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Holds a service's reply against what can be sent, so that a client gets either what was meant or a problem.
fn checked(mut reply: Reply, method: &Method) -> Result<Reply, Fault> {
    let failed = |details: String| {
        Fault::new(FaultKind::Failed, "the service gave an answer that is not valid HTTP").with_details(details)
    };
    if reply.status().is_informational() {
        return Err(failed(format!("the status {} is no final one", reply.status().as_u16())));
    }
    strip_reply(reply.headers_mut());
    let announced = announced_length(&reply).map_err(failed)?;
    let has_body = *method != Method::HEAD && !is_bodiless(reply.status());
    if let (true, Some(announced), Some(actual)) = (has_body, announced, reply.body().size_hint().exact())
        && announced != actual
    {
        return Err(failed(format!("content-length is {announced}, and the body has {actual} bytes")));
    }
    Ok(reply)
}

/// The content length that the service gave; an error if it gave several or none that is a number.
fn announced_length(reply: &Reply) -> Result<Option<u64>, String> {
    let mut lengths = reply.headers().get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err("there are several content-lengths".to_owned()),
        (Some(length), None) => {
            let digits = length.to_str().ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()));
            digits.and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| format!("content-length is {length:?}"))
        }
    }
}

/// Whether replies of this status never have a body (RFC 9110, 6.4.1).
fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl Asked {
    pub(crate) const fn new(id: CallId, method: Method) -> Self {
        Self { id, method, noted: None }
    }

    /// Makes of the reply of a service, or of what the host answers in its place, what the caller gets.
    pub(crate) fn answer(mut self, mut outcome: Result<Reply, Reply>) -> Answered {
        let id = self.id;
        let (Ok(told) | Err(told)) = &mut outcome;
        // A route may have it logged although others do not.
        self.noted = told.extensions_mut().remove().or(self.noted);
        let reply = match outcome {
            Ok(reply) => checked(reply, &self.method).unwrap_or_else(|fault| {
                tracing::warn!(call = %id, details = fault.details(), "{}", fault.public());
                reply_to(&fault, id)
            }),
            Err(reply) => reply,
        };
        self.finish(reply)
    }

    /// Makes of a reply what goes onto the connection.
    fn finish(self, mut reply: Reply) -> Answered {
        let status = reply.status();
        let bodiless = self.method == Method::HEAD || is_bodiless(status);
        let mut owed = None;
        if bodiless {
            let body = std::mem::take(reply.body_mut());
            if self.method == Method::HEAD && !body.is_end_stream() && !is_bodiless(status) {
                announce(reply.headers_mut(), &body);
            }
            if status == StatusCode::NO_CONTENT {
                reply.headers_mut().remove(CONTENT_LENGTH);
            }
            discard(body);
        } else if reply.body().size_hint().exact().is_none() {
            let length = reply.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            owed = length.and_then(|length| length.parse().ok());
        }
        reply.headers_mut().insert(CALL_HEADER, call_value(self.id));
        if let Some(noted) = &self.noted {
            noted.answered(&reply);
        }
        Answered { reply, watch: Watch { id: self.id, owed, noted: self.noted } }
    }
}

/// Tells in the head of a reply to HEAD how long the body would be, where that is known.
fn announce(headers: &mut http::HeaderMap, body: &Body) {
    if let (false, Some(length)) = (headers.contains_key(CONTENT_LENGTH), body.size_hint().exact()) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

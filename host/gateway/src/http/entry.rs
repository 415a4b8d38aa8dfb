//! The way in: which route a request comes in by, who it comes from, whether they are let in, and what the edge of the route does
//! before and after the service.

use std::future::Future;
use std::sync::Arc;

use futures_util::TryFutureExt;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use patchbay_control::{Admitted, Control, NoRoute, Routing};
use patchbay_model::policy::RateVerdicts;
use patchbay_model::{Body, CallId, Fault, Principal, Reply, full_body};
use tokio::time::Instant;

use super::access::{AccessLog, Noted};
use super::edges::Edges;
use super::host_span::HostSpan;
use super::identify::{KEY_SET_PATH, challenge, identify};
use super::measured::Measuring;
use super::rate_limit;
use super::service::allow;
use crate::edge::{Edge, EdgeCaller, preflight_method};
use crate::problem::reply_to;
use crate::server::Peer;

/// Lets requests in.
pub(super) struct Entry {
    control: Arc<Control>,
    edges: Edges,
    access: Arc<AccessLog>,
}

impl Entry {
    /// The way into what runs there.
    pub(super) fn new(control: Arc<Control>, access: Arc<AccessLog>) -> Self {
        let edges = Edges::new(control.clock());
        Self { control, edges, access }
    }

    /// Takes a request, of which nothing is left that only the host may say, to whoever answers it. What comes back otherwise
    /// is what the host answers in their place.
    pub(super) async fn take(
        &self,
        span: &mut HostSpan<'_>,
        peer: &Peer,
        mut request: Box<Request<Body>>,
        measuring: &mut Measuring<'_>,
    ) -> Result<Reply, Reply> {
        if let Some(keys) = self.key_set(request.method(), request.uri().path()) {
            return Err(keys);
        }
        if let Some(method) = preflight_method(request.method(), request.headers()) {
            // Boxed, because nearly no request asks for leave to be sent.
            let preflight = Box::pin(self.preflight(&method, (request.uri(), request.headers()), span)).await;
            if let Some(reply) = preflight {
                return Err(reply);
            }
        }
        let routing = self.route(request.uri(), request.headers(), request.method()).map_err(|no_route| {
            let mut reply = reply_to(&Fault::from(&no_route), span.id());
            if let NoRoute::OtherMethods(methods) = &no_route {
                reply.headers_mut().insert(ALLOW, allow(methods));
            }
            reply
        })?;
        measuring.comes_in_by(routing.policy());
        span.comes_in_by(&routing);
        let noted = self.access.at(&routing, span.begun(), peer, &mut request);
        if let Some(noted) = &noted {
            noted.watch(&mut request);
        }
        let mut reply = self.take_by(routing, span, peer, request, noted.as_deref()).await;
        if let Some(noted) = noted {
            let (Ok(told) | Err(told)) = &mut reply;
            told.extensions_mut().insert(noted);
        }
        reply
    }

    /// Takes a request that came in by a route, of which the access log may have to be told more.
    async fn take_by(
        &self,
        routing: Routing,
        span: &mut HostSpan<'_>,
        peer: &Peer,
        mut request: Box<Request<Body>>,
        noted: Option<&Noted>,
    ) -> Result<Reply, Reply> {
        let id = span.id();
        // Before anything is spent on it, such as holding a credential against keys.
        self.control.has_room(&routing, id).map_err(|fault| {
            span.shed();
            reply_to(&fault, id)
        })?;
        let edge = self.edges.of(routing.policy());
        let identities = self.control.identities();
        let headers = request.headers_mut();
        let caller = identify(&identities, headers, peer, routing.policy(), || self.control.now()).await;
        if let Ok(caller) = &caller {
            span.comes_from(caller);
            noted.iter().for_each(|noted| noted.comes_from(caller));
        }
        self.let_in(edge.as_deref(), span, peer, routing, caller, request).await
    }

    fn route(&self, uri: &Uri, headers: &HeaderMap, method: &Method) -> Result<Routing, NoRoute> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        self.control.route(host, uri.path(), method)
    }

    /// The answer to a browser that asks whether it may send a request with this method, if the route of that has one. It comes
    /// before all else, because browsers show no credential when they ask.
    async fn preflight(
        &self,
        method: &Method,
        (uri, headers): (&Uri, &HeaderMap),
        span: &mut HostSpan<'_>,
    ) -> Option<Reply> {
        let routing = self.route(uri, headers, method).ok()?;
        let reply = self.edges.of(routing.policy())?.preflight(&Method::OPTIONS, headers).await?;
        span.comes_in_by(&routing);
        Some(reply)
    }

    /// Takes a request to its service, if its caller is let in. The edge of the route, which may know the answer already, is
    /// asked for no others.
    async fn let_in(
        &self,
        edge: Option<&Edge>,
        span: &mut HostSpan<'_>,
        peer: &Peer,
        routing: Routing,
        caller: Result<Principal, Fault>,
        request: Box<Request<Body>>,
    ) -> Result<Reply, Reply> {
        let mut rates = RateVerdicts::default();
        let outcome = self.admit(span, peer, routing, caller, request.method(), &mut rates);
        let mut reply = match (outcome, edge) {
            (Ok(admitted), None) => self.pass(span, admitted, request).await,
            // Boxed, so that routes without an edge do not carry the room for one.
            (Ok(admitted), Some(edge)) => Ok(Box::pin(self.pass_through(edge, span, peer, admitted, request)).await),
            (Err(reply), None) => Err(reply),
            (Err(reply), Some(edge)) => Err(Box::pin(edge.refused(request.method(), request.headers(), reply)).await),
        };
        let (Ok(told) | Err(told)) = &mut reply;
        rate_limit::write(&rates, told.headers_mut());
        reply
    }

    /// Takes a request to its service by a route without an edge.
    async fn pass(
        &self,
        span: &mut HostSpan<'_>,
        admitted: Admitted,
        request: Box<Request<Body>>,
    ) -> Result<Reply, Reply> {
        // Another route may keep replies of the same URI.
        let changed = self.edges.caches().changed_by(request.method(), request.uri(), request.headers());
        let reply = self.call(span, admitted, request).await;
        let (Ok(told) | Err(told)) = &reply;
        self.edges.caches().forget(changed, told.status());
        reply
    }

    /// Takes a request through the edge of its route, and to the service where the edge does not know the answer.
    async fn pass_through(
        &self,
        edge: &Edge,
        span: &mut HostSpan<'_>,
        peer: &Peer,
        admitted: Admitted,
        request: Box<Request<Body>>,
    ) -> Reply {
        let user = admitted.caller().user().cloned();
        let from = EdgeCaller {
            call: span.id(),
            user: user.as_deref(),
            address: peer.address,
            deadline: Instant::now() + admitted.routing().timeout(),
            generation: admitted.routing().generation(),
            split: admitted.routing().is_split(),
        };
        let next = async |request| match self.call(span, admitted.anew(), Box::new(request)).await {
            Ok(reply) | Err(reply) => reply,
        };
        edge.answer(*request, &from, next).await
    }

    /// Holds a caller against the rules and the rates of the route, and notes what those say. If it is not let in, the reply says why.
    fn admit(
        &self,
        span: &mut HostSpan<'_>,
        peer: &Peer,
        routing: Routing,
        caller: Result<Principal, Fault>,
        method: &Method,
        rates: &mut RateVerdicts,
    ) -> Result<Admitted, Reply> {
        let (id, begun) = (span.id(), span.begun());
        let caller = match caller {
            Ok(caller) => caller,
            // Of one who showed what proves nothing, nothing more is asked.
            Err(fault) => {
                let fault = self.control.refuse(routing, (begun, Principal::Outside), fault);
                span.goes_to_service();
                return Err(told(&fault, id, None));
            }
        };
        self.control.admit(routing, (begun, caller.clone()), method, peer.address, rates).map_err(|fault| {
            span.goes_to_service();
            told(&fault, id, Some(&caller))
        })
    }

    fn call(
        &self,
        span: &mut HostSpan<'_>,
        admitted: Admitted,
        request: Box<Request<Body>>,
    ) -> impl Future<Output = Result<Reply, Reply>> + Send {
        span.goes_to_service();
        let (id, caller) = (span.id(), admitted.caller().clone());
        let called = self.control.call(admitted, request);
        called.map_err(move |fault| told(&fault, id, Some(&caller)))
    }

    /// The public keys of the host, if it has some, and they are asked for.
    fn key_set(&self, method: &Method, path: &str) -> Option<Reply> {
        if path != KEY_SET_PATH || !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let keys = self.control.identities().signer.as_ref()?.key_set();
        let mut reply = Reply::new(full_body(keys));
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
        // Not for long: a key signs as soon as it is read, and whoever does not know it has to ask again.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        Some(reply)
    }
}

/// The reply to a call that failed, for a caller of whom so much is known.
fn told(fault: &Fault, id: CallId, caller: Option<&Principal>) -> Reply {
    let mut reply = reply_to(fault, id);
    challenge(&mut reply, fault, caller);
    reply
}

//! HTTP requests and their replies, whose bodies stream.

mod reply_body;
mod request_body;

use http::uri::Scheme;
use http::{HeaderMap, Method, Request, Uri, request};
use http_body::Body as _;
use patchbay_model::policy::RetrySettings;
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::{Body, Call, CallContext, Fault, Hold, Limits, Reply, empty_body};

use super::{Bounds, Payload};
use crate::access::Asked;
use crate::record::Subject;
use crate::target::StandIn;
use request_body::Overrun;

/// An HTTP request.
#[derive(Debug)]
pub struct HttpPayload {
    /// Absent once it is handed over.
    request: Option<Box<Request<Body>>>,
    /// Its head, for another attempt. Only of requests without a body. In a box, because most are never asked for it.
    kept: Option<Box<request::Parts>>,
    method: Method,
    /// Whether the reply has a body that its caller reads.
    has_body: bool,
    overrun: Overrun,
}

impl HttpPayload {
    /// A request with an absolute path and a `Host` or authority.
    pub fn new(request: impl Into<Box<Request<Body>>>) -> Self {
        let request = request.into();
        let method = request.method().clone();
        let has_body = method != Method::HEAD;
        Self { request: Some(request), kept: None, method, has_body, overrun: Overrun::default() }
    }
}

impl Payload for HttpPayload {
    type Reply = Reply;

    fn asked(&self) -> Asked<'_> {
        Asked::Http(&self.method)
    }

    fn subject(&self) -> Subject {
        let uri = self.request.as_ref().map(|request| request.uri());
        Subject::Request {
            method: self.method.clone(),
            secure: uri.and_then(Uri::scheme) == Some(&Scheme::HTTPS),
            path: uri.and_then(Uri::path_and_query).cloned(),
        }
    }

    fn headers(&self) -> Option<&HeaderMap> {
        let handed_over = self.kept.as_ref().map(|head| &head.headers);
        self.request.as_ref().map(|request| request.headers()).or(handed_over)
    }

    fn is_repeatable(&self, retry: &RetrySettings) -> bool {
        let is_empty = self.request.as_ref().is_some_and(|request| request.body().is_end_stream());
        is_empty && retry.repeats_method(&self.method)
    }

    fn limit(&mut self, _: &Limits, most: u64) -> Result<(), Fault> {
        if let Some(request) = &mut self.request {
            self.overrun = request_body::limit(request.body_mut(), most)?;
        }
        Ok(())
    }

    fn keep(&mut self) {
        let without_body = self.request.as_ref().filter(|request| request.body().is_end_stream());
        if let Some(request) = without_body {
            self.kept = Some(Box::new(head_of(request)));
        }
    }

    fn is_whole(&self) -> bool {
        self.request.is_some() || self.kept.is_some()
    }

    fn dispatch<'p>(
        &mut self,
        prepared: &'p dyn Prepared,
        context: Box<CallContext>,
        hold: &'p Hold,
    ) -> BoxFuture<'p, Result<Reply, Fault>>
    where
        Self: 'p,
    {
        let again = || self.kept.clone().map(|head| Box::new(Request::from_parts(*head, empty_body())));
        match self.request.take().or_else(again) {
            Some(request) => prepared.serve(Call { context, request, hold: hold.clone() }),
            None => super::gone(),
        }
    }

    fn fault(&self, most: u64) -> Option<Fault> {
        self.overrun.fault(most)
    }

    fn bind(&self, mut reply: Reply, bounds: Bounds<'_>) -> Result<Reply, Fault> {
        if self.has_body {
            reply_body::check(reply.body(), bounds.limits.response_body)?;
        }
        reply_body::bind(reply.body_mut(), bounds);
        Ok(reply)
    }

    fn substitute(&self, _stand_in: &StandIn) -> Option<Reply> {
        None
    }

    fn status(reply: &Reply) -> Option<u16> {
        Some(reply.status().as_u16())
    }
}

/// The head of a request once more.
fn head_of(request: &Request<Body>) -> request::Parts {
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = request.method().clone();
    head.uri = request.uri().clone();
    head.version = request.version();
    head.headers = request.headers().clone();
    head.extensions = request.extensions().clone();
    head
}

//! HTTP requests and their replies, whose bodies stream.

mod reply_body;
mod request_body;

use http::{Method, Request};
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::{Body, Call, Fault, FaultKind, Limits, Reply};

use super::{Bounds, Leg, Payload};
use request_body::Overrun;

/// An HTTP request.
#[derive(Debug)]
pub struct HttpPayload {
    /// Absent once it is dispatched.
    request: Option<Request<Body>>,
    /// Whether the reply has a body that its caller reads.
    has_body: bool,
    overrun: Overrun,
}

impl HttpPayload {
    /// A request with an absolute path and a `Host` or authority.
    pub fn new(request: Request<Body>) -> Self {
        let has_body = request.method() != Method::HEAD;
        Self { request: Some(request), has_body, overrun: Overrun::default() }
    }
}

impl Payload for HttpPayload {
    type Reply = Reply;

    fn limit(&mut self, limits: &Limits) -> Result<(), Fault> {
        if let Some(request) = self.request.take() {
            let (request, overrun) = request_body::limit(request, limits.request_body)?;
            (self.request, self.overrun) = (Some(request), overrun);
        }
        Ok(())
    }

    fn dispatch<'p>(&mut self, prepared: &'p dyn Prepared, leg: Leg) -> BoxFuture<'p, Result<Reply, Fault>> {
        let Leg { id, deadline, hops, hold } = leg;
        match self.request.take() {
            Some(request) => prepared.serve(Call { id, deadline, hops, request, hold }),
            None => Box::pin(std::future::ready(Err(Fault::new(FaultKind::Internal, "The host failed.")))),
        }
    }

    fn fault(&self, limits: &Limits) -> Option<Fault> {
        self.overrun.fault(limits.request_body)
    }

    fn bind(&self, reply: Reply, bounds: Bounds<'_>) -> Result<Reply, Fault> {
        if self.has_body {
            reply_body::check(reply.body(), bounds.limits.response_body)?;
        }
        Ok(reply.map(|body| reply_body::bind(body, bounds)))
    }

    fn status(reply: &Reply) -> Option<u16> {
        Some(reply.status().as_u16())
    }
}

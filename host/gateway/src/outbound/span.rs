//! The span of a request to the outside. The request carries its context in place of what the service wrote there: the service
//! says where in the trace of its call the request belongs, and cannot leave that trace.

use std::sync::Arc;

use http::Method;
use patchbay_control::Control;
use patchbay_model::trace::{NewSpan, OutgoingTarget, SpanFault, SpanKind, SpanRecord, SpanSubject};
use patchbay_model::{CallId, OutboundError, OutboundRequest, Principal, Reply, RevisionId};
use tokio::time::Instant;

use super::policy::Origin;

/// A request to the outside that is under way. One that is dropped before its end is one that nobody waits for any more.
pub(super) struct Outgoing<'a> {
    control: Option<Arc<Control>>,
    revision: &'a RevisionId,
    origin: &'a Origin,
    call: Option<CallId>,
    begun: Instant,
    span: Option<NewSpan>,
    method: Method,
    uri: http::Uri,
}

impl<'a> Outgoing<'a> {
    /// Has a request carry the context of its own span.
    pub(super) fn begin(
        control: Option<Arc<Control>>,
        revision: &'a RevisionId,
        origin: &'a Origin,
        outbound: &mut OutboundRequest,
    ) -> Self {
        let OutboundRequest { course, request, .. } = outbound;
        let span = control.as_ref().map(|control| control.span_for_service(course.trace.as_ref(), request.headers()));
        if let Some(span) = &span {
            span.context.write(request.headers_mut());
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { control, revision, origin, call: course.call, begun: Instant::now(), span, method, uri }
    }

    /// There is a reply, or none will come.
    pub(super) fn end(mut self, outcome: &Result<Reply, OutboundError>) {
        match outcome {
            Ok(reply) => {
                let status = reply.status().as_u16();
                // To the one who asks, the fault of a request is one, too (OpenTelemetry, HTTP spans).
                let fault = (status >= 400).then(|| SpanFault {
                    kind: status.to_string().into(),
                    message: format!("the answer had status {status}"),
                    details: None,
                });
                self.record(fault, Some(status), status >= 500);
            }
            Err(error) => {
                let fault = SpanFault { kind: error.name().into(), message: error.to_string(), details: None };
                self.record(Some(fault), None, true);
            }
        }
    }

    fn record(&mut self, fault: Option<SpanFault>, status: Option<u16>, failed: bool) {
        let (Some(control), Some(span)) = (&self.control, self.span.take()) else { return };
        let tracer = control.tracer();
        if !tracer.wants(&span.context, failed) {
            return;
        }
        let (start, duration) = tracer.since(self.begun);
        let target = OutgoingTarget {
            secure: self.origin.secure,
            host: self.origin.host.to_string(),
            port: self.origin.port,
            path: self.uri.path().to_owned(),
        };
        let subject = SpanSubject::Outgoing { method: self.method.clone(), target, status };
        tracer.record(SpanRecord {
            context: span.context,
            origin: span.origin,
            kind: SpanKind::Client,
            name: subject.name(),
            start,
            duration,
            service: Some(self.revision.service.clone()),
            revision: Some(self.revision.number),
            call: self.call,
            caller: None::<Principal>,
            attempts: 1,
            queued: std::time::Duration::ZERO,
            fault,
            subject,
            events: Vec::new(),
            own: Vec::new(),
        });
    }
}

impl Drop for Outgoing<'_> {
    fn drop(&mut self) {
        self.record(Some(SpanFault::cancelled()), None, false);
    }
}

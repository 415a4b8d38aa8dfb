//! Traces: where calls stand in them, and the spans that are kept.

mod answered;
mod own;
mod recent;
mod summary;

use std::sync::Arc;

use http::{HeaderMap, Request};
use patchbay_channel::{Subject, Tracer};
use patchbay_model::ports::SpanSink;
use patchbay_model::trace::{NewSpan, SpanContext, SpanRecord, TRACED, TraceId, TraceSettings};
use patchbay_model::{Body, CallId};

use crate::control::Control;

pub use answered::HostAnswer;
pub use own::ServiceSpans;
pub(crate) use recent::RecentSpans;
pub use summary::{TraceQuery, TraceSummary};

/// A request that has just come, before it is known whose it is.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Names the call.
    pub id: CallId,
    /// Its place in a trace.
    pub span: NewSpan,
    /// What it is about.
    pub(crate) subject: Subject,
}

impl Begun {
    fn new(id: CallId, span: NewSpan, request: &Request<Body>, secure: bool) -> Self {
        let (method, path) = (request.method().clone(), request.uri().path_and_query().filter(|_| TRACED).cloned());
        Self { id, span, subject: Subject::Request { method, secure, path } }
    }
}

impl Control {
    /// Gives a request from outside a name, and a place in the trace that its header names, or in a new one. `secure` tells whether it
    /// came under TLS.
    pub fn begin(&self, request: &Request<Body>, secure: bool) -> Begun {
        let span = self.tracer.arrive(SpanContext::of_headers(request.headers()));
        Begun::new(self.new_call(), span, request, secure)
    }

    /// The same for a request that a service sends to another one, in the course of a call whose span is `course`.
    pub fn begin_for_service(&self, course: Option<&SpanContext>, request: &Request<Body>) -> Begun {
        Begun::new(self.new_call(), self.span_for_service(course, request.headers()), request, false)
    }

    /// The span of a request with this header that a service sends in the course of a call whose span is `course`.
    pub fn span_for_service(&self, course: Option<&SpanContext>, headers: &HeaderMap) -> NewSpan {
        self.tracer.follow_service(course, SpanContext::of_headers(headers))
    }

    /// What makes spans.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// The traces of which spans are kept, those that began last first.
    pub fn traces(&self, query: &TraceQuery) -> Vec<TraceSummary> {
        summary::summaries(&self.recent.all(), query)
    }

    /// The spans that are kept of a trace, in the order in which they began.
    pub fn trace(&self, id: TraceId) -> Vec<Arc<SpanRecord>> {
        let mut spans: Vec<_> = self.recent.all().into_iter().filter(|span| span.context.trace == id).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Takes over other settings.
    pub(crate) fn set_traces(&self, settings: &TraceSettings) {
        self.tracer.set(settings);
        self.recent.set(settings);
    }
}

/// Keeps spans, and hands them on.
pub(crate) struct Recorder {
    pub(crate) recent: Arc<RecentSpans>,
    pub(crate) also: Arc<dyn SpanSink>,
}

impl SpanSink for Recorder {
    fn record(&self, span: Arc<SpanRecord>) {
        self.also.record(Arc::clone(&span));
        self.recent.keep(span);
    }
}

#[cfg(test)]
mod tests;

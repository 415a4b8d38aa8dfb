//! Where spans go: those that the host makes, and those that services make themselves.

use std::sync::Arc;

use crate::trace::{SpanContext, SpanRecord};

/// Takes spans that are over. Must not block and must not fail: what it has no room for it drops, and counts.
pub trait SpanSink: Send + Sync {
    /// One span.
    fn record(&self, span: Arc<SpanRecord>);
}

/// Takes spans, and forgets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSpans;

impl SpanSink for NoSpans {
    fn record(&self, _: Arc<SpanRecord>) {}
}

/// Takes the spans that services make themselves. Implemented by control.
pub trait Spans: Send + Sync {
    /// Whether a span that is over is to be recorded. One that failed has others of its trace recorded, too.
    fn wants(&self, context: &SpanContext, failed: bool) -> bool;

    /// Takes one that was wanted. Must not block and must not fail.
    fn record(&self, span: SpanRecord);
}

impl Spans for NoSpans {
    fn wants(&self, _: &SpanContext, _: bool) -> bool {
        false
    }

    fn record(&self, _: SpanRecord) {}
}

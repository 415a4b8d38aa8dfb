//! Where spans go.

use std::sync::Arc;

use crate::trace::SpanRecord;

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

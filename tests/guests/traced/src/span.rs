//! A span of the guest.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::bindings::wasi::otel::tracing::{self, Datetime, SpanContext, SpanData, SpanKind, Status};
use crate::bindings::wasi::otel::types::{InstrumentationScope, KeyValue};

/// A span that has begun.
pub(crate) struct Span {
    pub(crate) context: SpanContext,
    parent: String,
    start: Datetime,
}

impl Span {
    /// One that is not told of yet.
    pub(crate) fn new(id: u64, parent: &SpanContext) -> Self {
        let context = SpanContext { span_id: format!("{id:016x}"), is_remote: false, ..parent.clone() };
        Self { context, parent: parent.span_id.clone(), start: now() }
    }

    /// One that begins.
    pub(crate) fn begin(id: u64, parent: &SpanContext) -> Self {
        let span = Self::new(id, parent);
        tracing::on_start(&span.context);
        span
    }

    /// All that there is to tell when it ends, which is now.
    pub(crate) fn data(&self, name: &str) -> SpanData {
        SpanData {
            span_context: self.context.clone(),
            parent_span_id: self.parent.clone(),
            span_kind: SpanKind::Internal,
            name: name.to_owned(),
            start_time: self.start,
            end_time: now(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope {
                name: "traced".to_owned(),
                version: Some("0.1.0".to_owned()),
                schema_url: None,
                attributes: Vec::new(),
            },
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
        }
    }
}

pub(crate) fn now() -> Datetime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() }
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| KeyValue { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
}

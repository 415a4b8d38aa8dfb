//! Traces.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A trace at a glance.
#[derive(Debug, Deserialize)]
pub(crate) struct TraceLine {
    pub(crate) trace: String,
    pub(crate) name: String,
    pub(crate) start: String,
    pub(crate) duration_seconds: f64,
    pub(crate) spans: usize,
    pub(crate) services: Vec<String>,
    pub(crate) faults: usize,
    pub(crate) incomplete: bool,
}

/// A trace with its spans.
#[derive(Debug, Deserialize)]
pub(crate) struct Trace {
    pub(crate) trace: String,
    pub(crate) start: String,
    pub(crate) duration_seconds: f64,
    pub(crate) spans: Vec<Span>,
}

/// A span.
#[derive(Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) span: String,
    pub(crate) parent: Option<String>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) service: Option<String>,
    pub(crate) revision: Option<u32>,
    pub(crate) offset_seconds: f64,
    pub(crate) duration_seconds: f64,
    pub(crate) fault: Option<SpanFault>,
    pub(crate) events: Vec<SpanEvent>,
}

/// How the work of a span failed.
#[derive(Debug, Deserialize)]
pub(crate) struct SpanFault {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) details: Option<String>,
}

/// Something that happened in a span.
#[derive(Debug, Deserialize)]
pub(crate) struct SpanEvent {
    pub(crate) name: String,
    pub(crate) offset_seconds: f64,
    pub(crate) attributes: BTreeMap<String, Value>,
}

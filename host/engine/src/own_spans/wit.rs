//! The types of `wasi:otel/tracing`, and what they are to the host.
#![allow(unsafe_code, reason = "what the derivations write: wasmtime trusts them to describe the types as they are")]

use patchbay_model::trace::{
    LeftOut, SpanContext, SpanKind, ToldAttribute, ToldContext, ToldEvent, ToldLink, ToldScope, ToldSpan, ToldStatus,
    ToldTime,
};
use wasmtime::component::{ComponentType, Lift, Lower, flags};

flags! {
    WitTraceFlags {
        #[component(name = "sampled")]
        const SAMPLED;
    }
}

/// The context of a span.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct WitContext {
    #[component(name = "trace-id")]
    trace_id: String,
    #[component(name = "span-id")]
    span_id: String,
    #[component(name = "trace-flags")]
    trace_flags: WitTraceFlags,
    #[component(name = "is-remote")]
    is_remote: bool,
    #[component(name = "trace-state")]
    trace_state: Vec<(String, String)>,
}

/// A time of day.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(record)]
pub(super) struct WitDatetime {
    seconds: u64,
    nanoseconds: u32,
}

/// An attribute.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct WitKeyValue {
    key: String,
    value: String,
}

/// Which side a span tells of, in the order of the interface.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "the derivation makes them, out of numbers")]
pub(super) enum WitKind {
    #[component(name = "client")]
    Client,
    #[component(name = "server")]
    Server,
    #[component(name = "producer")]
    Producer,
    #[component(name = "consumer")]
    Consumer,
    #[component(name = "internal")]
    Internal,
}

/// Something that happened.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct WitEvent {
    name: String,
    time: WitDatetime,
    attributes: Vec<WitKeyValue>,
}

/// Another span.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct WitLink {
    #[component(name = "span-context")]
    span_context: WitContext,
    attributes: Vec<WitKeyValue>,
}

/// How a span ended.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum WitStatus {
    #[component(name = "unset")]
    Unset,
    #[component(name = "ok")]
    Ok,
    #[component(name = "error")]
    Error(String),
}

/// What in the guest makes spans.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct WitScope {
    name: String,
    version: Option<String>,
    #[component(name = "schema-url")]
    schema_url: Option<String>,
    attributes: Vec<WitKeyValue>,
}

/// A span that is over.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct WitSpan {
    #[component(name = "span-context")]
    span_context: WitContext,
    #[component(name = "parent-span-id")]
    parent_span_id: String,
    #[component(name = "span-kind")]
    span_kind: WitKind,
    name: String,
    #[component(name = "start-time")]
    start_time: WitDatetime,
    #[component(name = "end-time")]
    end_time: WitDatetime,
    attributes: Vec<WitKeyValue>,
    events: Vec<WitEvent>,
    links: Vec<WitLink>,
    status: WitStatus,
    #[component(name = "instrumentation-scope")]
    instrumentation_scope: WitScope,
    #[component(name = "dropped-attributes")]
    dropped_attributes: u32,
    #[component(name = "dropped-events")]
    dropped_events: u32,
    #[component(name = "dropped-links")]
    dropped_links: u32,
}

impl WitContext {
    /// A context that is none (OpenTelemetry, SpanContext, IsValid).
    pub(super) fn invalid() -> Self {
        Self {
            trace_id: "0".repeat(32),
            span_id: "0".repeat(16),
            trace_flags: WitTraceFlags::default(),
            is_remote: false,
            trace_state: Vec::new(),
        }
    }

    /// What the host tells of a context.
    pub(super) fn of(context: &SpanContext, is_remote: bool) -> Self {
        let members = context.state.iter().flat_map(|state| state.split(','));
        Self {
            trace_id: context.trace.to_string(),
            span_id: context.span.to_string(),
            trace_flags: if context.is_sampled() { WitTraceFlags::SAMPLED } else { WitTraceFlags::default() },
            is_remote,
            trace_state: members
                .filter_map(|member| member.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

impl From<WitContext> for ToldContext {
    fn from(context: WitContext) -> Self {
        let WitContext { trace_id, span_id, trace_flags, is_remote: _, trace_state } = context;
        Self { trace: trace_id, span: span_id, sampled: trace_flags == WitTraceFlags::SAMPLED, state: trace_state }
    }
}

impl From<WitDatetime> for ToldTime {
    fn from(WitDatetime { seconds, nanoseconds }: WitDatetime) -> Self {
        Self { seconds, nanoseconds }
    }
}

impl From<WitKind> for SpanKind {
    fn from(kind: WitKind) -> Self {
        match kind {
            WitKind::Client => Self::Client,
            WitKind::Server => Self::Server,
            WitKind::Producer => Self::Producer,
            WitKind::Consumer => Self::Consumer,
            WitKind::Internal => Self::Internal,
        }
    }
}

impl From<WitStatus> for ToldStatus {
    fn from(status: WitStatus) -> Self {
        match status {
            WitStatus::Unset => Self::Unset,
            WitStatus::Ok => Self::Ok,
            WitStatus::Error(message) => Self::Error(message),
        }
    }
}

impl From<WitEvent> for ToldEvent {
    fn from(WitEvent { name, time, attributes }: WitEvent) -> Self {
        Self { name, time: time.into(), attributes: pairs(attributes) }
    }
}

impl From<WitLink> for ToldLink {
    fn from(WitLink { span_context, attributes }: WitLink) -> Self {
        Self { context: span_context.into(), attributes: pairs(attributes) }
    }
}

impl From<WitScope> for ToldScope {
    fn from(WitScope { name, version, schema_url, attributes }: WitScope) -> Self {
        Self { name, version, schema: schema_url, attributes: pairs(attributes) }
    }
}

impl From<WitSpan> for ToldSpan {
    fn from(span: WitSpan) -> Self {
        Self {
            context: span.span_context.into(),
            parent: span.parent_span_id,
            kind: span.span_kind.into(),
            name: span.name,
            start: span.start_time.into(),
            end: span.end_time.into(),
            attributes: pairs(span.attributes),
            events: span.events.into_iter().map(ToldEvent::from).collect(),
            links: span.links.into_iter().map(ToldLink::from).collect(),
            status: span.status.into(),
            scope: span.instrumentation_scope.into(),
            left_out: LeftOut {
                attributes: span.dropped_attributes,
                events: span.dropped_events,
                links: span.dropped_links,
            },
        }
    }
}

fn pairs(attributes: Vec<WitKeyValue>) -> Vec<ToldAttribute> {
    attributes.into_iter().map(|WitKeyValue { key, value }| (key, value)).collect()
}

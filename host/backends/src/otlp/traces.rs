//! Spans in the form of the protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind as ProtoKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use patchbay_model::ServiceName;
use patchbay_model::trace::{
    Attribute, AttributeValue, OwnSpan, SpanContext, SpanKind, SpanOrigin, SpanRecord, SpanScope, SpanSubject,
};

use super::resource::{OtlpResource, pair};
use super::{Exported, Payload, Signal};

/// Says that the next bit means something.
const HAS_IS_REMOTE: u32 = 0x100;
/// The parent, or what is linked, may be of another host.
const IS_REMOTE: u32 = 0x200;

/// Faults of HTTP requests that are the caller's own doing, which are no error of the service (semantic conventions, HTTP).
const OF_CALLERS: [&str; 8] = [
    "not-found",
    "method-not-allowed",
    "unauthenticated",
    "denied",
    "invalid",
    "too-large",
    "rate-limited",
    "cancelled",
];

impl Exported for Arc<SpanRecord> {
    const SIGNAL: Signal = Signal::Traces;

    fn size(&self) -> usize {
        SpanRecord::size(self)
    }

    fn payload(batch: Vec<Self>, resource: &OtlpResource) -> Payload {
        let mut services: BTreeMap<Option<ServiceName>, Vec<Scoped<'_>>> = BTreeMap::new();
        for span in &batch {
            let scopes = services.entry(span.service.clone()).or_default();
            let scope = own(span).map(|own| &own.scope);
            match scopes.iter_mut().find(|scoped| scoped.scope == scope) {
                Some(scoped) => scoped.spans.push(span_of(span)),
                None => scopes.push(Scoped { scope, spans: vec![span_of(span)] }),
            }
        }
        let resource_spans = services.into_iter().map(|(service, scopes)| ResourceSpans {
            resource: Some(resource.of(service.as_ref())),
            scope_spans: scopes.into_iter().map(|scoped| scoped.wire(resource)).collect(),
            ..ResourceSpans::default()
        });
        Payload::Traces(ExportTraceServiceRequest { resource_spans: resource_spans.collect() })
    }
}

/// Spans that were made by the same thing.
struct Scoped<'a> {
    /// Something in the service; `None`: the host.
    scope: Option<&'a SpanScope>,
    spans: Vec<Span>,
}

impl Scoped<'_> {
    fn wire(self, resource: &OtlpResource) -> ScopeSpans {
        let scope = self.scope.map_or_else(|| resource.scope(), scope_of);
        let schema_url = self.scope.and_then(|scope| scope.schema.clone()).unwrap_or_default();
        ScopeSpans { scope: Some(scope), spans: self.spans, schema_url }
    }
}

fn scope_of(scope: &SpanScope) -> InstrumentationScope {
    InstrumentationScope {
        name: scope.name.clone(),
        version: scope.version.clone().unwrap_or_default(),
        attributes: attributes(scope.attributes.clone()),
        ..InstrumentationScope::default()
    }
}

/// What there is of a span that a service made itself.
fn own(span: &SpanRecord) -> Option<&OwnSpan> {
    match &span.subject {
        SpanSubject::Own(own) => Some(own),
        _ => None,
    }
}

fn span_of(span: &SpanRecord) -> Span {
    let (parent, remote) = match &span.origin {
        SpanOrigin::Child { parent, remote } => (parent.bytes().to_vec(), *remote),
        SpanOrigin::Root | SpanOrigin::Linked(_) => (Vec::new(), false),
    };
    let start = nanos(span.start);
    let own = own(span);
    let left_out = own.map(|own| own.left_out).unwrap_or_default();
    Span {
        trace_id: span.context.trace.bytes().to_vec(),
        span_id: span.context.span.bytes().to_vec(),
        trace_state: state(&span.context),
        parent_span_id: parent,
        flags: flags(&span.context, remote),
        name: span.name.clone(),
        kind: kind(span.kind) as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: nanos(span.start + span.duration),
        attributes: attributes(span.attributes()),
        events: span.events.iter().map(|event| event_of(start, event)).collect(),
        links: origin_of(&span.origin).into_iter().chain(own.into_iter().flat_map(links_of)).collect(),
        status: Some(status(span)),
        dropped_attributes_count: left_out.attributes,
        dropped_events_count: left_out.events,
        dropped_links_count: left_out.links,
    }
}

fn event_of(start: u64, event: &patchbay_model::trace::SpanEvent) -> Event {
    let after = u64::try_from(event.after.as_nanos()).unwrap_or(u64::MAX);
    Event {
        time_unix_nano: start.saturating_add(after),
        name: event.name.to_string(),
        attributes: attributes(event.attributes.clone()),
        ..Event::default()
    }
}

fn origin_of(origin: &SpanOrigin) -> Option<Link> {
    let SpanOrigin::Linked(context) = origin else { return None };
    Some(link_of(context, Vec::new()))
}

fn links_of(own: &OwnSpan) -> impl Iterator<Item = Link> {
    own.links.iter().map(|link| link_of(&link.context, link.attributes.clone()))
}

fn link_of(context: &SpanContext, said: Vec<Attribute>) -> Link {
    Link {
        trace_id: context.trace.bytes().to_vec(),
        span_id: context.span.bytes().to_vec(),
        trace_state: state(context),
        flags: flags(context, true),
        attributes: attributes(said),
        ..Link::default()
    }
}

fn status(span: &SpanRecord) -> Status {
    let Some(fault) = &span.fault else {
        let succeeded = own(span).is_some_and(|own| own.succeeded);
        return if succeeded { Status { code: StatusCode::Ok as i32, ..Status::default() } } else { Status::default() };
    };
    let is_callers = matches!(span.subject, SpanSubject::Request { .. }) && OF_CALLERS.contains(&&*fault.kind);
    if is_callers {
        return Status::default();
    }
    Status { code: StatusCode::Error as i32, message: fault.message.clone() }
}

fn attributes(said: Vec<Attribute>) -> Vec<KeyValue> {
    said.into_iter().map(|attribute| pair(&attribute.name, value(attribute.value))).collect()
}

fn value(value: AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => Value::StringValue(text.into_owned()),
        AttributeValue::Number(number) => Value::IntValue(number),
        AttributeValue::Real(number) => Value::DoubleValue(number),
        AttributeValue::Flag(truth) => Value::BoolValue(truth),
        AttributeValue::Bytes(bytes) => Value::BytesValue(bytes),
        AttributeValue::List(values) => {
            let values = values.into_iter().map(|element| AnyValue { value: Some(self::value(element)) }).collect();
            Value::ArrayValue(ArrayValue { values })
        }
    }
}

const fn kind(kind: SpanKind) -> ProtoKind {
    match kind {
        SpanKind::Server => ProtoKind::Server,
        SpanKind::Client => ProtoKind::Client,
        SpanKind::Producer => ProtoKind::Producer,
        SpanKind::Consumer => ProtoKind::Consumer,
        SpanKind::Internal => ProtoKind::Internal,
    }
}

fn flags(context: &SpanContext, remote: bool) -> u32 {
    let of_parent = if remote { IS_REMOTE } else { 0 };
    u32::from(context.flags.bits()) | HAS_IS_REMOTE | of_parent
}

fn state(context: &SpanContext) -> String {
    context.state.as_deref().unwrap_or_default().to_owned()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

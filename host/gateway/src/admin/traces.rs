//! The traces of which spans are kept: at a glance, and span by span.

mod own;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, State};
use http::request::Parts;
use patchbay_control::{TraceQuery, TraceSummary};
use patchbay_model::ServiceName;
use patchbay_model::trace::{Attribute, SpanEvent, SpanFault, SpanOrigin, SpanRecord, SpanSubject, TraceId};
use patchbay_model::units;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;
use own::OwnSpan;

/// Traces that are shown where nobody says how many.
const SHOWN: usize = 50;

/// The most that are shown at once.
const MOST: usize = 1000;

/// Which traces to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// Traces in which this service has a span.
    #[param(value_type = Option<String>)]
    service: Option<ServiceName>,
    /// Only traces in which something failed.
    #[serde(default)]
    faulted: bool,
    /// How many at most; 50, unless it is said, and no more than 1000.
    limit: Option<usize>,
}

impl<S: Send + Sync> FromRequestParts<S> for Selection {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Query(selection) = Query::<Self>::from_request_parts(parts, state)
            .await
            .map_err(|error| Rejection::invalid(error.body_text()))?;
        Ok(selection)
    }
}

/// A trace, as far as its spans are kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceSummary)]
pub(super) struct TraceLine {
    /// The trace.
    #[schema(example = "0af7651916cd43dd8448eb211c80319c")]
    trace: String,
    /// The name of its first span.
    #[schema(example = "POST /api/orders/*")]
    name: String,
    /// The service of its first span.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// When it began.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    start: SystemTime,
    /// From the start of its first span to the end of its last one, in seconds.
    duration_seconds: f64,
    /// How many of its spans are kept.
    spans: usize,
    /// The services that have some of them.
    services: Vec<String>,
    /// Spans whose work failed.
    faults: usize,
    /// Whether a span of this host is missing: it was not recorded, or is not kept any more.
    incomplete: bool,
}

impl From<TraceSummary> for TraceLine {
    fn from(summary: TraceSummary) -> Self {
        let TraceSummary { id, name, service, start, duration, spans, services, faults, incomplete } = summary;
        Self {
            trace: id.to_string(),
            name,
            service: service.map(|service| service.to_string()),
            start,
            duration_seconds: duration.as_secs_f64(),
            spans,
            services: services.into_iter().map(|service| service.to_string()).collect(),
            faults,
            incomplete,
        }
    }
}

/// A trace, with the spans that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trace {
    /// The trace.
    #[schema(example = "0af7651916cd43dd8448eb211c80319c")]
    trace: String,
    /// When it began.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    start: SystemTime,
    /// From the start of its first span to the end of its last one, in seconds.
    duration_seconds: f64,
    /// Its spans, in the order in which they began.
    spans: Vec<Span>,
}

/// A span.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Span {
    /// The span.
    #[schema(example = "b7ad6b7169203331")]
    span: String,
    /// The span that it follows from, in the same trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// The `traceparent` of a span of another trace that it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// `server`, `client`, `producer`, `consumer` or `internal`.
    #[schema(example = "server")]
    kind: &'static str,
    /// What it is called.
    name: String,
    /// The service that did the work, or that a request was meant for which the host answered by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// The number of its revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// The call that it tells of, or in whose course it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// When it began, in seconds after the trace.
    offset_seconds: f64,
    /// How long it took, in seconds. For an HTTP request: until the head of the reply was there.
    duration_seconds: f64,
    /// Whether it was recorded because its trace was sampled; otherwise because something in it failed.
    sampled: bool,
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultOfSpan>,
    /// What is said of it, by the names of OpenTelemetry's semantic conventions and of the host's own.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// What happened in it.
    events: Vec<EventOfSpan>,
    /// What else there is to say of a span that the service made itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<OwnSpan>,
}

/// How the work of a span failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpanFault)]
pub(super) struct FaultOfSpan {
    /// The kind of the fault, or the status of a reply.
    #[schema(example = "deadline")]
    kind: String,
    /// What happened, as the caller was told.
    message: String,
    /// What only the operator is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
}

/// Something that happened in a span.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpanEvent)]
pub(super) struct EventOfSpan {
    /// What.
    #[schema(example = "patchbay.retry")]
    name: String,
    /// When, in seconds after the start of the span.
    offset_seconds: f64,
    /// What is said of it.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

impl From<&SpanFault> for FaultOfSpan {
    fn from(fault: &SpanFault) -> Self {
        let SpanFault { kind, message, details } = fault;
        Self { kind: kind.to_string(), message: message.clone(), details: details.clone() }
    }
}

impl From<&SpanEvent> for EventOfSpan {
    fn from(event: &SpanEvent) -> Self {
        let attributes = object(event.attributes.iter().cloned());
        Self { name: event.name.to_string(), offset_seconds: event.after.as_secs_f64(), attributes }
    }
}

impl Span {
    /// A span of a trace that began then.
    fn within(start: SystemTime, span: &SpanRecord) -> Self {
        let link = if let SpanOrigin::Linked(link) = &span.origin { Some(link.parent_text()) } else { None };
        Self {
            span: span.context.span.to_string(),
            parent: span.origin.parent().map(|parent| parent.to_string()),
            link,
            kind: span.kind.name(),
            name: span.name.clone(),
            service: span.service.as_ref().map(ToString::to_string),
            revision: span.revision.map(patchbay_model::RevisionNumber::get),
            call: span.call.map(|call| call.to_string()),
            offset_seconds: span.start.duration_since(start).unwrap_or_default().as_secs_f64(),
            duration_seconds: span.duration.as_secs_f64(),
            sampled: span.context.is_sampled(),
            fault: span.fault.as_ref().map(FaultOfSpan::from),
            attributes: object(span.attributes()),
            events: span.events.iter().map(EventOfSpan::from).collect(),
            own: if let SpanSubject::Own(own) = &span.subject { Some(OwnSpan::from(&**own)) } else { None },
        }
    }
}

fn object(attributes: impl IntoIterator<Item = Attribute>) -> Map<String, Value> {
    attributes.into_iter().map(|attribute| (attribute.name.into_owned(), attribute.value.into())).collect()
}

/// Lists traces.
///
/// Those of which spans are kept, newest first. Of a trace that was not sampled there are only spans in which something failed,
/// and those that these happened in.
#[utoipa::path(
    get, operation_id = "listTraces", path = "/v1/traces", tag = "journals", params(Selection),
    responses(
        (status = 200, description = "The traces", body = [TraceLine]),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(state): State<AdminState>, selection: Selection) -> Json<Vec<TraceLine>> {
    let Selection { service, faulted, limit } = selection;
    let query = TraceQuery { service, faulted, limit: limit.unwrap_or(SHOWN).min(MOST) };
    Json(state.control.traces(&query).into_iter().map(TraceLine::from).collect())
}

/// Shows a trace.
#[utoipa::path(
    get, operation_id = "showTrace", path = "/v1/traces/{trace}", tag = "journals",
    params(("trace" = String, Path, description = "The trace", example = "0af7651916cd43dd8448eb211c80319c")),
    responses(
        (status = 200, description = "The trace", body = Trace),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No span of it is kept", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(State(state): State<AdminState>, OfTrace(id): OfTrace) -> Result<Json<Trace>, Rejection> {
    let spans = state.control.trace(id);
    trace_of(id, &spans).map(Json).ok_or_else(|| {
        let why = "it was not recorded, or is not kept any more; `traces.keep` says how many spans are";
        Rejection::not_found(format!("no span of the trace `{id}` is here: {why}"))
    })
}

/// The spans of a trace, in order; `None` without any.
fn trace_of(id: TraceId, spans: &[Arc<SpanRecord>]) -> Option<Trace> {
    let start = spans.iter().map(|span| span.start).min()?;
    let end = spans.iter().map(|span| span.start + span.duration).max()?;
    let duration: Duration = end.duration_since(start).unwrap_or_default();
    let spans = spans.iter().map(|span| Span::within(start, span)).collect();
    Some(Trace { trace: id.to_string(), start, duration_seconds: duration.as_secs_f64(), spans })
}

/// The trace in the path.
pub(super) struct OfTrace(TraceId);

impl<S: Send + Sync> FromRequestParts<S> for OfTrace {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Path(id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Rejection::invalid(error.body_text()))?;
        id.parse().map(Self).map_err(|error: patchbay_model::trace::TraceIdError| Rejection::invalid(error.to_string()))
    }
}

//! What there is to say only of spans that services make themselves.

use patchbay_model::trace::{self, LeftOut, SpanLink, SpanScope};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::object;

/// A span that a service made itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnSpan {
    /// What in the service made it.
    scope: ScopeOfSpan,
    /// Whether the service says that its work succeeded; most say nothing.
    succeeded: bool,
    /// Spans that it has to do with.
    links: Vec<LinkOfSpan>,
    /// What was said of it and is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOutOfSpan>,
}

/// What in a service makes spans: a library, or a part of the service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpanScope)]
struct ScopeOfSpan {
    /// Its name.
    #[schema(example = "orders")]
    name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Where it says what the names of its attributes mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_url: Option<String>,
    /// What else is said of it.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

/// A span that another one has to do with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpanLink)]
struct LinkOfSpan {
    /// Its `traceparent`.
    #[schema(example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    traceparent: String,
    /// What is said of it.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

/// How much was left out, by the service or by the host.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpanLeftOut)]
struct LeftOutOfSpan {
    /// Attributes.
    attributes: u32,
    /// Events.
    events: u32,
    /// Links.
    links: u32,
}

impl From<&trace::OwnSpan> for OwnSpan {
    fn from(own: &trace::OwnSpan) -> Self {
        let trace::OwnSpan { scope, links, succeeded, left_out } = own;
        Self {
            scope: scope.into(),
            succeeded: *succeeded,
            links: links.iter().map(LinkOfSpan::from).collect(),
            left_out: (!left_out.is_empty()).then(|| (*left_out).into()),
        }
    }
}

impl From<&SpanScope> for ScopeOfSpan {
    fn from(scope: &SpanScope) -> Self {
        let SpanScope { name, version, schema, attributes } = scope.clone();
        Self { name, version, schema_url: schema, attributes: object(attributes) }
    }
}

impl From<&SpanLink> for LinkOfSpan {
    fn from(link: &SpanLink) -> Self {
        Self { traceparent: link.context.parent_text(), attributes: object(link.attributes.iter().cloned()) }
    }
}

impl From<LeftOut> for LeftOutOfSpan {
    fn from(LeftOut { attributes, events, links }: LeftOut) -> Self {
        Self { attributes, events, links }
    }
}

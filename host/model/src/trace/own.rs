//! What is kept of a span that a service makes itself, beside what is kept of every span.

use super::attributes::Attribute;
use super::context::SpanContext;

/// A span that a service made itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnSpan {
    /// What in the service made it.
    pub scope: SpanScope,
    /// Spans that it has to do with, of its own trace or of others.
    pub links: Vec<SpanLink>,
    /// Whether the service says that its work succeeded; most say nothing.
    pub succeeded: bool,
    /// What was said of it and is not kept.
    pub left_out: LeftOut,
}

/// What in a service makes spans: a library, or a part of the service (OpenTelemetry, instrumentation scope).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where it says what the names of its attributes mean.
    pub schema: Option<String>,
    /// What else is said of it.
    pub attributes: Vec<Attribute>,
}

/// A span that another one has to do with.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink {
    /// That span.
    pub context: SpanContext,
    /// What there is to say of it.
    pub attributes: Vec<Attribute>,
}

/// How much was said of a span and is not kept, by the service itself or by the host, because it was too much or not allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Attributes.
    pub attributes: u32,
    /// Events.
    pub events: u32,
    /// Links.
    pub links: u32,
}

impl LeftOut {
    /// Whether there is nothing that was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl OwnSpan {
    /// Bytes that it takes on the heap, roughly.
    pub(super) fn size(&self) -> usize {
        let of_attributes = |attributes: &[Attribute]| attributes.iter().map(Attribute::size).sum::<usize>();
        let SpanScope { name, version, schema, attributes } = &self.scope;
        let of_scope = name.len()
            + version.as_ref().map_or(0, String::len)
            + schema.as_ref().map_or(0, String::len)
            + of_attributes(attributes);
        let of_link = |link: &SpanLink| {
            let of_state = link.context.state.as_ref().map_or(0, |state| state.len());
            size_of::<SpanLink>() + of_state + of_attributes(&link.attributes)
        };
        size_of::<Self>() + of_scope + self.links.iter().map(of_link).sum::<usize>()
    }
}

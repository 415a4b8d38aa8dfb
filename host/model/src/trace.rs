//! Traces: what happened in the course of one request, however many services and messages it went through.
//!
//! A **trace** is a tree of **spans**. A span is one piece of work: a call of a service, a message that was published, a
//! request to the outside. Its [`SpanContext`] goes along with whatever it leads to, as W3C Trace Context (level 2) writes it,
//! so that others can go on with the same trace. What is kept of a span is one [`SpanRecord`], made when it is over.
//!
//! Services make spans of their own, too ([`ToldSpan`]), in the trace of the call that they work on ([`OwnSpans`]).

mod attributes;
mod begun;
mod context;
mod id;
mod own;
mod parent;
mod room;
mod settings;
mod span;
mod state;
mod subject;
mod told;

pub use attributes::{Attribute, AttributeValue};
pub use begun::{OWN_SPAN_TIME, OWN_SPANS, OwnPlace, OwnSpans, ToldError};
pub use context::{NewSpan, SpanContext, SpanOrigin, TRACEPARENT, TRACESTATE, TraceFlags};
pub use id::{SpanId, TraceId, TraceIdError};
pub use own::{LeftOut, OwnSpan, SpanLink, SpanScope};
pub use parent::{PARENT_LENGTH, ParentError};
pub use settings::{ParentTrust, TraceSettings};
pub use span::{SpanEvent, SpanFault, SpanKind, SpanRecord};
pub use state::TraceState;
pub use subject::{MessageFacts, OutgoingTarget, SpanSubject};
pub use told::{ToldAttribute, ToldContext, ToldEvent, ToldLink, ToldScope, ToldSpan, ToldStatus, ToldTime};

/// Whether calls have a place in a trace. They have, but in a build with the feature `untraced`, which takes no trace up and
/// hands none on: beside that one, a benchmark tells what it costs to trace them.
pub const TRACED: bool = !cfg!(feature = "untraced");

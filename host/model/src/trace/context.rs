//! What goes along with work: which trace it belongs to, which span led to it, and whether that one is recorded.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::TRACED;
use super::id::{SpanId, TraceId};
use super::state::TraceState;
use crate::bus::Message;

/// The header, and the attribute of messages, that names trace and span.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The header, and the attribute of messages, with what tracing systems say to themselves.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What is said of a trace beside its names (W3C Trace Context, level 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// The span that the context names may be recorded.
    pub const SAMPLED: Self = Self(1);
    /// The last seven bytes of the id of the trace are random.
    pub const RANDOM: Self = Self(2);

    /// Those of these bits that have a meaning.
    pub const fn of_bits(bits: u8) -> Self {
        Self(bits & (Self::SAMPLED.0 | Self::RANDOM.0))
    }

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the span may be recorded.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// Whether the id of the trace is random.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM.0 != 0
    }

    /// The same, sampled or not.
    #[must_use]
    pub const fn sampled(self, sampled: bool) -> Self {
        if sampled { Self(self.0 | Self::SAMPLED.0) } else { Self(self.0 & !Self::SAMPLED.0) }
    }
}

/// The place of a span in its trace, as it is told to whatever the span leads to. A clone allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
    /// What is said of it.
    pub flags: TraceFlags,
    /// What tracing systems say to themselves, in the form of the header. The host hands it on and reads nothing into it.
    pub state: Option<Arc<str>>,
}

impl SpanContext {
    /// Whether the span may be recorded.
    pub const fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// The context that a request came with. `None` if there is none, several, or one that is not valid: then its
    /// `tracestate` says nothing either.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        if !TRACED {
            return None;
        }
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let context = Self::parse(parent.as_bytes().trim_ascii()).ok()?;
        let states = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes);
        Some(Self { state: TraceState::combine(states).map(TraceState::into_text), ..context })
    }

    /// Has a request carry the context, and no other one.
    pub fn write(&self, headers: &mut HeaderMap) {
        if !TRACED {
            return;
        }
        if let Ok(parent) = HeaderValue::from_bytes(&self.parent()) {
            headers.insert(TRACEPARENT, parent);
        }
        match self.state.as_ref().and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => drop(headers.insert(TRACESTATE, state)),
            None => drop(headers.remove(TRACESTATE)),
        }
    }

    /// The context that a message carries (CloudEvents, extension for distributed tracing): that of the span in which it was
    /// made.
    pub fn of_message(message: &Message) -> Option<Self> {
        if !TRACED {
            return None;
        }
        let context = Self::parse(message.extension(TRACEPARENT.as_str())?.trim().as_bytes()).ok()?;
        let states = message.extension(TRACESTATE.as_str()).into_iter().map(str::as_bytes);
        Some(Self { state: TraceState::combine(states).map(TraceState::into_text), ..context })
    }

    /// Has a message carry the context.
    pub fn write_to(&self, message: &mut Message) {
        if !TRACED {
            return;
        }
        message.set_extension(TRACEPARENT.as_str(), self.parent_text());
        message.extensions.retain(|(name, _)| name != TRACESTATE.as_str());
        if let Some(state) = &self.state {
            message.set_extension(TRACESTATE.as_str(), &**state);
        }
    }
}

/// What a span follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SpanOrigin {
    /// Nothing: its trace begins with it.
    #[default]
    Root,
    /// Another span of the same trace.
    Child {
        /// That span.
        parent: SpanId,
        /// Whether it may be one of another host.
        remote: bool,
    },
    /// A span of another trace, which it was made for and is no part of.
    Linked(SpanContext),
}

impl SpanOrigin {
    /// The parent in the same trace.
    pub const fn parent(&self) -> Option<SpanId> {
        match self {
            Self::Child { parent, .. } => Some(*parent),
            Self::Root | Self::Linked(_) => None,
        }
    }
}

/// A span that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpan {
    /// Its own context.
    pub context: SpanContext,
    /// What it follows from.
    pub origin: SpanOrigin,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_context_goes_from_header_to_header() {
        let came = headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", " b=2 ,, ")]);
        let context = SpanContext::of_headers(&came).unwrap();
        assert_eq!(context.state.as_deref(), Some("a=1,b=2"));
        assert!(context.is_sampled() && context.flags.is_random());
        let mut goes = headers(&[("traceparent", "x"), ("traceparent", "y"), ("tracestate", "z=1")]);
        context.write(&mut goes);
        assert_eq!(goes, headers(&[("traceparent", PARENT), ("tracestate", "a=1,b=2")]));
        SpanContext { state: None, ..context }.write(&mut goes);
        assert_eq!(goes, headers(&[("traceparent", PARENT)]));
    }

    #[test]
    fn what_is_not_one_valid_header_is_none() {
        for lines in [
            &[][..],
            &[("tracestate", "a=1")],
            &[("traceparent", PARENT), ("traceparent", PARENT)],
            &[("traceparent", "00-1-2-01")],
        ] {
            assert_eq!(SpanContext::of_headers(&headers(lines)), None, "{lines:?}");
        }
    }
}

//! The record of a span: all that is kept of it when it is over.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::attributes::Attribute;
use super::context::{SpanContext, SpanOrigin};
use super::subject::SpanSubject;
use crate::{CallId, Fault, FaultKind, Principal, RevisionNumber, ServiceName};

/// Which side of a piece of work a span tells of (OpenTelemetry).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// The side that is called.
    Server,
    /// The side that calls, and waits.
    Client,
    /// The side that publishes.
    Producer,
    /// The side that handles what was published.
    Consumer,
    /// Neither.
    Internal,
}

impl SpanKind {
    /// The kind's name in the admin API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Internal => "internal",
        }
    }
}

/// How the work of a span failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanFault {
    /// The kind of the fault, or the status of a reply.
    pub kind: Cow<'static, str>,
    /// What happened, as its caller was told.
    pub message: String,
    /// What only the operator is told.
    pub details: Option<String>,
}

impl From<&Fault> for SpanFault {
    fn from(fault: &Fault) -> Self {
        Self {
            kind: Cow::Borrowed(fault.kind().name()),
            message: fault.public().to_owned(),
            details: fault.details().map(str::to_owned),
        }
    }
}

impl SpanFault {
    /// What a reply of this status says, if it is the fault of whoever answers (OpenTelemetry, HTTP spans).
    pub fn of_status(status: Option<u16>) -> Option<Self> {
        let status = status.filter(|status| *status >= 500)?;
        let message = format!("the service answered with status {status}");
        Some(Self { kind: Cow::Owned(status.to_string()), message, details: None })
    }

    /// That the caller went away before there was an answer.
    pub fn cancelled() -> Self {
        let message = "its caller went away before there was an answer".to_owned();
        Self { kind: Cow::Borrowed(FaultKind::Cancelled.name()), message, details: None }
    }
}

/// Something that happened in a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// What.
    pub name: Cow<'static, str>,
    /// When, from the start of the span.
    pub after: Duration,
    /// What there is to say of it.
    pub attributes: Vec<Attribute>,
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord {
    /// Its place in its trace.
    pub context: SpanContext,
    /// What it follows from.
    pub origin: SpanOrigin,
    /// Which side it tells of.
    pub kind: SpanKind,
    /// What it is called, along with all spans about the same.
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// How long it took. For an HTTP request: until the head of the reply was there.
    pub duration: Duration,
    /// The service that did the work, or that a request was meant for which the host answered by itself; if there is one.
    pub service: Option<ServiceName>,
    /// The revision of it.
    pub revision: Option<RevisionNumber>,
    /// The call that it tells of, or in whose course it happened.
    pub call: Option<CallId>,
    /// Who asked for it.
    pub caller: Option<Principal>,
    /// How often it was tried; 0 if it was refused before.
    pub attempts: u32,
    /// How long it waited for a place, all attempts together.
    pub queued: Duration,
    /// How it failed, if it did.
    pub fault: Option<SpanFault>,
    /// What it is about.
    pub subject: SpanSubject,
    /// What happened in it, in order.
    pub events: Vec<SpanEvent>,
    /// What a service says of a span of its own.
    pub own: Vec<Attribute>,
}

impl SpanRecord {
    /// Roughly what it takes in memory, in bytes.
    pub fn size(&self) -> usize {
        let of_attributes = |attributes: &[Attribute]| attributes.iter().map(Attribute::size).sum::<usize>();
        let of_fault =
            self.fault.as_ref().map_or(0, |fault| fault.message.len() + fault.details.as_ref().map_or(0, String::len));
        let of_events: usize =
            self.events.iter().map(|event| size_of::<SpanEvent>() + of_attributes(&event.attributes)).sum();
        let of_state = self.context.state.as_ref().map_or(0, |state| state.len());
        let on_heap =
            self.name.len() + self.subject.size() + of_fault + of_events + of_state + of_attributes(&self.own);
        size_of::<Self>() + on_heap
    }
}

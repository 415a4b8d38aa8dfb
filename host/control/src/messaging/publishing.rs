//! The span of a message that is published.

use patchbay_model::bus::{BusError, Message};
use patchbay_model::trace::{MessageFacts, NewSpan, SpanContext, SpanFault, SpanKind, SpanRecord, SpanSubject};
use patchbay_model::{CallId, Course, Principal, ServiceName};
use tokio::time::Instant;

use crate::control::Control;

/// A message that is on its way to the bus.
pub(super) struct Publishing<'a> {
    control: &'a Control,
    begun: Instant,
    span: NewSpan,
    service: Option<ServiceName>,
    call: Option<CallId>,
    message: MessageFacts,
}

impl<'a> Publishing<'a> {
    /// Has a message carry the context of the span in which it is published, so that those that handle it follow from that. One
    /// that names a span of another trace keeps it: then it tells of something that began there.
    pub(super) fn begin(
        control: &'a Control,
        service: Option<&ServiceName>,
        course: Option<&Course>,
        message: &mut Message,
    ) -> Self {
        let of_call = course.and_then(|course| course.trace.as_ref());
        let said = SpanContext::of_message(message);
        let is_elsewhere = |said: &SpanContext| of_call.is_some_and(|of_call| of_call.trace != said.trace);
        let keeps = said.as_ref().is_some_and(is_elsewhere);
        let span = control.tracer.follow_service(of_call, said);
        if !keeps {
            span.context.write_to(message);
        }
        Self {
            control,
            begun: Instant::now(),
            span,
            service: service.cloned(),
            call: course.and_then(|course| course.call),
            message: (&*message).into(),
        }
    }

    /// The message was taken, or not.
    pub(super) fn end<T>(self, outcome: &Result<T, BusError>) {
        let Self { control, begun, span, service, call, message } = self;
        let fault = outcome.as_ref().err().map(fault_of);
        if !control.tracer.wants(&span.context, fault.is_some()) {
            return;
        }
        let (start, duration) = control.tracer.since(begun);
        let subject = SpanSubject::Publication(message);
        control.tracer.record(SpanRecord {
            context: span.context,
            origin: span.origin,
            kind: SpanKind::Producer,
            name: subject.name(),
            start,
            duration,
            caller: service.is_none().then_some(Principal::Operator),
            service,
            revision: None,
            call,
            attempts: 1,
            queued: std::time::Duration::ZERO,
            fault,
            subject,
            events: Vec::new(),
            own: Vec::new(),
        });
    }
}

fn fault_of(error: &BusError) -> SpanFault {
    SpanFault { kind: error.name().into(), message: error.to_string(), details: None }
}

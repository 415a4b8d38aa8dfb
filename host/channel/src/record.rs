//! One record per call: quiet for those that succeed, visible for those that fail or that something else answered; and the
//! span of the call, where that is recorded.

mod subject;
mod tell;

use std::time::Duration;

use patchbay_model::trace::{Attribute, NewSpan, SpanEvent, SpanFault, SpanKind, SpanRecord};
use patchbay_model::{Fault, FaultKind, RevisionNumber, Route, ServiceName};
use tokio::time::Instant;

use crate::measured::Refusal;
use crate::payload::Payload;
use crate::target::{Arrival, Target};
use crate::tracer::Tracer;

pub use subject::Subject;

/// Events that are kept of one call.
const EVENTS: usize = 64;

/// A wait that is shorter than this is none: it took the time of looking.
const NO_WAIT: Duration = Duration::from_micros(50);

/// What happens to a call on its way. One that is dropped before its end is one whose caller went away.
pub(crate) struct Story<'a> {
    tracer: &'a Tracer,
    service: &'a ServiceName,
    route: Option<&'a Route>,
    arrival: &'a Arrival,
    subject: Subject,
    /// When the instance answered, if it has.
    answered: Option<Instant>,
    pub(crate) attempts: u32,
    revision: Option<RevisionNumber>,
    queued: Duration,
    /// What answered in place of the service.
    stood_in: Option<String>,
    events: Vec<SpanEvent>,
    told: bool,
}

impl<'a> Story<'a> {
    pub(crate) fn of(target: &'a impl Target, arrival: &'a Arrival, subject: Subject) -> Self {
        Self {
            tracer: target.tracer(),
            service: target.name(),
            route: target.route().map(|route| &route.route),
            arrival,
            subject,
            answered: None,
            attempts: 0,
            revision: None,
            queued: Duration::ZERO,
            stood_in: None,
            events: Vec::new(),
            told: false,
        }
    }

    /// An attempt failed, and another one follows after `pause`.
    pub(crate) fn tell_attempt(&mut self, service: &ServiceName, fault: &Fault, pause: Duration) {
        let (call, attempt, kind, details) = (self.arrival.id, self.attempts, fault.kind(), fault.details());
        tracing::info!(%service, %call, attempt, fault = %kind, details, ?pause, "tried again: {}", fault.public());
        self.note("patchbay.retry", || {
            vec![
                Attribute::number("patchbay.attempt", attempt),
                Attribute::text("error.type", kind.name()),
                Attribute::real("patchbay.backoff", pause.as_secs_f64()),
            ]
        });
    }

    /// Another attempt was not made, because the budget is spent.
    pub(crate) fn budget_spent(&mut self) {
        self.note("patchbay.retry.refused", || vec![Attribute::text("patchbay.reason", "budget")]);
    }

    /// A place was had, or waited for in vain, after so long.
    pub(crate) fn queued(&mut self, wait: Duration) {
        if wait < NO_WAIT {
            return;
        }
        self.queued += wait;
        if self.arrival.trace.is_sampled() {
            self.note("patchbay.place", || vec![Attribute::real("patchbay.wait", wait.as_secs_f64())]);
        }
    }

    /// The instance answered just now.
    pub(crate) fn answered(&mut self) -> Instant {
        *self.answered.insert(Instant::now())
    }

    /// When there was an outcome: when the instance answered, if that was the last thing to happen, and else now.
    pub(crate) fn ended(&self) -> Instant {
        self.answered.unwrap_or_else(Instant::now)
    }

    /// What the instance answered does not count, or something else follows.
    pub(crate) const fn goes_on(&mut self) {
        self.answered = None;
    }

    /// A revision was chosen.
    pub(crate) fn chose(&mut self, revision: Option<RevisionNumber>) {
        self.revision = revision;
        if let (true, Some(revision)) = (self.arrival.trace.is_sampled(), revision) {
            self.note("patchbay.revision", || vec![Attribute::number("patchbay.revision", revision.get())]);
        }
    }

    /// A rate had no room for the call.
    pub(crate) fn rate_refused(&mut self, of: &'static str) {
        self.note("patchbay.rate.refused", || vec![Attribute::text("patchbay.rate", of)]);
    }

    /// The breaker of the revision is open.
    pub(crate) fn broken_off(&mut self) {
        self.note("patchbay.breaker.open", Vec::new);
    }

    /// `what` answers because of `fault`.
    pub(crate) fn stood_in(&mut self, what: &str, fault: &Fault) {
        self.stood_in = Some(format!("{what}, after {fault}"));
        let (what, kind) = (what.to_owned(), fault.kind());
        self.note("patchbay.fallback", || {
            vec![Attribute::text("patchbay.fallback", what), Attribute::text("error.type", kind.name())]
        });
    }

    fn note(&mut self, name: &'static str, attributes: impl FnOnce() -> Vec<Attribute>) {
        if self.events.len() < EVENTS {
            let after = self.arrival.arrived.elapsed();
            self.events.push(SpanEvent { name: name.into(), after, attributes: attributes() });
        }
    }

    /// Hands on the span of the call, if it is wanted.
    fn end(&mut self, fault: Option<SpanFault>, status: Option<u16>) {
        self.told = true;
        // Whoever goes away says nothing of the service.
        let failed = fault.as_ref().is_some_and(|fault| fault.kind != FaultKind::Cancelled.name());
        if !self.tracer.wants(&self.arrival.trace, failed) {
            return;
        }
        let (start, duration) = self.tracer.since(self.arrival.arrived);
        let subject = self.subject.span_subject(self.route, status);
        self.tracer.record(SpanRecord {
            context: self.arrival.trace.clone(),
            origin: self.arrival.origin.clone(),
            kind: if self.subject.is_message() { SpanKind::Consumer } else { SpanKind::Server },
            name: subject.name(),
            start,
            duration,
            service: Some(self.service.clone()),
            revision: self.revision,
            call: Some(self.arrival.id),
            caller: Some(self.arrival.caller.clone()),
            attempts: self.attempts,
            queued: self.queued,
            fault,
            subject,
            events: std::mem::take(&mut self.events),
            own: Vec::new(),
        });
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.end(Some(SpanFault::cancelled()), None);
        }
    }
}

/// Tells how a call ended, and counts what a policy had to do with it.
pub(crate) fn record<P: Payload>(target: &impl Target, story: &mut Story<'_>, outcome: &Result<P::Reply, Fault>) {
    match outcome {
        Ok(reply) => {
            let status = P::status(reply);
            tell::answered(story, status);
            story.end(SpanFault::of_status(status), status);
        }
        Err(fault) => failed(target, story, fault),
    }
}

/// Tells that a call failed, and counts it.
pub(crate) fn failed(target: &impl Target, story: &mut Story<'_>, fault: &Fault) {
    tell::failed(story, fault);
    count(target, fault.kind());
    story.end(Some(SpanFault::from(fault)), None);
}

fn count(target: &impl Target, kind: FaultKind) {
    let tally = &target.standing().tally;
    if let (Some(route), Some(refusal)) = (target.route(), Refusal::of(kind)) {
        route.measured.refused(refusal);
    }
    match kind {
        FaultKind::Unauthenticated => tally.unauthenticated.count(),
        FaultKind::Denied => tally.denied.count(),
        FaultKind::RateLimited => tally.rate_limited.count(),
        FaultKind::Overloaded => tally.overloaded.count(),
        _ => {}
    }
}

/// The place of the call of a stand-in in the trace: within the call that it answers.
pub(crate) fn span_of_stand_in(tracer: &Tracer, arrival: &Arrival) -> NewSpan {
    tracer.follow(Some(&arrival.trace))
}

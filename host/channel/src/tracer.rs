//! Traces: gives spans their names and their place, says which are recorded, and hands these on.
//!
//! A span that is not recorded costs its names, and nothing is allocated for it. Which ones are recorded is decided where their
//! trace begins, and goes along with it; what fails is recorded in any case, up to a rate, and so is what it happened in: spans
//! end after those that they led to, so each one can see whether something failed in its trace.

mod ids;
mod marks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchbay_model::metrics::Exemplar;
use patchbay_model::policy::Rate;
use patchbay_model::ports::{Clock, SpanSink};
use patchbay_model::trace::{
    NewSpan, ParentTrust, SpanContext, SpanOrigin, SpanRecord, TRACED, TraceId, TraceSettings,
};
use patchbay_model::traffic::TrafficShare;
use tokio::time::Instant;

use crate::rate::RateLimit;
use ids::Ids;
use marks::Marks;

/// What the whole host knows of traces.
pub struct Tracer {
    ids: Ids,
    /// Where everything is in a build that traces nothing.
    nowhere: SpanContext,
    /// In thousandths of a percent.
    sample: AtomicU32,
    parent: AtomicU8,
    at_least: Allowance,
    faults: Allowance,
    failed: Marks,
    sink: Arc<dyn SpanSink>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracer").field("sample", &self.sample).finish_non_exhaustive()
    }
}

impl Tracer {
    /// One that hands spans to `sink`. `seed` is random, and another one in every run of every host.
    pub fn new(seed: u64, settings: &TraceSettings, sink: Arc<dyn SpanSink>, clock: Arc<dyn Clock>) -> Self {
        let ids = Ids::new(seed);
        let tracer = Self {
            nowhere: ids.root(),
            ids,
            sample: AtomicU32::new(0),
            parent: AtomicU8::new(0),
            at_least: Allowance::default(),
            faults: Allowance::default(),
            failed: Marks::default(),
            sink,
            clock,
        };
        tracer.set(settings);
        tracer
    }

    /// Takes over other settings. Traces that have begun stay as they are.
    pub fn set(&self, settings: &TraceSettings) {
        self.sample.store(settings.sample.thousandths(), Ordering::Relaxed);
        self.parent.store(settings.parent as u8, Ordering::Relaxed);
        self.at_least.set(settings.at_least);
        self.faults.set(settings.faults);
    }

    /// The span of what came from outside, with the context that it came with.
    pub fn arrive(&self, came: Option<SpanContext>) -> NewSpan {
        let Some(came) = came else { return self.begin(SpanOrigin::Root) };
        if !TRACED {
            return self.begin(SpanOrigin::Root);
        }
        match self.parent.load(Ordering::Relaxed) {
            trust if trust == ParentTrust::Restart as u8 => self.begin(SpanOrigin::Linked(came)),
            trust if trust == ParentTrust::Decide as u8 => {
                let sampled = self.samples(&came);
                let mut span = self.child(&came, true);
                span.context.flags = span.context.flags.sampled(sampled);
                span
            }
            _ => self.child(&came, true),
        }
    }

    /// The span of something that a span of this host leads to; the first one of a trace, if there is no such span.
    pub fn follow(&self, parent: Option<&SpanContext>) -> NewSpan {
        parent.map_or_else(|| self.begin(SpanOrigin::Root), |parent| self.child(parent, false))
    }

    /// The span of a request that a service sends in the course of a call, with the context that stands in the request. What it
    /// says counts as far as it stays in the trace of the call: then the service has spans of its own, which the request
    /// belongs to. Where it cannot be told which call it is, all that it says counts.
    pub fn follow_service(&self, course: Option<&SpanContext>, said: Option<SpanContext>) -> NewSpan {
        match (course, said) {
            (Some(course), Some(said)) if said.trace == course.trace => {
                self.child(&SpanContext { flags: course.flags, ..said }, false)
            }
            (Some(course), _) => self.child(course, false),
            (None, said) => self.follow(said.as_ref()),
        }
    }

    /// The span of something that is done once more, which has a trace of its own and disturbs none.
    pub fn repeat(&self, of: &SpanContext) -> NewSpan {
        let mut span = self.begin(SpanOrigin::Linked(of.clone()));
        span.context.flags = span.context.flags.sampled(of.is_sampled());
        span
    }

    fn begin(&self, origin: SpanOrigin) -> NewSpan {
        if !TRACED {
            return NewSpan { context: self.nowhere.clone(), origin };
        }
        let mut context = self.ids.root();
        context.flags = context.flags.sampled(self.samples(&context));
        NewSpan { context, origin }
    }

    fn child(&self, parent: &SpanContext, remote: bool) -> NewSpan {
        if !TRACED {
            return self.begin(SpanOrigin::Root);
        }
        let origin = SpanOrigin::Child { parent: parent.span, remote };
        NewSpan { context: SpanContext { span: self.ids.span(), ..parent.clone() }, origin }
    }

    fn samples(&self, context: &SpanContext) -> bool {
        let share = TrafficShare::of_thousandths(self.sample.load(Ordering::Relaxed));
        // The last seven bytes are random. Hosts with the same share decide alike.
        let in_share = share.takes(context.trace.low() << 8);
        self.at_least.spend() || in_share
    }

    /// Whether a span that is over is to be recorded. One that failed has others of its trace recorded, too, that end later.
    pub fn wants(&self, context: &SpanContext, failed: bool) -> bool {
        if !TRACED {
            return false;
        }
        if failed {
            self.failed.set(context.trace);
        }
        context.is_sampled() || ((failed || self.failed.has(context.trace)) && self.faults.spend())
    }

    /// Hands on a span that is over, which was asked for.
    pub fn record(&self, span: SpanRecord) {
        self.sink.record(Arc::new(span));
    }

    /// A case that took this long, for whoever wants to look at the trace that it is in.
    pub(crate) fn exemplar(&self, trace: TraceId, took: Duration) -> Exemplar {
        Exemplar { trace: trace.bytes(), value: took.as_secs_f64(), time: self.clock.now() }
    }

    /// When something began that took until now, and how long that was.
    pub fn since(&self, begun: Instant) -> (SystemTime, Duration) {
        let took = begun.elapsed();
        let now = self.clock.now();
        (now.checked_sub(took).map_or(UNIX_EPOCH, |start| start.max(UNIX_EPOCH)), took)
    }
}

/// So many in a time, or none.
#[derive(Debug)]
struct Allowance {
    any: AtomicBool,
    rate: RateLimit,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { any: AtomicBool::new(false), rate: RateLimit::new(None) }
    }
}

impl Allowance {
    fn set(&self, rate: Option<Rate>) {
        self.rate.set(rate);
        self.any.store(rate.is_some(), Ordering::Relaxed);
    }

    /// Whether there may be one more.
    fn spend(&self) -> bool {
        self.any.load(Ordering::Relaxed) && self.rate.pass(Instant::now()).is_ok()
    }
}

#[cfg(test)]
mod tests;

//! Traces at a glance.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patchbay_model::ServiceName;
use patchbay_model::trace::{SpanRecord, TraceId};

/// Which traces are wanted.
#[derive(Debug, Clone, Default)]
pub struct TraceQuery {
    /// Those in which this service has a span.
    pub service: Option<ServiceName>,
    /// Those in which something failed.
    pub faulted: bool,
    /// No more than so many.
    pub limit: usize,
}

/// A trace, as far as its spans are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummary {
    /// The trace.
    pub id: TraceId,
    /// The name of its first span.
    pub name: String,
    /// The service of its first span.
    pub service: Option<ServiceName>,
    /// When its first span began.
    pub start: SystemTime,
    /// From the start of the first span to the end of the last one.
    pub duration: Duration,
    /// The spans that are kept.
    pub spans: usize,
    /// The services that have some of them.
    pub services: BTreeSet<ServiceName>,
    /// Spans whose work failed.
    pub faults: usize,
    /// Whether a span is missing that others of this host follow from: it was not recorded, or is not kept any more.
    pub incomplete: bool,
}

/// The traces that the query asks for, those that began last first.
pub(super) fn summaries(spans: &[Arc<SpanRecord>], query: &TraceQuery) -> Vec<TraceSummary> {
    let mut traces: HashMap<TraceId, Vec<&SpanRecord>> = HashMap::new();
    for span in spans {
        traces.entry(span.context.trace).or_default().push(span);
    }
    let summaries = traces.into_iter().filter_map(|(id, spans)| summary(id, &spans));
    let mut wanted: Vec<_> = summaries.filter(|summary| query.wants(summary)).collect();
    wanted.sort_by(|a, b| b.start.cmp(&a.start).then(a.id.cmp(&b.id)));
    wanted.truncate(query.limit);
    wanted
}

impl TraceQuery {
    fn wants(&self, summary: &TraceSummary) -> bool {
        let of_service = self.service.as_ref().is_none_or(|service| summary.services.contains(service));
        of_service && (!self.faulted || summary.faults > 0)
    }
}

fn summary(id: TraceId, spans: &[&SpanRecord]) -> Option<TraceSummary> {
    let first = spans.iter().min_by_key(|span| (span.origin.parent().is_some(), span.start))?;
    let start = spans.iter().map(|span| span.start).min()?;
    let end = spans.iter().map(|span| span.start + span.duration).max()?;
    let known: BTreeSet<_> = spans.iter().map(|span| span.context.span).collect();
    let is_orphan = |span: &&&SpanRecord| {
        use patchbay_model::trace::SpanOrigin::Child;
        matches!(&span.origin, Child { parent, remote: false } if !known.contains(parent))
    };
    Some(TraceSummary {
        id,
        name: first.name.clone(),
        service: first.service.clone(),
        start,
        duration: end.duration_since(start).unwrap_or_default(),
        spans: spans.len(),
        services: spans.iter().filter_map(|span| span.service.clone()).collect(),
        faults: spans.iter().filter(|span| span.fault.is_some()).count(),
        incomplete: spans.iter().any(|span| is_orphan(&span)),
    })
}

//! Which spans are kept, and what is seen of traces.

use std::time::{Duration, UNIX_EPOCH};

use patchbay_model::ServiceName;
use patchbay_model::trace::{SpanFault, SpanId, SpanKind, SpanOrigin, SpanSubject, TraceFlags};

use super::*;

fn span(trace: u128, span: u64, parent: Option<u64>, service: &str, start: u64) -> SpanRecord {
    let parent = parent.and_then(SpanId::new);
    SpanRecord {
        context: SpanContext {
            trace: TraceId::new(trace).unwrap(),
            span: SpanId::new(span).unwrap(),
            flags: TraceFlags::SAMPLED,
            state: None,
        },
        origin: parent.map_or(SpanOrigin::Root, |parent| SpanOrigin::Child { parent, remote: false }),
        kind: SpanKind::Server,
        name: format!("span {span}"),
        start: UNIX_EPOCH + Duration::from_secs(start),
        duration: Duration::from_secs(3),
        service: Some(service.parse().unwrap()),
        revision: None,
        call: None,
        caller: None,
        attempts: 1,
        queued: Duration::ZERO,
        fault: None,
        subject: SpanSubject::Own(Box::default()),
        events: Vec::new(),
        own: Vec::new(),
    }
}

fn kept(settings: &TraceSettings, spans: Vec<SpanRecord>) -> RecentSpans {
    let recent = RecentSpans::new(settings);
    spans.into_iter().for_each(|span| recent.keep(Arc::new(span)));
    recent
}

#[test]
fn the_oldest_spans_make_room_for_the_newest() {
    let spans = || (1..=10).map(|n| span(1, n, None, "orders", n)).collect();
    let numbers = |recent: &RecentSpans| recent.all().iter().map(|span| span.context.span.number()).collect::<Vec<_>>();
    let settings = |keep, keep_size| TraceSettings { keep, keep_size, ..TraceSettings::default() };
    assert_eq!(numbers(&kept(&settings(3, 1 << 20), spans())), [8, 9, 10]);
    let size = span(1, 1, None, "orders", 1).size() as u64;
    let recent = kept(&settings(100, size * 2 + size / 2), spans());
    assert_eq!(numbers(&recent), [9, 10]);
    recent.set(&settings(1, 1 << 20));
    assert_eq!(numbers(&recent), [10]);
    assert_eq!(numbers(&kept(&settings(0, 1 << 20), spans())), [0; 0]);
}

#[test]
fn traces_are_summed_up_newest_first() {
    let failed = SpanRecord { fault: Some(SpanFault::cancelled()), ..span(2, 22, Some(21), "payments", 21) };
    let spans = [
        span(1, 12, Some(11), "payments", 11),
        span(1, 11, None, "orders", 10),
        failed,
        span(2, 21, None, "orders", 20),
        span(3, 32, Some(31), "orders", 30),
    ];
    let spans: Vec<_> = spans.into_iter().map(Arc::new).collect();
    let ask = |service: Option<&str>, faulted, limit| {
        let service = service.map(|service| service.parse().unwrap());
        let summaries = summary::summaries(&spans, &TraceQuery { service, faulted, limit });
        summaries
            .iter()
            .map(|summary| (summary.id.number(), summary.spans, summary.faults, summary.incomplete))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(None, false, 9), [(3, 1, 0, true), (2, 2, 1, false), (1, 2, 0, false)]);
    assert_eq!(ask(None, false, 1), [(3, 1, 0, true)]);
    assert_eq!(ask(Some("payments"), false, 9), [(2, 2, 1, false), (1, 2, 0, false)]);
    assert_eq!(ask(None, true, 9), [(2, 2, 1, false)]);
    let all = summary::summaries(&spans, &TraceQuery { limit: 9, ..TraceQuery::default() });
    let second = &all[2];
    assert_eq!((second.name.as_str(), second.duration), ("span 11", Duration::from_secs(4)));
    assert_eq!(second.services.iter().map(ServiceName::as_str).collect::<Vec<_>>(), ["orders", "payments"]);
}

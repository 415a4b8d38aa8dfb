//! Spans that cannot be, and more of them than there may be.

use crate::bindings::wasi::otel::tracing::{self, Datetime, Event, SpanContext, SpanData};
use crate::calc;
use crate::span::{self, Span};

/// Does one thing that is wrong, and then calls another service.
pub(crate) fn done(what: &str) -> String {
    let host = tracing::outer_span_context();
    match what {
        "foreign" => told(&host, |context| "1af7651916cd43dd8448eb211c80319c".clone_into(&mut context.trace_id)),
        "trace-hex" => told(&host, |context| context.trace_id = "g".repeat(32)),
        "trace-zero" => told(&host, |context| context.trace_id = "0".repeat(32)),
        "trace-huge" => told(&host, |context| context.trace_id = "a".repeat(1 << 20)),
        "span-hex" => told(&host, |context| "not hexadecimal".clone_into(&mut context.span_id)),
        "span-zero" => told(&host, |context| context.span_id = "0".repeat(16)),
        "span-empty" => told(&host, |context| context.span_id = String::new()),
        "span-host" => told(&host, |context| context.span_id.clone_from(&host.span_id)),
        "unbegun" => tracing::on_end(&Span::new(0xe1, &host).data("unbegun")),
        "twice" => {
            let span = Span::begin(0xe1, &host);
            tracing::on_end(&span.data("once"));
            tracing::on_end(&span.data("twice"));
        }
        "backwards" => ended(&host, |data| data.end_time = Datetime { seconds: 1, nanoseconds: 0 }),
        "ancient" => ended(&host, |data| data.start_time = Datetime { seconds: 0, nanoseconds: 0 }),
        "future" => ended(&host, |data| data.end_time = Datetime { seconds: u64::MAX, nanoseconds: 0 }),
        "nanoseconds" => ended(&host, |data| data.end_time.nanoseconds = u32::MAX),
        "many" => many(&host),
        "huge" => huge(&host),
        _ => return "up".to_owned(),
    }
    calc::add(1, 2).to_string()
}

/// A span with another context than it should have.
fn told(host: &SpanContext, change: impl Fn(&mut SpanContext)) {
    let mut span = Span::new(0xe1, host);
    change(&mut span.context);
    tracing::on_start(&span.context);
    tracing::on_end(&span.data("foreign"));
}

/// A span that ends in another way than it should.
fn ended(host: &SpanContext, change: impl Fn(&mut SpanData)) {
    let mut data = Span::begin(0xe1, host).data("ended");
    change(&mut data);
    tracing::on_end(&data);
}

/// More spans than a call may have.
fn many(host: &SpanContext) {
    for id in 1..=10_000 {
        tracing::on_end(&Span::begin(id, host).data("one of many"));
    }
}

/// A span of which far too much is said.
fn huge(host: &SpanContext) {
    let mut data = Span::begin(0xe1, host).data(&"é".repeat(1 << 19));
    let value = "x".repeat(10_000);
    let attributes: Vec<_> = (0..200).map(|n| format!("key {n}")).collect();
    let attributes: Vec<_> = attributes.iter().map(|key| (key.as_str(), value.as_str())).collect();
    data.attributes = span::attributes(&attributes);
    let event = Event { name: "e".repeat(1_000), time: span::now(), attributes: span::attributes(&[("a", "1")]) };
    data.events = vec![event; 1_000];
    tracing::on_end(&data);
}

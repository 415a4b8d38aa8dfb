//! What arrives at a collector, and what becomes of what it does not take.

mod collector;

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as ProtoKind;
use patchbay_model::ports::SpanSink;
use patchbay_model::trace::{
    Attribute, AttributeValue, LeftOut, OwnSpan, SpanContext, SpanEvent, SpanFault, SpanId, SpanKind, SpanLink,
    SpanOrigin, SpanRecord, SpanScope, SpanSubject,
};
use patchbay_model::{CallId, Principal, RevisionNumber, Secret};

use super::*;
use collector::{Answer, Collector};

fn context(span: u64) -> SpanContext {
    let context = SpanContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03").unwrap();
    SpanContext { span: SpanId::new(span).unwrap(), state: Some("a=1".into()), ..context }
}

fn record(span: u64, service: Option<&str>) -> SpanRecord {
    SpanRecord {
        context: context(span),
        origin: SpanOrigin::Root,
        kind: SpanKind::Server,
        name: "GET /x/*".to_owned(),
        start: SystemTime::UNIX_EPOCH + Duration::from_secs(7),
        duration: Duration::from_millis(5),
        service: service.map(|service| service.parse().unwrap()),
        revision: RevisionNumber::new(3),
        call: Some(CallId::new(9)),
        caller: Some(Principal::Outside),
        attempts: 2,
        queued: Duration::from_millis(500),
        fault: None,
        subject: SpanSubject::Request {
            method: http::Method::GET,
            secure: true,
            path: "/x/y".to_owned(),
            route: Some("/x/*".to_owned()),
            status: Some(200),
        },
        events: Vec::new(),
        own: Vec::new(),
    }
}

fn resource() -> OtlpResource {
    OtlpResource {
        name: "shop".to_owned(),
        instance: "i".to_owned(),
        version: "1".to_owned(),
        attributes: vec![("deployment.environment.name".to_owned(), "test".to_owned())],
    }
}

fn settings(protocol: OtlpProtocol, endpoint: &str) -> OtlpSettings {
    let value = HeaderText::Fixed(Arc::new(Secret::new("Bearer sesame".to_owned())));
    OtlpSettings {
        endpoint: endpoint.to_owned(),
        protocol,
        headers: vec![OtlpHeader { name: "authorization".to_owned(), value }],
        interval: Duration::from_millis(1),
        ..OtlpSettings::default()
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// The spans of a request, in the order of their names, with the `service.name` that they came under.
fn spans_of(received: &[ResourceSpans]) -> Vec<(String, opentelemetry_proto::tonic::trace::v1::Span)> {
    let mut spans = Vec::new();
    for resource in received {
        let name = said(&resource.resource.as_ref().unwrap().attributes, "service.name");
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            spans.push((name.clone(), span.clone()));
        }
    }
    spans.sort_by(|(_, a), (_, b)| a.span_id.cmp(&b.span_id));
    spans
}

/// An attribute as text, or nothing.
fn said(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == name);
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn spans_arrive_as_they_are() {
    for protocol in OtlpProtocol::ALL {
        let collector = Collector::open(protocol, |_| Answer::Taken).await;
        let otlp = Otlp::new(settings(protocol, &collector.endpoint), resource()).unwrap();
        let outbox = otlp.outbox::<Arc<SpanRecord>>();
        let parent = SpanId::new(1).unwrap();
        let failed = SpanRecord {
            origin: SpanOrigin::Child { parent, remote: true },
            kind: SpanKind::Consumer,
            fault: Some(SpanFault { kind: "trapped".into(), message: "it broke off".to_owned(), details: None }),
            events: vec![SpanEvent {
                name: "patchbay.retry".into(),
                after: Duration::from_millis(2),
                attributes: vec![Attribute::number("patchbay.attempt", 1)],
            }],
            ..record(2, Some("orders"))
        };
        let refused = SpanRecord {
            origin: SpanOrigin::Linked(context(8)),
            fault: Some(SpanFault { kind: "denied".into(), message: "no".to_owned(), details: None }),
            ..record(3, None)
        };
        for span in [record(1, Some("orders")), failed, refused] {
            outbox.record(Arc::new(span));
        }
        otlp.close(soon()).await;
        assert_eq!(outbox.counts(), OutboxCounts { sent: 3, ..OutboxCounts::default() });

        let received = collector.received();
        assert!(received.iter().all(|request| request.authorization == "Bearer sesame"), "{protocol:?}");
        let received: Vec<_> = received.into_iter().flat_map(|request| request.traces.resource_spans).collect();
        let attributes =
            &received.iter().find(|one| said(&one.resource.as_ref().unwrap().attributes, "service.name") == "orders");
        let attributes = &attributes.unwrap().resource.as_ref().unwrap().attributes;
        let names = ["service.namespace", "service.instance.id", "deployment.environment.name"];
        assert_eq!(names.map(|name| said(attributes, name)), ["shop", "i", "test"]);

        let spans = spans_of(&received);
        let services: Vec<_> = spans.iter().map(|(service, _)| service.as_str()).collect();
        assert_eq!(services, ["orders", "orders", "shop"]);
        let [(_, first), (_, second), (_, third)] = &*spans else { panic!("three spans") };
        assert_eq!(first.trace_id, context(1).trace.bytes());
        assert_eq!((first.trace_state.as_str(), first.flags, first.parent_span_id.len()), ("a=1", 0x103, 0));
        assert_eq!((first.kind, first.name.as_str()), (ProtoKind::Server as i32, "GET /x/*"));
        assert_eq!((first.start_time_unix_nano, first.end_time_unix_nano), (7_000_000_000, 7_005_000_000));
        for (name, value) in [
            ("http.request.method", "GET"),
            ("http.route", "/x/*"),
            ("http.response.status_code", "200"),
            ("url.path", "/x/y"),
            ("patchbay.revision", "3"),
            ("patchbay.attempts", "2"),
            ("patchbay.queue.duration", "0.5"),
            ("patchbay.caller", "outside"),
            ("patchbay.call", "0000000000000009"),
        ] {
            assert_eq!(said(&first.attributes, name), value, "{name}");
        }
        assert_eq!((first.status.clone().unwrap().code, first.events.len()), (0, 0));
        assert_eq!((second.parent_span_id.as_slice(), second.flags), (parent.bytes().as_slice(), 0x303));
        let status = second.status.clone().unwrap();
        assert_eq!(
            (status.code, status.message.as_str(), said(&second.attributes, "error.type").as_str()),
            (2, "it broke off", "trapped")
        );
        assert_eq!(
            (second.events[0].time_unix_nano, second.events[0].name.as_str()),
            (7_002_000_000, "patchbay.retry")
        );
        // It is not the fault of the service that somebody may not call it.
        assert_eq!((third.status.clone().unwrap().code, said(&third.attributes, "error.type").as_str()), (0, "denied"));
        assert_eq!(third.links[0].span_id, context(8).span.bytes());
    }
}

#[tokio::test]
async fn spans_of_services_come_under_what_made_them() {
    let collector = Collector::open(OtlpProtocol::Grpc, |_| Answer::Taken).await;
    let otlp = Otlp::new(settings(OtlpProtocol::Grpc, &collector.endpoint), resource()).unwrap();
    let outbox = otlp.outbox::<Arc<SpanRecord>>();
    let own = |name: &str, succeeded| OwnSpan {
        scope: SpanScope {
            name: name.to_owned(),
            version: Some("2".to_owned()),
            schema: Some("https://example.com/schema".to_owned()),
            attributes: vec![Attribute::text("part", "front")],
        },
        links: vec![SpanLink { context: context(8), attributes: vec![Attribute::number("why", 1)] }],
        succeeded,
        left_out: LeftOut { attributes: 1, events: 2, links: 3 },
    };
    let made = |span, own: OwnSpan| SpanRecord {
        subject: SpanSubject::Own(Box::new(own)),
        own: vec![Attribute {
            name: "tags".into(),
            value: AttributeValue::List(vec![AttributeValue::Text("a".into()), AttributeValue::Flag(true)]),
        }],
        ..record(span, Some("orders"))
    };
    for span in [record(1, Some("orders")), made(2, own("a", true)), made(3, own("b", false)), made(4, own("a", false))]
    {
        outbox.record(Arc::new(span));
    }
    otlp.close(soon()).await;
    let received: Vec<_> = collector.received().into_iter().flat_map(|request| request.traces.resource_spans).collect();
    let [of_orders] = &*received else { panic!("{received:#?}") };
    let scopes: Vec<_> = of_orders.scope_spans.iter().map(|scoped| (scoped.scope.clone().unwrap(), scoped)).collect();
    let found: Vec<_> = scopes.iter().map(|(scope, scoped)| (scope.name.as_str(), scoped.spans.len())).collect();
    assert_eq!(found, [("patchbay", 1), ("a", 2), ("b", 1)]);
    let (scope, scoped) = &scopes[1];
    assert_eq!((scope.version.as_str(), scoped.schema_url.as_str()), ("2", "https://example.com/schema"));
    assert_eq!(said(&scope.attributes, "part"), "front");
    let [span, other] = &*scoped.spans else { panic!("two spans") };
    assert_eq!((span.links[0].span_id.as_slice(), span.links.len()), (context(8).span.bytes().as_slice(), 1));
    assert_eq!(said(&span.links[0].attributes, "why"), "1");
    let left_out = (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count);
    assert_eq!(left_out, (1, 2, 3));
    assert_eq!([span, other].map(|span| span.status.clone().unwrap().code), [1, 0]);
    let tags = span.attributes.iter().find(|attribute| attribute.key == "tags").unwrap();
    let Some(Value::ArrayValue(tags)) = tags.value.clone().unwrap().value else { panic!("{tags:?}") };
    assert_eq!(tags.values.len(), 2);
}

#[tokio::test]
async fn a_batch_is_no_larger_than_collectors_take() {
    let collector = Collector::open(OtlpProtocol::Grpc, |_| Answer::Taken).await;
    let slow = Duration::from_secs(60);
    let settings = OtlpSettings { interval: slow, ..settings(OtlpProtocol::Grpc, &collector.endpoint) };
    let otlp = Otlp::new(settings, resource()).unwrap();
    let outbox = otlp.outbox::<Arc<SpanRecord>>();
    for n in 1..=5 {
        let large = Attribute::text("large", "x".repeat(1 << 20));
        outbox.put(Arc::new(SpanRecord { own: vec![large], ..record(n, None) }));
    }
    otlp.close(soon()).await;
    let sizes: Vec<_> =
        collector.received().into_iter().map(|request| spans_of(&request.traces.resource_spans).len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
}

#[tokio::test]
async fn what_may_be_taken_later_is_sent_again() {
    for protocol in OtlpProtocol::ALL {
        let collector = Collector::open(protocol, |n| if n < 3 { Answer::Later } else { Answer::Taken }).await;
        let otlp = Otlp::new(settings(protocol, &collector.endpoint), resource()).unwrap();
        let outbox = otlp.outbox::<Arc<SpanRecord>>();
        outbox.put(Arc::new(record(1, None)));
        collector.asked(4).await;
        otlp.close(soon()).await;
        assert_eq!(outbox.counts(), OutboxCounts { sent: 1, ..OutboxCounts::default() }, "{protocol:?}");
        assert_eq!(collector.received().len(), 4);
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_counted() {
    for protocol in OtlpProtocol::ALL {
        for (answer, sent, refused) in [(Answer::Never, 0, 2), (Answer::Partly, 1, 1)] {
            let collector = Collector::open(protocol, move |_| answer).await;
            let slow = Duration::from_secs(60);
            let otlp =
                Otlp::new(OtlpSettings { interval: slow, ..settings(protocol, &collector.endpoint) }, resource())
                    .unwrap();
            let outbox = otlp.outbox::<Arc<SpanRecord>>();
            outbox.put(Arc::new(record(1, None)));
            outbox.put(Arc::new(record(2, None)));
            otlp.close(soon()).await;
            assert_eq!(outbox.counts(), OutboxCounts { sent, refused, dropped: 0 }, "{protocol:?} {answer:?}");
            assert_eq!(collector.received().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_collector_that_does_not_answer_holds_nobody_up() {
    for protocol in OtlpProtocol::ALL {
        let collector = Collector::open(protocol, |_| Answer::Nothing).await;
        let settings = OtlpSettings { queue: 8, batch: 4, ..settings(protocol, &collector.endpoint) };
        let otlp = Otlp::new(settings, resource()).unwrap();
        let outbox = otlp.outbox::<Arc<SpanRecord>>();
        outbox.put(Arc::new(record(1, None)));
        collector.asked(1).await;
        let begun = Instant::now();
        for n in 2..=1001 {
            outbox.put(Arc::new(record(n, None)));
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(outbox.counts().dropped, 992, "there is room for eight");
        otlp.close(Instant::now() + Duration::from_millis(200)).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(outbox.counts(), OutboxCounts { sent: 0, dropped: 992, refused: 9 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_away_is_tried_for_a_minute() {
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let otlp = Otlp::new(settings(OtlpProtocol::Http, &endpoint), resource()).unwrap();
    let outbox = otlp.outbox::<Arc<SpanRecord>>();
    let begun = Instant::now();
    outbox.put(Arc::new(record(1, None)));
    while outbox.counts().refused == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let tried = begun.elapsed();
    assert!(tried > Duration::from_secs(20) && tried < Duration::from_secs(70), "{tried:?}");
    otlp.close(soon()).await;
}

#[test]
fn what_cannot_be_used_is_said_at_once() {
    for (endpoint, ca, said) in
        [("no address", None, "no address"), ("http://x:1", Some("/nowhere.pem"), "nowhere.pem")]
    {
        for protocol in OtlpProtocol::ALL {
            let settings =
                OtlpSettings { ca: ca.map(Into::into), ..settings(protocol, &endpoint.replace("http", "https")) };
            match Otlp::new(settings, resource()) {
                Err(error) => assert!(error.contains(said), "{error}"),
                // What is no address is found out when something is sent.
                Ok(_) => assert_eq!((protocol, ca), (OtlpProtocol::Http, None)),
            }
        }
    }
}

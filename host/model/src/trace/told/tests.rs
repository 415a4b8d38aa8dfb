//! What is kept of what services tell.

use proptest::prelude::*;

use super::*;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What a record takes in memory at most, whatever is told: the texts, and the places of what there may be so many of.
const MOST: usize = 256 << 10;

fn place() -> OwnPlace {
    OwnPlace {
        context: SpanContext::parse(format!("00-{TRACE}-00000000000000aa-03").as_bytes()).unwrap(),
        parent: SpanId::new(0xbb).unwrap(),
        start: UNIX_EPOCH + Duration::from_secs(100),
        duration: Duration::from_secs(10),
    }
}

fn record(told: ToldSpan) -> SpanRecord {
    told.record(place(), &"orders@3".parse().unwrap(), CallId::new(7))
}

fn own(record: &SpanRecord) -> &OwnSpan {
    match &record.subject {
        SpanSubject::Own(own) => own,
        other => panic!("{other:?}"),
    }
}

fn pair(name: &str, value: &str) -> ToldAttribute {
    (name.to_owned(), value.to_owned())
}

fn time(seconds: u64) -> ToldTime {
    ToldTime { seconds, nanoseconds: 0 }
}

#[test]
fn a_span_is_kept_as_it_is_told() {
    let event = |time| ToldEvent { name: "cache".to_owned(), time, attributes: vec![pair("hit", "false")] };
    let linked = ToldContext {
        trace: TRACE.to_owned(),
        span: "00000000000000cc".to_owned(),
        sampled: true,
        state: vec![pair("a", "1"), pair("b", "2")],
    };
    let told = ToldSpan {
        name: "price".to_owned(),
        kind: SpanKind::Client,
        attributes: vec![pair("sku", "\"tea\""), pair("error.type", "\"timeout\"")],
        events: vec![
            event(time(103)),
            event(time(0)),
            event(time(999)),
            event(ToldTime { seconds: 1, nanoseconds: u32::MAX }),
        ],
        links: vec![ToldLink { context: linked, attributes: vec![pair("why", "1")] }, ToldLink::default()],
        status: ToldStatus::Error("too slow".to_owned()),
        scope: ToldScope {
            name: "shop".to_owned(),
            version: Some("1".to_owned()),
            schema: None,
            attributes: vec![pair("x", "1")],
        },
        left_out: LeftOut { attributes: 2, ..LeftOut::default() },
        ..ToldSpan::default()
    };
    let kept = record(told);
    assert_eq!((kept.name.as_str(), kept.kind, kept.origin.parent()), ("price", SpanKind::Client, SpanId::new(0xbb)));
    assert_eq!((kept.start, kept.duration), (place().start, place().duration));
    assert_eq!(kept.service.as_ref().map(|name| name.as_str()), Some("orders"));
    assert_eq!(kept.fault, Some(SpanFault { kind: "timeout".into(), message: "too slow".to_owned(), details: None }));
    assert_eq!(kept.own, [Attribute::text("sku", "tea")]);
    let after: Vec<_> = kept.events.iter().map(|event| event.after.as_secs()).collect();
    assert_eq!(after, [3, 0, 10], "what is outside of it stands at its edge");
    assert_eq!(kept.events[0].attributes, [Attribute::flag("hit", false)]);
    let own = own(&kept);
    assert_eq!((own.scope.name.as_str(), own.scope.version.as_deref(), own.succeeded), ("shop", Some("1"), false));
    assert_eq!(own.links[0].context.parent_text(), format!("00-{TRACE}-00000000000000cc-01"));
    assert_eq!(own.links[0].context.state.as_deref(), Some("a=1,b=2"));
    assert_eq!(own.left_out, LeftOut { attributes: 2, events: 1, links: 1 });
    let said: Vec<_> = kept.attributes().into_iter().map(|attribute| attribute.name.into_owned()).collect();
    assert_eq!(said, ["patchbay.own", "error.type", "patchbay.service", "patchbay.revision", "patchbay.call", "sku"]);
}

#[test]
fn what_it_says_of_its_end_counts() {
    for (status, fault, succeeded) in [
        (ToldStatus::Unset, None, false),
        (ToldStatus::Ok, None, true),
        (ToldStatus::Error(String::new()), Some(("error", "")), false),
        (ToldStatus::Error("oh".to_owned()), Some(("error", "oh")), false),
    ] {
        let told = ToldSpan { status, ..ToldSpan::default() };
        assert_eq!(told.has_failed(), fault.is_some());
        let kept = record(told);
        let found = kept.fault.as_ref().map(|fault| (&*fault.kind, fault.message.as_str()));
        assert_eq!((found, own(&kept).succeeded), (fault, succeeded));
    }
}

#[test]
fn nothing_passes_for_what_the_host_says() {
    let event = |name: &str| ToldEvent { name: name.to_owned(), time: time(100), ..ToldEvent::default() };
    let kept = record(ToldSpan {
        attributes: vec![
            pair("patchbay.own", "false"),
            pair("patchbay.service", "\"other\""),
            pair("service.name", "1"),
        ],
        events: vec![event("patchbay.retry"), event("retry")],
        ..ToldSpan::default()
    });
    assert!(kept.own.is_empty());
    assert_eq!(kept.events.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["retry"]);
    assert_eq!(own(&kept).left_out, LeftOut { attributes: 3, events: 1, links: 0 });
}

#[test]
fn a_span_holds_so_much_and_no_more() {
    let long = |n: usize| "é".repeat(n);
    let many = |n: usize| (0..n).map(|n| (format!("{n}{}", "k".repeat(100)), long(5_000))).collect::<Vec<_>>();
    let context =
        ToldContext { trace: TRACE.to_owned(), span: "00000000000000cc".to_owned(), ..ToldContext::default() };
    let kept = record(ToldSpan {
        name: long(1 << 20),
        attributes: many(10_000),
        events: vec![ToldEvent { name: long(9_000), time: time(101), attributes: many(100) }; 1_000],
        links: vec![ToldLink { context, attributes: many(100) }; 1_000],
        status: ToldStatus::Error(long(1 << 20)),
        scope: ToldScope {
            name: long(1 << 20),
            version: Some(long(9_000)),
            schema: Some(long(9_000)),
            attributes: many(100),
        },
        left_out: LeftOut { attributes: u32::MAX, events: 0, links: 0 },
        ..ToldSpan::default()
    });
    assert_eq!((kept.name.len(), own(&kept).scope.name.len()), (256, 256));
    assert!(kept.size() < MOST, "{}", kept.size());
    let left_out = own(&kept).left_out;
    assert_eq!(left_out.attributes, u32::MAX);
    assert_eq!((left_out.links as usize) + own(&kept).links.len(), 1_000);
    assert_eq!((left_out.events as usize) + kept.events.len(), 1_000);
}

fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        1 => "[\\[\\]{}\",0-9a-z:.-]{0,40}",
        1 => Just("x".repeat(20_000)),
        1 => Just(TRACE.to_owned()),
        1 => "(patchbay|service)[.](own|call|name)",
    ]
}

fn attributes() -> impl Strategy<Value = Vec<ToldAttribute>> {
    prop::collection::vec((anything(), anything()), 0..20)
}

fn told() -> impl Strategy<Value = ToldSpan> {
    let times = || (any::<u64>(), any::<u32>()).prop_map(|(seconds, nanoseconds)| ToldTime { seconds, nanoseconds });
    let context = || {
        (anything(), "[0-9a-g]{15,17}", any::<bool>(), prop::collection::vec((anything(), anything()), 0..4))
            .prop_map(|(trace, span, sampled, state)| ToldContext { trace, span, sampled, state })
    };
    let events =
        (anything(), times(), attributes()).prop_map(|(name, time, attributes)| ToldEvent { name, time, attributes });
    let links = (context(), attributes()).prop_map(|(context, attributes)| ToldLink { context, attributes });
    let status = prop_oneof![Just(ToldStatus::Unset), Just(ToldStatus::Ok), anything().prop_map(ToldStatus::Error)];
    let scope = (anything(), prop::option::of(anything()), attributes())
        .prop_map(|(name, version, attributes)| ToldScope { name, version, schema: None, attributes });
    let parts = (prop::collection::vec(events, 0..5), prop::collection::vec(links, 0..5), status, scope);
    (anything(), attributes(), times(), parts).prop_map(|(name, attributes, start, (events, links, status, scope))| {
        ToldSpan { name, attributes, start, events, links, status, scope, ..ToldSpan::default() }
    })
}

proptest! {
    #[test]
    fn whatever_is_told_what_is_kept_is_bounded_and_not_the_hosts(told in told()) {
        let kept = record(told);
        prop_assert!(kept.size() < MOST);
        prop_assert!(kept.events.iter().all(|event| event.after <= kept.duration && !event.name.starts_with("patchbay.")));
        let events = kept.events.iter().map(|event| &event.attributes);
        let links = own(&kept).links.iter().map(|link| &link.attributes);
        for attributes in [&kept.own, &own(&kept).scope.attributes].into_iter().chain(events).chain(links) {
            let mut names: Vec<_> = attributes.iter().map(|attribute| &*attribute.name).collect();
            prop_assert!(!names.iter().any(|name| name.starts_with("patchbay.") || *name == "service.name"));
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), all, "each name once");
        }
    }
}

//! Spans that services make themselves, with `wasi:otel/tracing`: where they stand among those of the host, and what becomes of
//! those that cannot be.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use super::{CALLER, TRACE};
use crate::support::{Host, at_rest, eventually, service};

/// Other traces than those that whoever asks begins are not recorded, and of those only what fails.
const TRACES: &str = "[traces]\nsample = \"0%\"\nat_least = \"none\"\n";

/// A service that makes spans, one whose functions it calls, and one that it sends requests to.
async fn host(settings: &str) -> Host {
    let traced = service("traced", "traced", &format!("routes = [\"/*\"]\ncallers = []\n{settings}"));
    let called = service("callee", "callee", "callers = [\"traced\"]");
    let asked = service("other", "probe", "callers = [\"traced\"]");
    Host::start(&format!("{TRACES}{traced}{called}{asked}")).await
}

/// Asks for something in a trace; what the service answers.
async fn ask(host: &Host, path: &str, trace: &str, flags: &str) -> String {
    let parent = format!("00-{trace}-{CALLER}-{flags}");
    let request = host.client().get(host.url(path)).header("traceparent", parent).header("tracestate", "a=1");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200, "{path}");
    reply.text().await.unwrap()
}

/// The spans of a trace once there is one of this name.
async fn spans(host: &Host, trace: &str, name: &str) -> Vec<Value> {
    eventually(&format!("a span `{name}` of {trace}"), async || {
        let traces = host.admin_get("/v1/traces?limit=1000").await;
        if !traces.as_array().unwrap().iter().any(|line| line["trace"] == *trace) {
            return None;
        }
        let whole = host.admin_get(&format!("/v1/traces/{trace}")).await;
        let spans = whole["spans"].as_array().unwrap().clone();
        spans.iter().any(|span| span["name"] == *name).then_some(spans)
    })
    .await
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found: Vec<_> = spans.iter().filter(|span| span["name"] == *name).collect();
    let [span] = &*found else { panic!("{} spans `{name}` in {spans:#?}", found.len()) };
    span
}

/// How many spans of the service were dropped.
async fn dropped(host: &Host) -> u64 {
    let metrics = host.admin(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let start = "patchbay_service_dropped_spans_total{service=\"traced\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(start));
    line.unwrap_or_else(|| panic!("no {start} in {metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_a_span_of_a_service_follows_from_it() {
    for policy in ["fresh", "reuse"] {
        let host = host(&format!("instances = \"{policy}\"")).await;
        assert_eq!(ask(&host, "/nested", TRACE, "01").await, "3 200");
        let spans = spans(&host, TRACE, "GET /*").await;
        let root = named(&spans, "GET /*");
        let (outer, inner) = (named(&spans, "work"), named(&spans, "look up"));
        let (called, asked) = (named(&spans, "test:typed/calc@0.1.0.add"), named(&spans, "GET"));
        for (span, parent) in [(outer, root), (inner, outer), (called, inner), (asked, outer)] {
            assert_eq!(span["parent"], parent["span"], "{span:#} in {parent:#}");
        }
        assert_eq!((&outer["span"], &inner["span"]), (&json!("00000000000000a1"), &json!("00000000000000a2")));
        for span in [outer, inner] {
            assert_eq!(
                (&span["service"], &span["revision"], &span["call"]),
                (&json!("traced"), &json!(1), &root["call"])
            );
            assert_eq!(span["sampled"], true);
        }
        assert_eq!((&inner["kind"], &outer["kind"]), (&json!("client"), &json!("internal")));
        let said = &inner["attributes"];
        let wanted = json!({"sku": "tea", "cold": true, "size": 12, "tags": ["a", "b"], "patchbay.own": true});
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&said[name], value, "{said:#}");
        }
        assert!(said.get("patchbay.caller").is_none(), "nobody but the host says so: {said:#}");
        assert_eq!(inner["own"]["left_out"], json!({"attributes": 1, "events": 0, "links": 0}));
        assert_eq!(inner["events"][0]["name"], "missed");
        assert_eq!(inner["events"][0]["attributes"], json!({"cache": "warm"}));
        assert_eq!((&inner["own"]["succeeded"], &outer["own"]["succeeded"]), (&json!(true), &json!(false)));
        assert_eq!(inner["own"]["scope"], json!({"name": "traced", "version": "0.1.0", "attributes": {}}));
        assert_eq!(outer["fault"], json!({"kind": "error", "message": "it was too cold"}));
        let link = json!([{"traceparent": format!("00-{TRACE}-00000000000000a2-01"), "attributes": {"why": 1}}]);
        assert_eq!(outer["own"]["links"], link);
        assert!(root.get("own").is_none() && root.get("fault").is_none(), "{root:#}");

        let summary = &host.admin_get("/v1/traces").await[0];
        assert_eq!((&summary["incomplete"], &summary["faults"]), (&json!(false), &json!(1)));
        let (status, shown, _) = host.cli(&["trace", TRACE]).await;
        assert!(status == 0 && shown.contains("\n  traced@1 work"), "{shown}");
        assert!(shown.contains("\n    traced@1 look up") && shown.contains("error: it was too cold"), "{shown}");
        assert!(shown.contains("\n      callee@1 test:typed/calc@0.1.0.add"), "{shown}");
        assert_eq!(dropped(&host).await, 0);

        // What is printed in a span belongs to it.
        let logs = host.admin_get("/v1/logs?service=traced").await;
        let of = |line: &str| {
            let found = logs.as_array().unwrap().iter().find(|record| record["line"] == *line);
            found.unwrap_or_else(|| panic!("no {line} in {logs:#}"))["span"].clone()
        };
        for (line, span) in
            [("in the inner span", inner), ("in the outer span", outer), ("in the span of the call", root)]
        {
            assert_eq!(of(line), span["span"], "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_the_contexts_of_its_call() {
    let host = host("").await;
    for (trace, flags, sampled) in [(TRACE, "01", true), ("1af7651916cd43dd8448eb211c80319d", "00", false)] {
        let told = ask(&host, "/contexts", trace, flags).await;
        let lines: Vec<Vec<_>> = told.lines().map(|line| line.split(' ').collect()).collect();
        let told = |text: &str| text.split('-').map(str::to_owned).collect::<Vec<_>>();
        let [before, within, after] = &*lines else { panic!("{lines:?}") };
        let outer = told(before[0]);
        assert_eq!((outer[0].as_str(), outer[2].as_str(), outer[3].as_str()), (trace, flags, "true"));
        assert_ne!(outer[1], CALLER, "it is that of the call, not of who called");
        // The state has a space in its notation.
        assert_eq!(outer[4], "[(\"a\",");
        assert_eq!((before, before[2]), (after, before[0]), "outside of a span it is that of the call");
        let current = told(within[2]);
        assert_eq!((within[0], current[0].as_str()), (before[0], trace));
        assert_eq!(
            (current[1].as_str(), current[2].as_str(), current[3].as_str()),
            ("00000000000000b1", flags, "false")
        );
        if sampled {
            let spans = spans(&host, trace, "b").await;
            assert_eq!(named(&spans, "b")["sampled"], true);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_calls_a_failure_is_recorded_with_what_it_happened_in() {
    let host = host("").await;
    // Nobody asked for the trace to be recorded.
    assert_eq!(ask(&host, "/fail", TRACE, "00").await, "done");
    let spans = spans(&host, TRACE, "GET /*").await;
    let (root, failed) = (named(&spans, "GET /*"), named(&spans, "attempt"));
    assert_eq!((&failed["parent"], &failed["sampled"]), (&root["span"], &json!(false)));
    assert_eq!(failed["fault"], json!({"kind": "timeout", "message": "in vain"}));
    assert_eq!(failed["attributes"]["error.type"], "timeout");
    assert!(root.get("fault").is_none(), "{root:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_cannot_be_are_dropped_and_disturb_nothing() {
    let host = host("instances = \"reuse\"").await;
    let cases = [
        ("foreign", 1, 0),
        ("trace-hex", 1, 0),
        ("trace-zero", 1, 0),
        ("trace-huge", 1, 0),
        ("span-hex", 1, 0),
        ("span-zero", 1, 0),
        ("span-empty", 1, 0),
        ("span-host", 1, 0),
        ("unbegun", 1, 0),
        ("backwards", 1, 0),
        ("ancient", 1, 0),
        ("future", 1, 0),
        ("nanoseconds", 1, 0),
        ("twice", 1, 1),
        ("many", 9_872, 128),
        ("huge", 0, 1),
        ("leak", 0, 0),
    ];
    let mut all = 0;
    for (number, (what, lost, kept)) in cases.into_iter().enumerate() {
        let trace = format!("{:032x}", number + 1);
        assert_eq!(ask(&host, &format!("/{what}"), &trace, "01").await, "3");
        let spans = spans(&host, &trace, "GET /*").await;
        all += lost;
        assert_eq!(dropped(&host).await, all, "{what}");
        let own: Vec<_> = spans.iter().filter(|span| span.get("own").is_some()).collect();
        assert_eq!((own.len(), spans.len()), (kept, kept + 2), "{what}: {spans:#?}");
        let root = named(&spans, "GET /*");
        let called = named(&spans, "test:typed/calc@0.1.0.add");
        // What is never ended has been begun, and is the only one that leaves a trace behind.
        let parent = if what == "leak" { json!("00000000000000c1") } else { root["span"].clone() };
        assert_eq!(called["parent"], parent, "{what}");
        for span in own {
            assert_eq!(span["parent"], root["span"], "{what}");
        }
        at_rest(&host, "traced").await;
    }
    let foreign = host.admin_get("/v1/traces?limit=1000").await;
    assert_eq!(foreign.as_array().unwrap().len(), cases.len(), "there is no other trace: {foreign:#}");

    let huge = named(&spans(&host, &format!("{:032x}", 16), "GET /*").await, &"é".repeat(128)).clone();
    let size = huge.to_string().len();
    assert!(size < 40_000, "{size}");
    assert_eq!(
        huge["own"]["left_out"]["events"].as_u64().unwrap() + huge["events"].as_array().unwrap().len() as u64,
        1_000
    );
    assert!(huge["own"]["left_out"]["attributes"].as_u64().unwrap() > 100, "{huge:#}");
    // The next call of the same instance begins with nothing.
    let told = ask(&host, "/contexts", TRACE, "01").await;
    let first = told.lines().next().unwrap();
    assert_eq!(first.matches(TRACE).count(), 2, "{told}");
    assert!(!first.contains("00000000000000"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_logs_of_the_proposal_are_not_offered() {
    let host = host("").await;
    for interface in ["metrics", "logs"] {
        let text = format!(
            "(component (import \"wasi:otel/{interface}@0.2.0-rc.2\" (instance (export \"nothing\" (func))))\
               (core module $m (func (export \"f\"))) (core instance $i (instantiate $m))\
               (func $f (canon lift (core func $i \"f\")))\
               (instance $e (export \"f\" (func $f))) (export \"test:own/thing@0.1.0\" (instance $e)))"
        );
        let (status, answer) = host.deploy("refused", wat::parse_str(text).unwrap(), json!({})).await;
        assert!(status >= 400, "{answer}");
        let answer = answer.to_string();
        let says = ["wasi:otel/", interface, "`tracing` is offered, in the version `0.2.0-rc.2`"];
        assert!(says.iter().all(|text| answer.contains(text)), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_works_on_several_calls_has_spans_in_each() {
    let traced = service("traced", "traced3", "routes = [\"/*\"]\ninstances = \"concurrent\"");
    let called = service("callee", "callee3", "callers = [\"traced\"]");
    let host = Host::start(&format!("{TRACES}{traced}{called}")).await;
    let ids = [0xa1_u64, 0xb2];
    let tries = AtomicU64::new(0);
    // Which instance a call goes to is the host's to decide, so it is tried until two meet.
    let traces = eventually("two calls meet in an instance", async || {
        let number = tries.fetch_add(2, Ordering::Relaxed);
        let traces = [1, 2].map(|which| format!("{:032x}", number + which));
        let paths = ids.map(|id| format!("/{id}"));
        let (one, other) =
            tokio::join!(ask(&host, &paths[0], &traces[0], "01"), ask(&host, &paths[1], &traces[1], "01"));
        let met = ids.map(|id| format!("true {id:016x}"));
        ([one, other] == met).then_some(traces)
    })
    .await;
    for (trace, id) in traces.iter().zip(ids) {
        let spans = spans(&host, trace, "GET /*").await;
        let (root, own) = (named(&spans, "GET /*"), named(&spans, "met"));
        assert_eq!((&own["span"], &own["parent"]), (&json!(format!("{id:016x}")), &root["span"]), "{trace}");
        assert_eq!((&own["call"], spans.len()), (&root["call"], 3), "{trace}");
        assert_eq!(named(&spans, "test:typed/calc@0.1.0.add")["parent"], own["span"], "{trace}");
    }
    assert_eq!(dropped(&host).await, 0);
}

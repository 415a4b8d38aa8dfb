//! The metrics of a host: what is counted of calls whose number is known, while others go on; what is written of the metrics; and
//! what is built upon them.

mod catalogue;
mod exposition;
mod queries;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Host, root, service};
use catalogue::Catalogue;
use exposition::Exposition;

/// A host with a service that calls another one, one that breaks off when it is told to, and a topic.
fn services() -> String {
    let callee = service("callee", "callee", "instances = \"reuse\"");
    let caller = service("caller", "caller", "routes = [\"/*\"]");
    let retry = "retry = { idempotent = [\"test:inside/calls.flaky\"], attempts = 3, backoff = \"1ms\" }";
    let breaking = service("breaking", "insider", &format!("instances = \"reuse\"\n{retry}"));
    let hello = service("hello", "hello", "routes = [\"/hello/*\"]");
    format!("[topics.\"shop.>\"]\nlevel = \"durable\"\n{callee}{caller}{breaking}{hello}")
}

async fn scrape(host: &Host) -> Exposition {
    let reply = host.admin(reqwest::Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(&reply.text().await.unwrap())
}

/// Calls that are counted: enough of them for their CPU time, of which one in sixteen is looked at, to be seen.
const CALLS: u32 = 250;

#[tokio::test(flavor = "multi_thread")]
async fn known_calls_are_counted_exactly_and_counters_only_grow() {
    let host = Arc::new(Host::start(&services()).await);
    let before = scrape(&host).await;
    // Others go on all the time, by a way that is not looked at below.
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..3)
        .map(|_| {
            let (host, stop) = (Arc::clone(&host), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(host.ask("/hello/metrics").await.0, 200);
                }
            })
        })
        .collect();
    for _ in 0..CALLS {
        assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    }
    assert_eq!(host.ask("/break-off").await.0, 502);
    let flaky =
        |times: u32| host.post("/v1/services/breaking/call", json!({ "function": "flaky", "arguments": [times] }));
    assert_eq!((flaky(2).await.0, flaky(9).await.0), (200, 500));
    for number in 0..4 {
        assert_eq!(host.post("/v1/topics/shop.orders/messages", json!(number)).await.0, 201);
    }
    let middle = scrape(&host).await;
    assert_eq!(host.ask("/add?1,2").await.0, 200);
    let after = scrape(&host).await;
    stop.store(true, Ordering::Relaxed);
    for load in load {
        load.await.unwrap();
    }
    let last = scrape(&host).await;
    for (earlier, later) in [(&before, &middle), (&middle, &after), (&after, &last)] {
        earlier.assert_grown_into(later);
    }
    let grown = |name: &str, labels: &[(&str, &str)]| middle.value(name, labels) - before.value(name, labels);
    let link = [("caller", "caller"), ("service", "callee")];
    assert_eq!(grown("patchbay_call_duration_seconds_count", &link), f64::from(CALLS + 1));
    assert_eq!(grown("patchbay_call_faults_total", &[link[0], link[1], ("kind", "trapped")]), 1.0);
    let answered = [("http_request_method", "GET"), ("http_route", "/*"), ("http_response_status_code", "200")];
    assert_eq!(grown("http_server_request_duration_seconds_count", &answered), f64::from(CALLS));
    let failed = [("http_response_status_code", "502"), ("service", "caller")];
    assert_eq!(grown("http_server_request_duration_seconds_count", &failed), 1.0);
    let operator = [("caller", "operator"), ("service", "breaking")];
    assert_eq!(grown("patchbay_call_duration_seconds_count", &operator), 2.0);
    assert_eq!(grown("patchbay_call_faults_total", &[operator[0], operator[1], ("kind", "trapped")]), 1.0);
    // One attempt more for the first of them, and two for the second.
    assert_eq!(grown("patchbay_service_retries_total", &[("service", "breaking")]), 3.0);
    assert_eq!(grown("patchbay_service_traps_total", &[("service", "breaking")]), 4.0);
    assert_eq!(grown("patchbay_service_traps_total", &[("service", "callee")]), 1.0);
    assert_eq!(grown("patchbay_topic_published_messages_total", &[("topic", "shop.>")]), 4.0);
    assert_eq!(after.value("patchbay_topic_stored_messages", &[("topic", "shop.>")]), 4.0);
    assert!(after.value("patchbay_service_memory_bytes", &[("service", "callee")]) >= 65536.0);
    assert!(grown("patchbay_service_cpu_seconds_total", &[("service", "callee")]) > 0.0);
    assert_eq!(after.value("patchbay_service_events_total", &[("service", "callee"), ("event", "published")]), 1.0);
    assert_eq!(last.value("http_server_active_requests", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_what_is_documented_and_well_formed() {
    let host = Host::start(&services()).await;
    assert_eq!(host.ask("/add?1,2").await.0, 200);
    let text = host.admin(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let (shown, documented) = (Exposition::read(&text), Catalogue::of_documentation());
    documented.assert_same_families(&shown);
    for (name, labels) in shown.series() {
        documented.assert_has(&name, &labels, "the exposition");
    }
    assert_eq!(promtool(&["check", "metrics"], &text).await, "");

    let open =
        host.admin(reqwest::Method::GET, "/metrics").header("accept", "application/openmetrics-text").send().await;
    let open = open.unwrap();
    assert_eq!(open.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = open.text().await.unwrap();
    assert!(open.ends_with("\n# EOF\n") && open.contains("\n# UNIT patchbay_call_duration_seconds seconds\n"));

    let bare = host.client().get(host.admin_url("/metrics")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let public = Host::start("[metrics]\npublic = true\n").await;
    let bare = public.client().get(public.admin_url("/metrics")).send().await.unwrap();
    assert_eq!(bare.status(), 200);
    assert_eq!(public.client().get(public.admin_url("/v1/activity")).send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_look_on_are_told_every_second() {
    let host = Host::start(&services()).await;
    for _ in 0..3 {
        assert_eq!(host.ask("/add?1,2").await.0, 200);
    }
    let activity = host.admin_get("/v1/activity").await;
    let link = activity["links"].as_array().unwrap().iter().find(|link| link["caller"] == "caller").unwrap();
    assert_eq!((&link["service"], &link["calls"], &link["latency"]["count"]), (&json!("callee"), &json!(3), &json!(3)));
    let service = activity["services"].as_array().unwrap().iter().find(|service| service["name"] == "callee").unwrap();
    assert_eq!((&service["revision"], &service["broken"]), (&json!(1), &json!(false)));
    assert!(activity["topics"].as_array().unwrap().iter().any(|topic| topic["name"] == "shop.>"), "{activity}");

    let followed = host.admin(reqwest::Method::GET, "/v1/activity?follow=true").send().await.unwrap();
    let (mut stream, mut text) = (followed.bytes_stream(), String::new());
    while text.matches("event: activity\n").count() < 2 {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    assert_eq!(host.admin(reqwest::Method::GET, "/v1/activity?stay=true").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_alert_rules_are_well_formed() {
    let rules = root().join("docs/observability/alerts.yaml");
    let told = promtool(&["check", "rules", "--lint=all", "--lint-fatal", rules.to_str().unwrap()], "").await;
    assert!(told.contains("SUCCESS"), "{told}");
}

/// What `promtool` says of `input`; it has to be content.
async fn promtool(arguments: &[&str], input: &str) -> String {
    let program = root().join("target/tools/bin/promtool");
    assert!(program.exists(), "{} is missing: run `cargo xtask test`", program.display());
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    told
}

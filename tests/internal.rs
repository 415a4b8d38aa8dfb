//! Services that call each other inside the host: by name, when the callee lets them, through the channel.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Host, PATIENCE, marked, service};

/// Guests and the policies that each can have.
const WAYS: [(&str, &str); 5] =
    [("probe", "fresh"), ("probe", "reuse"), ("probe3", "fresh"), ("probe3", "reuse"), ("probe3", "concurrent")];

/// A service for each way, named `ROLE-GUEST-POLICY`, for the same name below `example`.
fn every_way(role: &str, settings: &str) -> String {
    let one = |(guest, policy)| {
        let name = format!("{role}-{guest}-{policy}");
        let routes = format!("routes = [\"{name}.example/*\"]\ninstances = \"{policy}\"\n{settings}");
        service(&name, guest, &routes)
    };
    WAYS.map(one).concat()
}

fn names(role: &str) -> Vec<String> {
    WAYS.iter().map(|(guest, policy)| format!("{role}-{guest}-{policy}")).collect()
}

/// What `caller` gets when it asks `url`.
async fn call(host: &Host, caller: &str, url: &str) -> String {
    host.ask_of(&format!("{caller}.example"), &format!("/outgoing?url={url}")).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn services_call_each_other_when_the_callee_lets_them() {
    let callers = format!("callers = {}", json!(names("caller")));
    let nobody = "callers = []";
    let all = [every_way("caller", nobody), every_way("callee", &callers), every_way("closed", nobody)].concat();
    let host = Host::start(&all).await;
    for caller in names("caller") {
        for callee in names("callee") {
            let answer = call(&host, &caller, &format!("http://{callee}.internal/version")).await;
            assert_eq!(answer, "status 200: none", "{caller} {callee}");
            // A fault of the callee is what any caller would get.
            let answer = call(&host, &caller, &format!("http://{callee}.internal/trap")).await;
            assert!(answer.starts_with("status 500: {\"type\":\"urn:patchbay:fault:trapped\""), "{caller}: {answer}");
        }
        for (url, expected) in [
            ("http://closed-probe-fresh.internal/version", "HttpRequestDenied"),
            (&format!("http://{caller}.internal/version"), "HttpRequestDenied"),
            ("http://nobody.internal/", "DestinationNotFound"),
            ("http://metadata.google.internal/", "DestinationNotFound"),
            ("https://callee-probe-fresh.internal/", "HttpRequestUriInvalid"),
            ("http://callee-probe-fresh.internal:8080/", "HttpRequestUriInvalid"),
        ] {
            let answer = call(&host, &caller, url).await;
            assert!(answer.contains(expected), "{caller} {url}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callee_learns_who_calls_and_nobody_can_forge_it() {
    let callers = "callers = [\"caller-probe-fresh\", \"caller-probe3-concurrent\"]";
    let host = Host::start(&[every_way("caller", ""), every_way("callee", callers)].concat()).await;
    for caller in ["caller-probe-fresh", "caller-probe3-concurrent"] {
        let path = "/outgoing?url=http://callee-probe-fresh.internal/headers";
        let request = host.client().get(host.url(path)).header("host", format!("{caller}.example"));
        let reply = request.send().await.unwrap();
        let id = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
        let text = reply.text().await.unwrap();
        let seen: Value = serde_json::from_str(text.strip_prefix("status 200: ").unwrap()).unwrap();
        let header = |name: &str| {
            let headers = seen["headers"].as_array().unwrap();
            headers.iter().find(|header| header[0] == name).map(|header| header[1].as_str().unwrap().to_owned())
        };
        assert_eq!(header("patchbay-caller").as_deref(), Some(caller));
        assert_eq!(header("patchbay-parent"), Some(id.clone()), "{text}");
        assert!(header("patchbay-call").is_some_and(|own| own != id), "{text}");
        assert_eq!(seen["authority"], "callee-probe-fresh.internal");
    }
    let request = host.client().get(host.url("/headers")).header("host", "callee-probe-fresh.example");
    let forged = request.header("patchbay-caller", "caller-probe-fresh").header("patchbay-parent", "1");
    let text = forged.send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("patchbay-caller") && !text.contains("patchbay-parent"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_end() {
    let callers = format!("callers = {}", json!(names("self")));
    let host = Host::start(&every_way("self", &format!("{callers}\ntimeout = \"20s\""))).await;
    for name in names("self") {
        let begun = Instant::now();
        let path = format!("/again?url=http://{name}.internal/");
        let (status, answer) = host.ask_of(&format!("{name}.example"), &path).await;
        assert_eq!(status, 200, "{name}: {answer}");
        assert_eq!(answer.matches("status 200").count(), 16, "{name}: {answer}");
        assert!(answer.contains("status 508: {\"type\":\"urn:patchbay:fault:loop\""), "{name}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{name} took {:?}", begun.elapsed());
    }
    // Where there are fewer places than links, the chain ends for want of a place.
    let one =
        service("one", "probe", "routes = [\"/*\"]\ncallers = [\"one\"]\nconcurrency = 3\nqueue_wait = \"200ms\"");
    let host = Host::start(&one).await;
    let (_, answer) = host.ask("/again?url=http://one.internal/").await;
    assert!(answer.contains("urn:patchbay:fault:overloaded"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways() {
    let callers = format!("callers = {}", json!(names("caller")));
    let host = Host::start(&[every_way("caller", ""), every_way("callee", &callers)].concat()).await;
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    for caller in names("caller") {
        for callee in names("callee") {
            let path = format!("/relay?url=http://{callee}.internal/echo");
            let request = host.client().post(host.url(&path)).header("host", format!("{caller}.example"));
            let reply = request.body(sent.clone()).send().await.unwrap();
            assert_eq!(reply.status(), 200, "{caller} {callee}");
            let received = reply.bytes().await.unwrap();
            assert!(received == sent, "{caller} {callee}: {} bytes", received.len());
            // A body that breaks off in the callee does not end well in the caller.
            let path = format!("/relay?url=http://{callee}.internal/half");
            let request = host.client().get(host.url(&path)).header("host", format!("{caller}.example"));
            let whole = match request.send().await {
                Ok(reply) => reply.status() == 200 && reply.bytes().await.is_ok(),
                Err(_) => false,
            };
            assert!(!whole, "{caller} {callee}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callee_has_the_time_that_its_caller_has_left() {
    let callers = format!("timeout = \"60s\"\ncallers = {}", json!(names("caller")));
    let host = Host::start(&[every_way("caller", "timeout = \"1s\""), every_way("callee", &callers)].concat()).await;
    for caller in names("caller") {
        for callee in ["callee-probe-fresh", "callee-probe3-concurrent"] {
            let begun = Instant::now();
            let answer = call(&host, &caller, &format!("http://{callee}.internal/sleep?ms=50000")).await;
            assert!(answer.contains("deadline") || answer.contains("HttpResponseTimeout"), "{caller}: {answer}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{caller} took {:?}", begun.elapsed());
            while host.admin_get(&format!("/v1/services/{callee}")).await["calls"] != 0 {
                assert!(begun.elapsed() < PATIENCE, "{callee} is still called");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_of_the_callee_loses_no_call() {
    let callers = json!(names("caller"));
    let host = Host::start(&every_way("caller", "")).await;
    let settings = |version: &str| json!({ "callers": callers, "config": { "version": version } });
    let (status, answer) = host.deploy("callee", marked("probe", "0"), settings("0")).await;
    assert_eq!(status, 200, "{answer}");
    let over = std::sync::atomic::AtomicBool::new(false);
    let calling = async {
        let mut answers = Vec::new();
        while !over.load(std::sync::atomic::Ordering::SeqCst) {
            for caller in names("caller") {
                answers.push(call(&host, &caller, "http://callee.internal/version").await);
            }
        }
        answers
    };
    let swapping = async {
        for version in ["1", "2", "3"] {
            let (guest, mark) = (if version == "2" { "probe3" } else { "probe" }, version);
            let (status, answer) = host.deploy("callee", marked(guest, mark), settings(version)).await;
            assert_eq!(status, 200, "{answer}");
        }
        over.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let (answers, ()) = tokio::join!(calling, swapping);
    let version = |answer: &String| answer.strip_prefix("status 200: ").and_then(|text| text.parse::<u32>().ok());
    let versions: Vec<_> = answers.iter().map(|answer| version(answer).unwrap_or_else(|| panic!("{answer}"))).collect();
    assert!(versions.is_sorted() && versions.len() >= 5, "{versions:?}");
    // Who may call is part of the revision: another one takes it back.
    let closed = json!({ "callers": [], "config": { "version": "4" } });
    let (status, answer) = host.deploy("callee", marked("probe", "4"), closed).await;
    assert_eq!(status, 200, "{answer}");
    let answer = call(&host, "caller-probe-fresh", "http://callee.internal/version").await;
    assert!(answer.contains("HttpRequestDenied"), "{answer}");
}

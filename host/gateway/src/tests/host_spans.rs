//! The spans of requests that the host answers by itself: one each, and none beside that of a call.

use std::sync::Arc;
use std::time::Duration;

use patchbay_control::{ControlConfig, DeclaredRoute, ShedConfig};
use patchbay_model::policy::RouteSettings;
use patchbay_model::ports::HostLoad;
use patchbay_model::trace::{AttributeValue, SpanRecord, TraceSettings};
use patchbay_model::traffic::TrafficShare;
use patchbay_model::{Reply, full_body};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::client::raw;
use super::host::{Host, Listening, Script, script};

/// Answers with what may be kept for a minute; below `/cached/slow`, never.
fn kept() -> Script {
    script(|call| async move {
        if call.request.uri().path() == "/cached/slow" {
            return std::future::pending().await;
        }
        let mut reply = Reply::new(full_body("done"));
        reply.headers_mut().insert("cache-control", "public, max-age=60".parse().unwrap());
        Ok(reply)
    })
}

fn route(route: &str, settings: &str) -> DeclaredRoute {
    let settings: RouteSettings = serde_json::from_str(settings).unwrap();
    DeclaredRoute { route: route.parse().unwrap(), settings }
}

/// A host with routes of `orders` and of its own, that records what callers want recorded, and knows how to know people.
async fn host(files: &str) -> Host {
    let own = vec![
        route("/old/*", r#"{"anonymous": true, "edge": {"redirect": {"to": "/new"}}}"#),
        route("/private/*", r#"{"edge": {"redirect": {"to": "/new"}}}"#),
        route("/files/*", &format!(r#"{{"anonymous": true, "edge": {{"files": {{"directory": "{files}"}}}}}}"#)),
    ];
    let of_service = vec![
        route("GET /cached/*", r#"{"anonymous": true, "edge": {"cache": {"collapse": "60s"}}}"#),
        route("/guarded/*", "{}"),
        route("/rated/*", r#"{"anonymous": true, "rate": "1/h"}"#),
        route("PUT /cors/*", r#"{"anonymous": true, "edge": {"cors": {"origins": ["*"]}}}"#),
        route("POST /pay", r#"{"anonymous": true, "edge": {"idempotency": {"anonymous": true}}}"#),
    ];
    let traces = TraceSettings { sample: TrafficShare::NONE, at_least: None, ..TraceSettings::default() };
    // A target that no memory meets, for the test that has the load watched.
    let shed = ShedConfig { memory: Some(1), ..ShedConfig::default() };
    let config = ControlConfig { open: false, routes: own, traces, shed, ..ControlConfig::default() };
    Host::configured(kept(), config, of_service).await
}

/// The trace of the request of this number, and what the request says of it.
fn trace(number: usize, flags: &str) -> (String, String) {
    let trace = format!("{number:032x}");
    let parent = format!("traceparent: 00-{trace}-00000000000000b7-{flags}\r\n");
    (trace, parent)
}

/// Sends a request that begins like this; the status of its reply.
async fn ask(http: &Listening, request: &str, parent: &str) -> u16 {
    let (first, fields) = request.split_once('\n').unwrap_or((request, ""));
    let fields: String = fields.lines().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{first} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n{parent}{fields}\r\n");
    raw(http.address, &text).await[9..12].parse().unwrap()
}

fn said(span: &SpanRecord, name: &str) -> Option<AttributeValue> {
    span.attributes().into_iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value)
}

/// What is told of a request: the name of its span, its service, its fault, how often it was tried, and what a cache did.
type Told<'a> = (&'a str, Option<&'a str>, Option<&'a str>, u32, Option<&'a str>);

const ASKED: [(&str, u16, Told<'static>, bool); 16] = [
    // No route.
    ("GET /nothing?a=1", 404, ("GET", None, Some("not-found"), 0, None), true),
    ("DELETE /cached/a", 405, ("DELETE", None, Some("method-not-allowed"), 0, None), true),
    ("OPTIONS *", 204, ("OPTIONS", None, None, 0, None), true),
    ("TEA /nothing", 404, ("HTTP", None, Some("not-found"), 0, None), true),
    // The edge of a route, or the service behind it.
    ("GET /cached/a", 200, ("GET /cached/*", Some("orders"), None, 1, None), false),
    ("GET /cached/a", 200, ("GET /cached/*", Some("orders"), None, 0, Some("patchbay; hit; ttl=60")), true),
    ("POST /pay\nidempotency-key: \"k\"", 200, ("POST /pay", Some("orders"), None, 1, None), false),
    ("POST /pay\nidempotency-key: \"k\"", 200, ("POST /pay", Some("orders"), None, 0, None), true),
    (
        "OPTIONS /cors/a\norigin: https://a.test\naccess-control-request-method: PUT",
        204,
        ("OPTIONS /cors/*", Some("orders"), None, 0, None),
        true,
    ),
    // Routes of the host.
    ("GET /old/a", 307, ("GET /old/*", None, None, 0, None), true),
    ("GET /private/a", 401, ("GET /private/*", None, Some("unauthenticated"), 0, None), true),
    ("GET /files/page.txt", 200, ("GET /files/*", None, None, 0, None), true),
    ("GET /files/none.txt", 404, ("GET /files/*", None, Some("not-found"), 0, None), true),
    // Refused on the way to a service, which the channel tells of.
    ("GET /guarded/a", 401, ("GET /guarded/*", Some("orders"), Some("unauthenticated"), 0, None), false),
    ("GET /rated/a", 200, ("GET /rated/*", Some("orders"), None, 1, None), false),
    ("GET /rated/a", 429, ("GET /rated/*", Some("orders"), Some("rate-limited"), 0, None), false),
];

#[tokio::test]
async fn each_request_has_one_span_whoever_answers_it() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("page.txt"), "a page").unwrap();
    let host = host(folder.path().to_str().unwrap()).await;
    let http = host.http().await;
    for (number, (request, status, expected, by_host)) in ASKED.into_iter().enumerate() {
        let (id, parent) = trace(number + 1, "01");
        assert_eq!(ask(&http, request, &parent).await, status, "{request}");
        let spans = host.control.trace(id.parse().unwrap());
        let [span] = &spans[..] else { panic!("{request}: {spans:?}") };
        let cache = span.events.iter().find(|event| event.name == "patchbay.cache");
        let cache = cache.map(|event| match &event.attributes[0].value {
            AttributeValue::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        });
        let fault = span.fault.as_ref().map(|fault| &*fault.kind);
        let service = span.service.as_ref().map(|service| service.as_str());
        let told: Told<'_> = (&span.name, service, fault, span.attempts, cache.as_deref());
        assert_eq!(told, expected, "{request}");
        assert_eq!((span.kind.name(), span.call.is_some()), ("server", true), "{request}");
        let path = request.split([' ', '?', '\n']).nth(1).unwrap();
        assert_eq!(said(span, "url.path"), Some(AttributeValue::Text(path.to_owned().into())), "{request}");
        if by_host {
            let status = AttributeValue::Number(status.into());
            assert_eq!(said(span, "http.response.status_code"), Some(status), "{request}");
        }
    }
}

#[tokio::test]
async fn what_is_not_sampled_and_no_fault_of_the_host_is_not_recorded() {
    let host = host("/").await;
    let http = host.http().await;
    // What is kept has to be there.
    assert_eq!(ask(&http, "GET /cached/a", "").await, 200);
    for (number, (request, status, _, by_host)) in ASKED.into_iter().enumerate() {
        if by_host && !request.contains("/files/") && !request.contains("/pay") {
            let (id, parent) = trace(number + 1, "00");
            assert_eq!(ask(&http, request, &parent).await, status, "{request}");
            assert!(host.control.trace(id.parse().unwrap()).is_empty(), "{request}");
        }
    }
}

#[tokio::test]
async fn who_leaves_before_the_host_has_an_answer_is_told_of() {
    let host = host("/").await;
    let http = host.http().await;
    let slow = async |number| {
        let mut socket = TcpStream::connect(http.address).await.unwrap();
        let text = format!("GET /cached/slow HTTP/1.1\r\nhost: shop.test\r\n{}\r\n", trace(number, "01").1);
        socket.write_all(text.as_bytes()).await.unwrap();
        socket
    };
    // The first one asks the service, and the other one waits for what the first one gets.
    let first = slow(1).await;
    let asked = || host.control.service(&"orders".parse().unwrap()).unwrap().calls;
    until(|| asked() == 1).await;
    drop(slow(2).await);
    let spans = |number| host.control.trace(trace(number, "01").0.parse().unwrap());
    until(|| !spans(2).is_empty()).await;
    let left = spans(2);
    let fault = left[0].fault.as_ref().map(|fault| &*fault.kind);
    assert_eq!((left.len(), left[0].attempts, fault), (1, 0, Some("cancelled")));
    assert_eq!(asked(), 1, "it never came to the service");
    drop(first);
    until(|| !spans(1).is_empty()).await;
    assert_eq!((spans(1).len(), spans(1)[0].attempts), (1, 1));
}

/// More than there is room for.
struct Full;

impl HostLoad for Full {
    fn memory(&self) -> Option<u64> {
        Some(u64::MAX)
    }

    fn memory_limit(&self) -> Option<u64> {
        None
    }
}

#[tokio::test]
async fn a_saturated_host_does_not_tell_of_each_one_that_it_refuses() {
    let host = host("/").await;
    let http = host.http().await;
    let control = Arc::clone(&host.control);
    let watching = tokio::spawn(async move { control.watch_load(Arc::new(Full)).await });
    let (mut number, mut answered) = (0, 0);
    let refused = timeout(Duration::from_secs(60), async {
        loop {
            number += 1;
            let (id, parent) = trace(number, "01");
            match ask(&http, "GET /old/a", &parent).await {
                503 => return id,
                status => assert_eq!(status, 307),
            }
            assert_eq!(host.control.trace(id.parse().unwrap()).len(), 1);
            answered += 1;
        }
    });
    let refused = refused.await.unwrap();
    watching.abort();
    assert!(host.control.trace(refused.parse().unwrap()).is_empty());
    assert!(answered > 0);
}

/// Waits for something that is about to happen.
async fn until(mut met: impl FnMut() -> bool) {
    timeout(Duration::from_secs(60), async {
        while !met() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

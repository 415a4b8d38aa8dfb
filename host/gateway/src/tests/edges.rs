//! What routes do at the edge, on sockets: in which order a request meets it, and what of it others feel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchbay_control::{DeclaredRoute, DeployRequest};
use patchbay_model::policy::RouteSettings;
use patchbay_model::{Origin, Reply, Settings, full_body};

use super::client::raw;
use super::host::{Host, Listening, Script, component, script};

/// Answers with the number of the call, for a minute.
fn counting() -> Script {
    let calls = Arc::new(AtomicUsize::new(0));
    script(move |_| {
        let mut reply = Reply::new(full_body(format!("call {}", calls.fetch_add(1, Ordering::SeqCst) + 1)));
        let headers = reply.headers_mut();
        headers.insert("cache-control", "public, max-age=60".parse().unwrap());
        headers.insert("etag", "\"1\"".parse().unwrap());
        std::future::ready(Ok(reply))
    })
}

fn route(route: &str, settings: &str) -> DeclaredRoute {
    let settings: RouteSettings = serde_json::from_str(settings).unwrap();
    DeclaredRoute { route: route.parse().unwrap(), settings }
}

/// The status, the header and the body of what comes back.
async fn ask(http: &Listening, request: &str) -> (u16, String, String) {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (first, fields) = head.split_once('\n').unwrap_or((head, ""));
    let fields: String = fields.lines().map(|line| format!("{line}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let text = format!("{first} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n{fields}{length}\r\n{body}");
    let reply = raw(http.address, &text).await;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn replies_are_kept_until_something_changes() {
    let routes = vec![
        route("GET,HEAD /api/*", r#"{"anonymous": true, "edge": {"cache": {}}}"#),
        route("POST,PUT /api/*", r#"{"anonymous": true}"#),
    ];
    let host = Host::guarded(counting(), routes, false).await;
    let http = host.http().await;
    for (request, status, body, kept) in [
        ("GET /api/a", 200, "call 1", "fwd=uri-miss; stored"),
        ("GET /api/a", 200, "call 1", "hit; ttl=60"),
        ("GET /api/a\nif-none-match: \"1\"", 304, "", "hit; ttl=60"),
        ("HEAD /api/a", 200, "", "hit; ttl=60"),
        ("GET /api/b", 200, "call 2", "fwd=uri-miss; stored"),
        // By a route that has no edge.
        ("PUT /api/a", 200, "call 3", ""),
        ("GET /api/a", 200, "call 4", "fwd=uri-miss; stored"),
        ("GET /api/b", 200, "call 2", "hit; ttl=60"),
    ] {
        let (found, head, told) = ask(&http, request).await;
        assert_eq!((found, told.as_str()), (status, body), "{request}");
        assert!(head.contains(&format!("cache-status: patchbay; {kept}")) || kept.is_empty(), "{request}: {head}");
        assert!(head.contains("patchbay-call: "), "{request}: {head}");
    }
    // Another revision begins with nothing.
    let request = DeployRequest {
        service: "orders".parse().unwrap(),
        component: host.components.put(component("other")).digest,
        settings: Settings::default(),
        routes: None,
        anonymous: false,
        origin: Origin::Api,
        allow_breaking: false,
        replace: false,
    };
    host.control.deploy(request).finished().await.unwrap();
    assert_eq!(ask(&http, "GET /api/b").await.2, "call 5");
}

#[tokio::test]
async fn who_is_not_let_in_gets_nothing_that_is_kept() {
    let host = Host::guarded(
        counting(),
        vec![route("/api/*", r#"{"edge": {"cache": {}, "cors": {"origins": ["https://shop.example"]}}}"#)],
        false,
    )
    .await;
    let http = host.http().await;
    for _ in 0..2 {
        let (status, head, _) = ask(&http, "GET /api/a\norigin: https://shop.example").await;
        assert_eq!(status, 401);
        assert!(head.contains("access-control-allow-origin: https://shop.example"), "{head}");
    }
    // A browser shows no credential when it asks whether it may.
    let preflight = "OPTIONS /api/a\norigin: https://shop.example\naccess-control-request-method: PUT";
    let (status, head, _) = ask(&http, preflight).await;
    assert_eq!(status, 204);
    assert!(head.contains("access-control-allow-methods: get,head,post,put,patch,delete"), "{head}");
    // Without the question, it is a request like any other.
    assert_eq!(ask(&http, "OPTIONS /api/a\norigin: https://shop.example").await.0, 401);
    let counts = host.control.service(&"orders".parse().unwrap()).unwrap().counts;
    assert_eq!(counts.unauthenticated, 3, "each refusal is counted, and the question of a browser is none");
}

#[tokio::test]
async fn a_preflight_takes_the_route_of_the_request_that_it_is_about() {
    let cors = r#"{"anonymous": true, "edge": {"cors": {"origins": ["*"]}}}"#;
    let routes = vec![route("GET /api/*", r#"{"anonymous": true}"#), route("PUT /api/*", cors)];
    let host = Host::guarded(counting(), routes, false).await;
    let http = host.http().await;
    for (method, status) in [("PUT", 204), ("GET", 405), ("DELETE", 405), ("n(t", 405)] {
        let preflight = format!("OPTIONS /api/a\norigin: https://a.test\naccess-control-request-method: {method}");
        assert_eq!(ask(&http, &preflight).await.0, status, "{method}");
    }
}

#[tokio::test]
async fn keys_have_what_they_are_for_run_once() {
    let settings = r#"{"anonymous": true, "edge": {"idempotency": {"anonymous": true}}}"#;
    let host = Host::guarded(counting(), vec![route("/pay", settings)], false).await;
    let http = host.http().await;
    let (_, _, first) = ask(&http, "POST /pay\nidempotency-key: \"k\"\n\n100").await;
    let (_, head, second) = ask(&http, "POST /pay\nidempotency-key: \"k\"\n\n100").await;
    assert_eq!((first.as_str(), second.as_str()), ("call 1", "call 1"));
    assert!(head.contains("idempotency-replayed: true"), "{head}");
    assert_eq!(ask(&http, "POST /pay\nidempotency-key: \"k\"\n\n101").await.0, 422);
    assert_eq!(ask(&http, "POST /pay\n\n100").await.2, "call 2");
}

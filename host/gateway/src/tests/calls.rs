//! Requests: where they go, what of them arrives, and what comes back when they cannot be served.

use http_body_util::BodyExt;
use patchbay_model::trace::SpanContext;
use patchbay_model::{Fault, FaultKind, Limits, Reply, Settings, full_body};
use serde_json::Value;

use super::client::{Client, channel, data, no_body, raw, text};
use super::host::{Host, Script, says, script};

/// Answers with the request as the service sees it, one thing per line.
fn mirror() -> Script {
    script(|call| async move {
        let (head, body) = call.request.into_parts();
        let mut lines = vec![format!("{} {}", head.method, head.uri)];
        // Another one for each request.
        let context = SpanContext::of_headers(&head.headers).map(|context| context.parent_text());
        lines.extend(head.headers.iter().map(|(name, value)| match value.to_str().unwrap() {
            own if Some(own) == context.as_deref() => format!("{name}: OWN"),
            value => format!("{name}: {value}"),
        }));
        lines.push(format!("call {}", call.context.id));
        let body = body.collect().await.map_err(|error| Fault::new(FaultKind::Trapped, error.to_string()))?;
        lines.push(String::from_utf8(body.to_bytes().to_vec()).unwrap());
        Ok(Reply::new(full_body(lines.join("\n"))))
    })
}

#[tokio::test]
async fn requests_go_where_their_routes_lead() {
    let host = Host::serving(says("here"), &["GET,POST orders.test/api/*", "/any"]).await;
    let http = host.http().await;
    for (request, status, allow) in [
        ("GET /api/1 HTTP/1.1\r\nhost: orders.test", 200, None),
        ("GET /api/1 HTTP/1.1\r\nhost: ORDERS.test:8080", 200, None),
        ("GET http://orders.test/api HTTP/1.1\r\nhost: other.test", 200, None),
        ("GET /api/1 HTTP/1.1\r\nhost: other.test", 404, None),
        ("GET /apis HTTP/1.1\r\nhost: orders.test", 404, None),
        ("DELETE /api/1 HTTP/1.1\r\nhost: orders.test", 405, Some("GET, POST")),
        (
            "CONNECT orders.test:80 HTTP/1.1\r\nhost: orders.test",
            405,
            Some("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        ),
        ("OPTIONS * HTTP/1.1\r\nhost: orders.test", 204, Some("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")),
        ("GET /any HTTP/1.0", 200, None),
        ("GET /any HTTP/1.1", 400, None),
        ("GET /any HTTP/1.1\r\nhost: a\r\nhost: a", 400, None),
        ("GET /any HTTP/1.1\r\nhost: a b", 400, None),
    ] {
        let reply = raw(http.address, &format!("{request}\r\nconnection: close\r\n\r\n")).await;
        let (head, _) = reply.split_once("\r\n\r\n").unwrap();
        let found: u16 = head[9..12].parse().unwrap();
        assert_eq!(found, status, "{request}: {reply}");
        let allowed = head.lines().find_map(|line| line.strip_prefix("allow: "));
        assert_eq!(allowed, allow, "{request}: {reply}");
        assert!(head.contains("patchbay-call: "), "{request}: {reply}");
    }
}

#[tokio::test]
async fn services_see_requests_in_one_form() {
    let host = Host::serving(mirror(), &["/*"]).await;
    let http = host.http().await;
    let mut forms = Vec::new();
    for http2 in [false, true] {
        let mut client = Client::connect(http.address, http2).await;
        let (sender, body) = channel();
        sender.send(data("body")).await.unwrap();
        drop(sender);
        let reply = client.send("POST", "/a?b=c", body).await.unwrap();
        let id = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
        forms.push(text(reply).await.replace(&id, "ID"));
    }
    assert_eq!(forms[0], "POST /a?b=c\nhost: orders.test\npatchbay-call: ID\ntraceparent: OWN\ncall ID\nbody");
    assert_eq!(forms[0], forms[1]);
}

#[tokio::test]
async fn what_belongs_to_the_hop_stays_there() {
    let host = Host::serving(mirror(), &["/*"]).await;
    let http = host.http().await;
    let reply = raw(
        http.address,
        "POST / HTTP/1.1\r\nhost: orders.test\r\nconnection: close, x-hop, te\r\nx-hop: 1\r\nx-end: 2\r\nte: trailers\r\n\
         keep-alive: timeout=1\r\nupgrade: h2c\r\nproxy-authorization: x\r\npatchbay-call: forged\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    )
    .await;
    let seen = reply.split_once("\r\n\r\n").unwrap().1;
    let kept = [
        "POST /",
        "host: orders.test",
        "patchbay-call: 0000000000000001",
        "x-end: 2",
        "te: trailers",
        "traceparent: OWN",
        "call 0000000000000001",
        "abc",
    ];
    assert_eq!(seen, kept.join("\n"));
}

#[tokio::test]
async fn faults_come_out_as_problems_without_their_details() {
    let faulty = script(|call| async move {
        let kind = match call.request.uri().path() {
            "/trapped" => FaultKind::Trapped,
            "/unavailable" => FaultKind::Unavailable,
            _ => FaultKind::Failed,
        };
        Err(Fault::new(kind, "it did not work").with_details("secret"))
    });
    let host = Host::serving(faulty, &["/*"]).await;
    let http = host.http().await;
    let mut client = Client::connect(http.address, false).await;
    for (path, status, retry) in [("/trapped", 500, None), ("/unavailable", 503, Some("1")), ("/failed", 502, None)] {
        let reply = client.get(path).await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
        assert_eq!(reply.headers().get("retry-after").map(|value| value.to_str().unwrap()), retry);
        let id = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
        let body = text(reply).await;
        assert!(!body.contains("secret"), "{body}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["type"], format!("urn:patchbay:fault:{}", &path[1..]));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["detail"], "it did not work");
        assert_eq!(problem["instance"], format!("urn:patchbay:call:{id}"));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let settings = Settings { limits: Limits { request_body: 4, ..Limits::default() }, ..Settings::default() };
    let host = Host::with_settings(mirror(), &["/*"], settings).await;
    let http = host.http().await;
    let head = "POST / HTTP/1.1\r\nhost: orders.test\r\ncontent-length: 100000000\r\n";
    let large = "x".repeat(1 << 20);
    for request in [
        format!("{head}expect: 100-continue\r\n\r\n"),
        // The reply has to get through although the client is still sending.
        format!("{head}\r\n{large}"),
        format!("POST / HTTP/1.1\r\nhost: orders.test\r\ntransfer-encoding: chunked\r\n\r\n100000\r\n{large}"),
    ] {
        let reply = raw(http.address, &request).await;
        assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
        assert!(reply.contains("connection: close\r\n") && !reply.contains("100 Continue"), "{reply}");
        assert!(reply.ends_with('}') && reply.contains("urn:patchbay:fault:too-large"), "{reply}");
    }
    let reply = raw(
        http.address,
        "POST / HTTP/1.1\r\nhost: orders.test\r\ncontent-length: 4\r\nexpect: 100-continue\r\nconnection: close\r\n\r\nbody",
    )
    .await;
    assert!(reply.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.ends_with("\nbody"), "{reply}");

    let mut client = Client::connect(http.address, true).await;
    let reply = client.send("POST", "/", full_body("12345")).await.unwrap();
    assert_eq!(reply.status(), 413);
    assert_eq!(client.send("GET", "/", no_body()).await.unwrap().status(), 200);
}

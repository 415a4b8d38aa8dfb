//! The HTTP listener: routes, protocols, headers, limits, and problems, seen from a client.

use reqwest::{Client, Method, StatusCode, header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Host, PATIENCE, service};

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_route_wins() {
    let named = |name: &str, routes: &str| {
        service(name, "probe", &format!("routes = [{routes}]\n[services.{name}.config]\nversion = \"{name}\""))
    };
    let host = Host::start(
        &[
            named("everything", "\"/*\""),
            named("exact", "\"GET /version\""),
            named("shop", "\"shop.example/*\""),
            named("names", "\"*.example/*\""),
        ]
        .concat(),
    )
    .await;
    for (method, name, version) in [
        (Method::GET, "localhost", "exact"),
        (Method::POST, "localhost", "everything"),
        (Method::GET, "shop.example", "shop"),
        (Method::GET, "Shop.Example:8080", "shop"),
        (Method::GET, "other.example", "names"),
    ] {
        let request = host.client().request(method.clone(), host.url("/version")).header("host", name);
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), version, "{method} {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_problem_json_and_give_nothing_away() {
    let host = Host::start(&service("probe", "probe", "routes = [\"GET,POST /echo\"]\nrequest_body = \"1KiB\"")).await;
    let body = vec![b'x'; 2048];
    for (request, status, name) in [
        (host.client().get(host.url("/nowhere")), 404, "not-found"),
        (host.client().delete(host.url("/echo")), 405, "method-not-allowed"),
        (host.client().post(host.url("/echo")).body(body), 413, "too-large"),
    ] {
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), status);
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/problem+json");
        if status == 405 {
            assert_eq!(reply.headers()[header::ALLOW], "GET, POST");
        }
        let problem: Value = reply.json().await.unwrap();
        assert!(problem["type"].as_str().unwrap().ends_with(name), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]\nrequest_body = \"1KiB\"")).await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");

    // One that announces no size is cut when it grows too large.
    let chunks = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024])));
    let body = reqwest::Body::wrap_stream(chunks);
    match host.client().post(host.url("/echo")).body(body).send().await {
        // The reply to an echo may have begun when the limit was met; then it must not end well.
        Ok(reply) if reply.status() == StatusCode::OK => assert!(reply.bytes().await.is_err()),
        Ok(reply) => assert_eq!(reply.status(), StatusCode::PAYLOAD_TOO_LARGE),
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_with_prior_knowledge() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let client = Client::builder().http2_prior_knowledge().build().unwrap();
    let reply = client.get(host.url("/headers")).send().await.unwrap();
    assert_eq!(reply.version(), reqwest::Version::HTTP_2);
    let report: Value = reply.json().await.unwrap();
    assert_eq!(report["authority"], host.address());
    let echoed = client.post(host.url("/echo")).body("over HTTP/2").send().await.unwrap();
    assert_eq!(echoed.text().await.unwrap(), "over HTTP/2");
}

#[tokio::test(flavor = "multi_thread")]
async fn hop_by_hop_headers_stay_on_their_hop() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    let request = "GET /headers HTTP/1.1\r\nHost: x.example\r\nConnection: close, X-Private\r\nX-Private: 1\r\n\
                   Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\nX-Public: 2\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let lower = body.to_lowercase();
    assert!(lower.contains("x-public"), "{answer}");
    for header in ["x-private", "keep-alive", "proxy-connection", "upgrade", "\"te\"", "\"connection\""] {
        assert!(!lower.contains(header), "{header} in {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_break_the_protocol_are_refused() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    for request in [
        "GET /version HTTP/1.1\r\n\r\n",
        "GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "GET /version HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        "NONSENSE\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(host.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap();
        assert!(read.is_err() || &answer == b"HTTP/1.1 400", "{request:?}: {}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(host.ask("/version").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_headers_and_no_body() {
    let host = Host::start(&service("pricing", "pricing", "routes = [\"/api/pricing/*\"]")).await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    stream
        .write_all(b"HEAD /api/pricing/quote?sku=tea&quantity=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
}

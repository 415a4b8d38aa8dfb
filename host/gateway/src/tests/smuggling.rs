//! Requests that two servers could cut apart differently: each is refused, or the connection ends with it, so that nothing
//! that follows is ever taken for a request. And bodies, heads and chunks that are made to cost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use patchbay_model::{Fault, FaultKind, Reply, full_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Client;
use super::host::{Host, Listening, Script, script};

/// Follows every attack on the same connection. No service may ever see it.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: orders.test\r\n\r\n";

/// What services saw: a path and a body each, or what was wrong with the body.
type Seen = Arc<Mutex<Vec<String>>>;

fn witness() -> (Script, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let script = script(move |call| {
        let told = Arc::clone(&told);
        async move {
            let path = call.request.uri().path().to_owned();
            let body = call.request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            let text = body.as_ref().map_or("broken".into(), |bytes| String::from_utf8_lossy(bytes));
            told.lock().unwrap().push(format!("{path} {text}"));
            match body {
                Ok(_) => Ok(Reply::new(full_body("here"))),
                Err(_) => Err(Fault::new(FaultKind::Invalid, "the body is broken")),
            }
        }
    });
    (script, seen)
}

/// Writes all of `bytes`, and reads until the host ends the connection. What it does with them may end it before.
async fn attack(http: &Listening, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(http.address).await.unwrap().into_split();
    let bytes = bytes.to_vec();
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&bytes).await;
        writer
    });
    let mut reply = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(1..) = reader.read(&mut piece).await.inspect(|n_read| reply.extend_from_slice(&piece[..*n_read])) {}
    drop(writing.await.unwrap());
    String::from_utf8_lossy(&reply).into_owned()
}

/// The statuses in what a connection said.
fn statuses(reply: &str) -> Vec<u16> {
    reply.split("HTTP/1.1 ").skip(1).map(|reply| reply[..3].parse().unwrap()).collect()
}

/// Attacks a host with `head` and `body` and then a request that must not be seen; another client is
/// served after each.
async fn expect(cases: &[(&str, &str, &[u16], &[&str])]) {
    let (script, seen) = witness();
    let host = Host::serving(script, &["/*"]).await;
    let http = host.http().await;
    for (head, body, answers, calls) in cases {
        let reply = attack(&http, format!("{head}\r\n\r\n{body}{SMUGGLED}").as_bytes()).await;
        assert_eq!(statuses(&reply), *answers, "{head:?} {body:.80}: {reply}");
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), *calls, "{head:?} {body:.80}: {reply}");
        let mut other = Client::connect(http.address, false).await;
        assert_eq!(other.get("/other").await.status(), 200, "after {head:?}");
        seen.lock().unwrap().clear();
    }
}

const POST: &str = "POST / HTTP/1.1\r\nhost: orders.test";

#[tokio::test(start_paused = true)]
async fn lengths_that_can_be_read_in_two_ways() {
    let with = |lines: &str| format!("{POST}\r\n{lines}");
    let lines = [
        ("content-length: +4", "body", &[400][..], &[][..]),
        ("content-length: -4", "body", &[400], &[]),
        ("content-length: 0x4", "body", &[400], &[]),
        ("content-length: 4 4", "body", &[400], &[]),
        ("content-length: 4,4", "body", &[400], &[]),
        ("content-length: 4;", "body", &[400], &[]),
        ("content-length: ", "body", &[400], &[]),
        ("content-length: 99999999999999999999", "body", &[400], &[]),
        ("content-length: 18446744073709551615", "body", &[431], &[]),
        ("content-length: 4\r\ncontent-length: 5", "body", &[400], &[]),
        ("content-length : 4", "body", &[400], &[]),
        ("content-length\t: 4", "body", &[400], &[]),
        (" content-length: 4", "body", &[400], &[]),
        ("content-length\0: 4", "body", &[400], &[]),
        ("content-length: 4\0", "body", &[400], &[]),
        ("content-length: 4\rx: y", "body", &[400], &[]),
        ("content-length:\r\n 4", "body", &[400], &[]),
        ("x: a\r\n content-length: 4", "body", &[400], &[]),
        (": 4", "body", &[400], &[]),
        ("content-length", "body", &[400], &[]),
        ("transfer-encoding: identity", "", &[400], &[]),
        ("transfer-encoding: xchunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunkedx", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunked, identity", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: identity\r\ntransfer-encoding: chunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunked, chunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: gzip, chunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: \"chunked\"", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding : chunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding:\x0bchunked", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding: chunked\x0b", "0\r\n\r\n", &[400], &[]),
        ("transfer-encoding:\r\n chunked", "0\r\n\r\n", &[400], &[]),
        // Both a length and a coding: the coding counts, and the connection ends (RFC 9112, 6.1).
        ("content-length: 30\r\ntransfer-encoding: chunked", "4\r\nbody\r\n0\r\n\r\n", &[200], &["/ body"]),
        ("transfer-encoding: chunked\r\ncontent-length: 4", "4\r\nbody\r\n0\r\n\r\n", &[200], &["/ body"]),
        ("transfer-encoding: chunked\r\ncontent-length: x", "4\r\nbody\r\n0\r\n\r\n", &[200], &["/ body"]),
        // Another header altogether: no body, and what follows is no request.
        ("transfer_encoding: chunked", "4\r\nbody\r\n0\r\n\r\n", &[200, 400], &["/ "]),
        ("x-transfer-encoding: chunked", "4\r\nbody\r\n0\r\n\r\n", &[200, 400], &["/ "]),
        // What is right, and then ends the connection so that the smuggled request is none.
        ("content-length: 4\r\ncontent-length: 4\r\nconnection: close", "body", &[200], &["/ body"]),
        ("content-length: \t4 \t\r\nconnection: close", "body", &[200], &["/ body"]),
        ("Transfer-Encoding:\tChunked\r\nconnection: close", "4\r\nbody\r\n0\r\n\r\n", &[200], &["/ body"]),
    ];
    let heads: Vec<_> = lines.iter().map(|(lines, ..)| with(lines)).collect();
    let cases =
        lines.iter().zip(&heads).map(|((_, body, answers, calls), head)| (head.as_str(), *body, *answers, *calls));
    expect(&cases.collect::<Vec<_>>()).await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_no_requests() {
    let long = format!("GET /{} HTTP/1.1\r\nhost: orders.test", "x".repeat(70_000));
    let wide = format!("GET / HTTP/1.1\r\nhost: orders.test\r\nx: {}", "y".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\nhost: orders.test{}", "\r\nx: y".repeat(101));
    let empty_lines = "\r\n".repeat(70_000);
    expect(&[
        ("POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked", "0\r\n\r\n", &[400], &[]),
        ("GET / HTTP/0.9\r\nhost: a", "", &[400], &[]),
        ("GET / HTTP/1.2\r\nhost: a", "", &[400], &[]),
        ("GET / HTTP/2.0\r\nhost: a", "", &[400], &[]),
        ("GET / http/1.1\r\nhost: a", "", &[400], &[]),
        ("GET /", "", &[400], &[]),
        ("GET  / HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("GET /  HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("GET\t/ HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("GET / HTTP/1.1 \r\nhost: a", "", &[400], &[]),
        (" GET / HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("GET /\0 HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("G\0T / HTTP/1.1\r\nhost: a", "", &[400], &[]),
        ("GET / HTTP/1.1\r\nhost: a\r\nb@d: x", "", &[400], &[]),
        ("GET / HTTP/1.1\rhost: a", "", &[400], &[]),
        ("GET / HTTP/1.1\r\nhost: a\r\rx: y", "", &[400], &[]),
        ("\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03", "", &[400], &[]),
        (&long, "", &[414], &[]),
        (&wide, "", &[431], &[]),
        (&many, "", &[431], &[]),
        (&empty_lines, "", &[431], &[]),
        // A bare LF ends a line, as RFC 9112 (2.2) allows.
        ("GET / HTTP/1.1\nhost: orders.test\nconnection: close", "", &[200], &["/ "]),
        // The target wins over the header, and services see one host (RFC 9112, 3.2.2).
        ("GET http://other.test/a HTTP/1.1\r\nhost: orders.test\r\nconnection: close", "", &[200], &["/a "]),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn chunks_that_lie_or_cost() {
    let head = &format!("{POST}\r\ntransfer-encoding: chunked");
    let extensions = format!("4;{}\r\nbody\r\n0\r\n\r\n", "x=y;".repeat(5_000));
    let small_extensions = "1;xxxxxxxxxxxxxxxx\r\nb\r\n".repeat(2_000);
    let trailers = format!("4\r\nbody\r\n0\r\n{}\r\n", "x: y\r\n".repeat(101));
    let long_trailers = format!("4\r\nbody\r\n0\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    let broken: &[&str] = &["/ broken"];
    let mut cases: Vec<(&str, &str, &[u16], &[&str])> = [
        "x\r\nbody\r\n0\r\n\r\n",
        "-4\r\nbody\r\n0\r\n\r\n",
        "+4\r\nbody\r\n0\r\n\r\n",
        "0x4\r\nbody\r\n0\r\n\r\n",
        " 4\r\nbody\r\n0\r\n\r\n",
        "4 4\r\nbody\r\n0\r\n\r\n",
        "\r\nbody\r\n0\r\n\r\n",
        "4\nbody\r\n0\r\n\r\n",
        "4\rbody\r\n0\r\n\r\n",
        "4;x\nbody\r\n0\r\n\r\n",
        "4\r\nbody0\r\n\r\n",
        "4\r\nbody\n0\r\n\r\n",
        "4\r\nbodyextra\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nbody\r\n0\r\n\r\n",
        "10000000000000000\r\nbody\r\n0\r\n\r\n",
        "4\r\nbody\r\n0\r\nx y: z\r\n\r\n",
        &extensions,
        &small_extensions,
        &trailers,
        &long_trailers,
    ]
    .map(|body| (head.as_str(), body, &[400][..], broken))
    .into();
    // A trailer that ends in a bare LF, which makes what follows trailers too.
    cases.push((head, "4\r\nbody\r\n0\r\nx: z\n\r\n", &[200], &["/ body"]));
    expect(&cases).await;
}

#[tokio::test(start_paused = true)]
async fn a_chunk_without_an_end_has_the_time_of_its_call() {
    let (script, seen) = witness();
    let host = Host::serving(script, &["/*"]).await;
    let http = host.http().await;
    let attempt = format!("{POST}\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nbody{SMUGGLED}");
    let reply = attack(&http, attempt.as_bytes()).await;
    assert_eq!(statuses(&reply), [504], "{reply}");
    assert!(reply.contains("connection: close\r\n"), "{reply}");
    assert!(!seen.lock().unwrap().iter().any(|call| call.contains("/smuggled ")), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn clients_that_send_slowly() {
    let (script, seen) = witness();
    let host = Host::serving(script, &["/*"]).await;
    let http = host.http().await;
    let second = Duration::from_secs(1);
    for (begin, drop_by_drop, expected) in [
        // The head has its time as a whole, however often a byte of it comes.
        ("GET / HTTP/1.1\r\nx: ", "a", 10),
        ("", "\r\n", 10),
        // So has the call, 15 seconds if its service says nothing else.
        ("POST / HTTP/1.1\r\nhost: orders.test\r\ncontent-length: 1000\r\n\r\n", "a", 15),
        ("POST / HTTP/1.1\r\nhost: orders.test\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n", 15),
    ] {
        let (mut reader, mut writer) = TcpStream::connect(http.address).await.unwrap().into_split();
        let begun = tokio::time::Instant::now();
        let dripping = tokio::spawn(async move {
            writer.write_all(begin.as_bytes()).await.unwrap();
            while writer.write_all(drop_by_drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(second).await;
            }
        });
        let mut reply = Vec::new();
        let _ = reader.read_to_end(&mut reply).await;
        let elapsed = begun.elapsed();
        dripping.abort();
        // A connection that is refused lingers, so that its client can read why.
        assert!(elapsed + second >= expected * second && elapsed <= (expected + 3) * second, "{begin:?}: {elapsed:?}");
        let mut other = Client::connect(http.address, false).await;
        assert_eq!(other.get("/other").await.status(), 200, "after {begin:?}");
    }
    assert!(seen.lock().unwrap().iter().all(|call| call == "/other " || call == "/ broken"), "{seen:?}");
}

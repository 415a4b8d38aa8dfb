//! Limits on connections, under a clock that jumps ahead when nothing moves.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use patchbay_model::{Body, BodyError, Limits, Reply, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::client::{Client, raw, read_until};
use super::host::{Host, says, script};
use crate::HttpConfig;

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: orders.test\r\n\r\n";

/// How long it takes until the other side ends the connection.
async fn time_to_end(mut socket: TcpStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn connections_without_a_request_end_in_time() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let http = host.http().await;
    let second = Duration::from_secs(1);
    for (sent, awaited, expected) in [
        ("", "", 10 * second),
        ("GET / HT", "", 10 * second),
        ("PRI * HTTP/2.0\r\n", "", 10 * second),
        (REQUEST, "here", 75 * second),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", "", 76 * second),
    ] {
        let mut socket = TcpStream::connect(http.address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        if !awaited.is_empty() {
            read_until(&mut socket, awaited).await;
        }
        let elapsed = time_to_end(socket).await;
        assert!(elapsed + second >= expected && elapsed <= expected + second, "{sent:?}: {elapsed:?}");
    }
    // The head of a second request has no more time than that of a first.
    let mut socket = TcpStream::connect(http.address).await.unwrap();
    socket.write_all(REQUEST.as_bytes()).await.unwrap();
    read_until(&mut socket, "here").await;
    tokio::time::advance(Duration::from_secs(60)).await;
    socket.write_all(b"GET").await.unwrap();
    let elapsed = time_to_end(socket).await;
    assert!(elapsed >= 9 * second && elapsed <= 11 * second, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_loses_its_reply() {
    for http2 in [false, true] {
        let (gone, is_gone) = oneshot::channel::<()>();
        let gone = Mutex::new(Some(gone));
        let flood = script(move |_| {
            let held = gone.lock().unwrap().take().unwrap();
            let frames = stream::unfold(held, async |held| {
                Some((Ok::<_, BodyError>(Frame::data(Bytes::from_static(&[0; 16 << 10]))), held))
            });
            std::future::ready(Ok(Reply::new(Body::new(StreamBody::new(Box::pin(frames))))))
        });
        let limits = Limits { timeout: Duration::from_secs(24 * 60 * 60), ..Limits::default() };
        let host = Host::with_settings(flood, &["/*"], Settings { limits, ..Settings::default() }).await;
        let http = host.http().await;
        let mut client = Client::connect(http.address, http2).await;
        let begun = Instant::now();
        let reply = client.get("/").await;
        assert!(is_gone.await.is_err(), "the body is dropped, never finished");
        let elapsed = begun.elapsed();
        assert!(elapsed >= Duration::from_secs(30) && elapsed <= Duration::from_secs(40), "{http2}: {elapsed:?}");
        drop(reply);
        assert_eq!(host.control.service(&"orders".parse().unwrap()).unwrap().calls, 0);
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let http = host.http_with(HttpConfig { max_connections: 1, ..HttpConfig::default() }).await;
    let mut first = Client::connect(http.address, false).await;
    assert_eq!(first.get("/").await.status(), 200);
    let mut second = TcpStream::connect(http.address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
    drop(first);
    // The place is free again as soon as the first connection is seen to have ended.
    loop {
        let mut third = TcpStream::connect(http.address).await.unwrap();
        let _ = third.write_all(REQUEST.as_bytes()).await;
        let mut reply = [0; 12];
        if third.read_exact(&mut reply).await.is_ok() {
            assert_eq!(&reply, b"HTTP/1.1 200");
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let config = HttpConfig { max_head: 8 << 10, max_headers: 10, ..HttpConfig::default() };
    let http = host.http_with(config).await;
    let many = "x: y\r\n".repeat(20);
    let long = format!("x: {}\r\n", "y".repeat(10 << 10));
    let endless = format!("x: {}\r\n", "y".repeat(200 << 10));
    for headers in [&many, &long, &endless] {
        let reply = raw(http.address, &format!("GET / HTTP/1.1\r\nhost: orders.test\r\n{headers}\r\n")).await;
        assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
        // What could be read is refused in words.
        assert_eq!(reply.contains("application/problem+json"), headers == &long, "{reply}");
        assert!(reply.contains("connection: close"), "{reply}");
    }
    // As large as it may be.
    let start = "GET / HTTP/1.1\r\nhost: orders.test\r\nconnection: close\r\nx: ";
    for (size, status) in [(8 << 10, 200), ((8 << 10) + 1, 431)] {
        let value = "y".repeat(size - start.len() - "\r\n\r\n".len());
        let reply = raw(http.address, &format!("{start}{value}\r\n\r\n")).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{size}: {reply}");
    }
    let reply = raw(http.address, "NO HTTP AT ALL\r\n\r\n").await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn limits_change_for_new_connections_while_old_ones_stay() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let config = HttpConfig { max_connections: 1, ..HttpConfig::default() };
    let http = host.http_with(config.clone()).await;
    let tuner = http.tuner.clone().unwrap();
    // Whether a new connection is served; it is kept open if so.
    let served = async || {
        let mut socket = TcpStream::connect(http.address).await.unwrap();
        let _ = socket.write_all(REQUEST.as_bytes()).await;
        let mut first = [0; 1];
        matches!(socket.read(&mut first).await, Ok(1)).then_some(socket)
    };
    let mut old = served().await.unwrap();
    assert!(served().await.is_none(), "there is one place");
    tuner.apply(&HttpConfig {
        max_connections: 3,
        max_connections_per_address: 2,
        idle_timeout: Duration::from_secs(5),
        ..config.clone()
    });
    let new = served().await.unwrap();
    assert!(served().await.is_none(), "this address may have two now");
    let elapsed = time_to_end(new).await;
    assert!(elapsed >= Duration::from_secs(4) && elapsed <= Duration::from_secs(6), "{elapsed:?}");
    // Fewer places end nobody's connection, and the old one has the patience that it began with.
    tuner.apply(&config);
    read_until(&mut old, "here").await;
    old.write_all(REQUEST.as_bytes()).await.unwrap();
    read_until(&mut old, "here").await;
    assert!(served().await.is_none());
    assert!(time_to_end(old).await > Duration::from_secs(60));
    assert!(served().await.is_some());
}

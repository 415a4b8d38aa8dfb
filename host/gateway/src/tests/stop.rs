//! The graceful stop: what was begun ends, nothing new begins, and nothing waits for ever.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use patchbay_model::{Reply, full_body};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::client::{Client, channel, data, no_body, piece, read_until, text};
use super::host::{Host, Script, says, script};
use crate::HttpConfig;

/// Answers when the test says so; tells when a call began.
fn gated() -> (Script, Arc<Semaphore>, Arc<Semaphore>) {
    let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (on_begin, gate) = (Arc::clone(&begun), Arc::clone(&open));
    let script = script(move |_| {
        let (begun, gate) = (Arc::clone(&on_begin), Arc::clone(&gate));
        async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            Ok(Reply::new(full_body("done")))
        }
    });
    (script, begun, open)
}

#[tokio::test]
async fn calls_under_way_end_and_their_connections_with_them() {
    let (script, begun, gate) = gated();
    let host = Host::serving(script, &["/*"]).await;
    let mut http = host.http().await;
    let mut clients = Vec::new();
    for http2 in [false, true] {
        let mut client = Client::connect(http.address, http2).await;
        clients.push(tokio::spawn(async move {
            let reply = client.send("GET", "/", no_body()).await.unwrap();
            let close = reply.headers().get("connection").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(text(reply).await, "done");
            client.ended().await.unwrap();
            close
        }));
    }
    begun.acquire_many(2).await.unwrap().forget();
    http.stop();
    // Once the listener is gone, everyone has been told.
    while TcpStream::connect(http.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(2);
    http.stopped().await;
    let mut closes = Vec::new();
    for client in clients {
        closes.push(client.await.unwrap());
    }
    assert_eq!(closes, [Some("close".to_owned()), None]);
}

#[tokio::test]
async fn a_reply_that_streams_is_finished() {
    let (sender, body) = channel();
    let body = std::sync::Mutex::new(Some(body));
    let script = script(move |_| std::future::ready(Ok(Reply::new(body.lock().unwrap().take().unwrap()))));
    let host = Host::serving(script, &["/*"]).await;
    let mut http = host.http().await;
    let mut client = Client::connect(http.address, true).await;
    sender.send(data("first")).await.unwrap();
    let mut reply = client.get("/").await;
    assert_eq!(piece(&mut reply).await, "first");
    http.stop();
    sender.send(data("second")).await.unwrap();
    drop(sender);
    assert_eq!(reply.into_body().collect().await.unwrap().to_bytes(), "second");
    http.stopped().await;
}

#[tokio::test]
async fn idle_connections_end_at_once_and_begun_requests_are_taken() {
    let host = Host::serving(says("here"), &["/*"]).await;
    let mut http = host.http().await;
    let mut idle = Client::connect(http.address, false).await;
    assert_eq!(text(idle.get("/").await).await, "here");
    let mut begun = TcpStream::connect(http.address).await.unwrap();
    begun.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    // A round trip on another connection: by then the half of the head has been read.
    let mut other = Client::connect(http.address, true).await;
    assert_eq!(text(other.get("/").await).await, "here");
    http.stop();
    idle.ended().await.unwrap();
    begun.write_all(b"orders.test\r\n\r\n").await.unwrap();
    let reply = read_until(&mut begun, "here").await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("connection: close\r\n"), "{reply}");
    http.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_outlive_the_drain_deadline_are_ended() {
    let (script, begun, _gate) = gated();
    let host = Host::serving(script, &["/*"]).await;
    let config = HttpConfig { drain: Duration::from_secs(3), ..HttpConfig::default() };
    let mut http = host.http_with(config).await;
    let mut clients = Vec::new();
    for http2 in [false, true] {
        let mut client = Client::connect(http.address, http2).await;
        clients.push(tokio::spawn(async move { client.send("GET", "/", no_body()).await.is_err() }));
    }
    begun.acquire_many(2).await.unwrap().forget();
    let stopping = tokio::time::Instant::now();
    http.stopped().await;
    let elapsed = stopping.elapsed();
    assert!(elapsed >= Duration::from_secs(3) && elapsed < Duration::from_secs(5), "{elapsed:?}");
    for client in clients {
        assert!(client.await.unwrap());
    }
    assert_eq!(host.control.service(&"orders".parse().unwrap()).unwrap().calls, 0);
}

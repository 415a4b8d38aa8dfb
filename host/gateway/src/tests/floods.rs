//! Clients of HTTP/2 that send much and ask for little: the connection ends, and another client is served meanwhile.

use std::time::Duration;

use http_body_util::BodyExt;
use patchbay_model::{Limits, Reply, Settings, full_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::client::Client;
use super::frames::*;
use super::host::{Host, Script, script};

/// Answers `/waits` never, and everything else when its body has come.
fn patient() -> Script {
    script(|call| async move {
        if call.request.uri().path() == "/waits" {
            std::future::pending::<()>().await;
        }
        let _ = call.request.into_body().collect().await;
        Ok(Reply::new(full_body("here")))
    })
}

async fn host() -> Host {
    let limits = Limits { concurrency: 4096, timeout: Duration::from_secs(600), ..Limits::default() };
    Host::with_settings(patient(), &["/*"], Settings { limits, ..Settings::default() }).await
}

/// A request that is never answered.
fn waiting(stream: u32) -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/waits"), (":authority", "orders.test")];
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&fields))
}

/// Odd numbers, as clients number their streams.
fn streams(n: u32) -> impl Iterator<Item = u32> {
    (0..n).map(|n| 2 * n + 1)
}

/// A block that is small and unfolds to much: one field that is remembered, and thousands of references to it.
fn bomb() -> Vec<u8> {
    let mut block = request("GET", &[]);
    block.push(0x40);
    text_of(&mut block, b"x-bomb");
    text_of(&mut block, &[b'x'; 3900]);
    block.extend(std::iter::repeat_n(0xbe, 10_000));
    block
}

#[tokio::test]
async fn floods_end_their_connection() {
    let host = host().await;
    let http = host.http().await;
    let mut other = Client::connect(http.address, true).await;
    let begun_head = frame(HEADERS, END_STREAM, 1, &request("GET", &[]));
    let byte_by_byte = |kind| frame(kind, 0, 1, b"x").repeat(200_000);
    for (name, flood) in [
        (
            "reset at once",
            streams(5_000).flat_map(|n| [waiting(n), frame(RST_STREAM, 0, n, &[0; 4])].concat()).collect(),
        ),
        ("streams beyond the limit", streams(5_000).flat_map(waiting).collect()),
        (
            "stream errors",
            streams(5_000).flat_map(|n| [post(n), frame(WINDOW_UPDATE, 0, n, &[0; 4])].concat()).collect(),
        ),
        ("empty CONTINUATION", [begun_head.clone(), frame(CONTINUATION, 0, 1, &[]).repeat(50_000)].concat()),
        ("CONTINUATION", [begun_head, byte_by_byte(CONTINUATION)].concat()),
        ("a bomb of fields", frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb())),
        ("PING", frame(PING, 0, 0, b"01234567").repeat(200_000)),
        ("PING answers", frame(PING, ACK, 0, b"01234567").repeat(200_000)),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[]).repeat(200_000)),
        (
            "SETTINGS that change",
            [[0, 1, 0, 0, 16, 0], [0, 1, 0, 0, 0, 0]].map(|s| frame(SETTINGS, 0, 0, &s)).concat().repeat(100_000),
        ),
        ("PRIORITY", frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 7]).repeat(200_000)),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(200_000)),
        ("GOAWAY", frame(GOAWAY, 0, 0, &[0; 8]).repeat(200_000)),
        ("unknown frames", frame(0xbb, 0, 0, b"?").repeat(200_000)),
        ("empty DATA", [post(1), frame(DATA, 0, 1, &[]).repeat(200_000)].concat()),
    ] {
        let (mut reader, mut writer) = Raw::open(http.address).await.split();
        let n_bytes = flood.len();
        let flooding = tokio::spawn(async move { writer.write_all(&flood).await });
        let mut said = Vec::new();
        let ended = timeout(Duration::from_secs(30), reader.read_to_end(&mut said));
        let served = async {
            for _ in 0..20 {
                assert_eq!(other.get("/other").await.status(), 200, "during {name}");
            }
        };
        let (ended, ()) = tokio::join!(ended, served);
        assert!(ended.is_ok(), "{name}: {n_bytes} bytes did not end the connection");
        drop(reader);
        let _ = flooding.await.unwrap();
        assert_eq!(other.get("/other").await.status(), 200, "after {name}");
    }
}

#[tokio::test]
async fn requests_that_are_cancelled_once_they_run_have_a_rate() {
    let host = host().await;
    let http = host.http().await;
    let mut raw = Raw::open(http.address).await;
    let mut n_started = 0;
    for stream in streams(10_000) {
        raw.send(&waiting(stream)).await;
        if !raw.is_alive().await {
            break;
        }
        n_started += 1;
        raw.send(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).await;
    }
    // Two thousand at once, and a hundred per second while the test takes its time.
    assert!((1_000..8_000).contains(&n_started), "{n_started}");
    assert_eq!(Client::connect(http.address, true).await.get("/other").await.status(), 200);
}

#[tokio::test]
async fn a_client_that_cancels_now_and_then_is_left_alone() {
    let host = host().await;
    let http = host.http().await;
    let mut raw = Raw::open(http.address).await;
    for stream in streams(3_000) {
        if stream % 4 == 1 {
            raw.send(&waiting(stream)).await;
            raw.send(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).await;
            continue;
        }
        raw.send(&get(stream)).await;
        let reply = raw.until(|frame| frame.stream == stream && frame.kind == HEADERS).await.unwrap();
        assert_eq!(reply.status(), Some(200));
    }
}

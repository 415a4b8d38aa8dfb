//! Compression: what is compressed, what stays as it is, and that streams stay streams.

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use patchbay_model::{Body, BodyError, Reply};
use tokio::sync::mpsc;

use super::harness::{Origin, edge, request, stranger};

const ACCEPTS: &str = "GET /\naccept-encoding: gzip, br;q=0.5";

fn long(head: &str) -> String {
    format!("200\n{head}\n\n{}", "text ".repeat(1000))
}

#[tokio::test]
async fn what_becomes_smaller_is_compressed() {
    let origin = Origin::new();
    for (settings, asked, head, encoding) in [
        ("{}", ACCEPTS, "content-type: application/json", "gzip"),
        ("{}", "GET /\naccept-encoding: br, gzip;q=0.1", "content-type: text/html; charset=utf-8", "br"),
        (r#"{"br": false}"#, "GET /\naccept-encoding: br, gzip;q=0.1", "content-type: text/css", "gzip"),
        ("{}", ACCEPTS, "content-type: application/problem+json", "gzip"),
        ("{}", ACCEPTS, "content-type: image/svg+xml", "gzip"),
        ("{}", ACCEPTS, "content-type: application/wasm", "gzip"),
        ("{}", "GET /", "content-type: text/plain", ""),
        ("{}", "GET /\naccept-encoding: deflate, zstd", "content-type: text/plain", ""),
        ("{}", "GET /\naccept-encoding: gzip;q=0", "content-type: text/plain", ""),
        ("{}", ACCEPTS, "content-type: image/png", ""),
        ("{}", ACCEPTS, "content-type: application/grpc", ""),
        ("{}", ACCEPTS, "content-type: application/grpc+proto", ""),
        ("{}", ACCEPTS, "content-type: text/event-stream", ""),
        ("{}", ACCEPTS, "content-type: Text/Event-Stream;x=1", ""),
        ("{}", ACCEPTS, "content-type: application/octet-stream", ""),
        ("{}", ACCEPTS, "x: no type", ""),
        ("{}", ACCEPTS, "content-type: text/plain\ncache-control: public, No-Transform", ""),
        ("{}", ACCEPTS, "content-type: text/plain\ncontent-encoding: zstd", "zstd"),
        ("{}", ACCEPTS, "content-type: text/plain\ncontent-range: bytes 0-4999/9999", ""),
        (r#"{"min_size": "8KiB"}"#, ACCEPTS, "content-type: text/plain", ""),
        ("{}", "GET /\naccept-encoding: gzip\ncookie: session=1", "content-type: text/plain", ""),
        (r#"{"cookies": true}"#, "GET /\naccept-encoding: gzip\ncookie: session=1", "content-type: text/plain", "gzip"),
    ] {
        let edge = edge("/*", &format!(r#"{{"compress": {settings}}}"#));
        let got = origin.ask(&edge, asked, &stranger(), &long(head)).await;
        assert_eq!(got.field("content-encoding"), encoding, "{asked} {head}");
        assert_eq!(got.status, 200);
        if encoding == "gzip" || encoding == "br" {
            assert!(got.body.len() < 500 && !got.headers.contains_key("content-length"), "{head}");
            assert!(got.field("vary").contains("accept-encoding"), "{got:?}");
        } else {
            assert_eq!(got.body.len(), 5000, "{head}");
        }
    }
}

#[tokio::test]
async fn nothing_is_compressed_unasked() {
    let edge = edge("/*", r#"{"response_headers": {"set": {"x-a": "1"}}}"#);
    let got = Origin::new().ask(&edge, ACCEPTS, &stranger(), &long("content-type: text/plain")).await;
    assert_eq!((got.field("content-encoding"), got.body.len()), (String::new(), 5000));
}

/// The service has done its work already.
#[tokio::test]
async fn no_encoding_that_suits_is_no_reason_to_fail() {
    let edge = edge("/*", r#"{"compress": {}}"#);
    let asked = "POST /\naccept-encoding: identity;q=0, *;q=0";
    let got = Origin::new().ask(&edge, asked, &stranger(), "201\ncontent-type: text/plain\n\ndone").await;
    assert_eq!((got.status, got.text()), (201, "done"));
}

#[tokio::test]
async fn an_entity_tag_of_other_bytes_is_a_weak_one() {
    let edge = edge("/*", r#"{"compress": {}}"#);
    for (asked, tag, found) in
        [(ACCEPTS, "\"v1\"", "W/\"v1\""), (ACCEPTS, "W/\"v1\"", "W/\"v1\""), ("GET /", "\"v1\"", "\"v1\"")]
    {
        let head = format!("content-type: text/plain\netag: {tag}");
        let got = Origin::new().ask(&edge, asked, &stranger(), &long(&head)).await;
        assert_eq!(got.field("etag"), found, "{asked} {tag}");
    }
}

#[tokio::test]
async fn streams_stay_streams_and_tell_how_they_end() {
    let edge = edge("/*", r#"{"compress": {}}"#);
    let (sender, mut receiver) = mpsc::channel::<Result<Frame<Bytes>, BodyError>>(1);
    let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let origin = Origin::new();
    let reply = origin.send(&edge, request(ACCEPTS), &stranger(), |_, _| async move {
        let mut reply = Reply::new(Body::new(StreamBody::new(stream)));
        reply.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        reply
    });
    let reply = reply.await;
    assert_eq!(reply.headers()["content-encoding"], "gzip");
    let mut body = reply.into_body();
    let piece: String = (0..20_000)
        .map(|number: u32| char::from(b'a' + (number.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    sender.send(Ok(Frame::data(piece.into()))).await.unwrap();
    // The sender has not ended, and something comes.
    assert!(!body.frame().await.unwrap().unwrap().into_data().unwrap().is_empty());
    sender.send(Err(BodyError::Deadline)).await.unwrap();
    let end = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(end, Some(Err(BodyError::Deadline))), "{end:?}");
}

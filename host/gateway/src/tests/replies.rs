//! Replies: what a service's answer becomes on the wire, also when it is wrong or ends halfway.

use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use patchbay_model::{BodyError, Reply, full_body};

use super::client::{Client, channel, data, raw, text};
use super::host::{Host, Script, script};

fn replying(make: impl Fn() -> Reply + Send + Sync + 'static) -> Script {
    script(move |_| std::future::ready(Ok(make())))
}

fn with_header(name: &'static str, value: &'static str, body: &'static str) -> Reply {
    let mut reply = Reply::new(full_body(body));
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
    reply
}

const GET: &str = "GET / HTTP/1.1\r\nhost: orders.test\r\nconnection: close\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nhost: orders.test\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn replies_to_head_have_the_head_of_get_and_no_body() {
    let host = Host::serving(replying(|| with_header("x-a", "1", "12345")), &["/*"]).await;
    let http = host.http().await;
    let without_id = |head: &str| {
        let kept = head.lines().filter(|line| !line.starts_with("patchbay-call") && !line.starts_with("date"));
        kept.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let get = raw(http.address, GET).await;
    let head = raw(http.address, HEAD).await;
    assert!(get.contains("content-length: 5\r\n") && get.ends_with("\r\n\r\n12345"), "{get}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(without_id(get.trim_end_matches("12345")), without_id(&head));

    let mut client = Client::connect(http.address, true).await;
    let reply = client.send("HEAD", "/", super::client::no_body()).await.unwrap();
    assert_eq!((reply.status(), reply.headers()["content-length"].to_str().unwrap()), (StatusCode::OK, "5"));
    assert_eq!(text(reply).await, "");
}

#[tokio::test]
async fn answers_that_are_not_http_become_problems() {
    for (wrong, request) in [
        (replying(|| with_header("content-length", "3", "12345")), GET),
        (replying(|| with_header("content-length", "many", "12345")), GET),
        (replying(|| with_header("content-length", "+5", "12345")), HEAD),
        (
            replying(|| {
                let mut reply = Reply::new(full_body(""));
                *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                reply
            }),
            GET,
        ),
    ] {
        let host = Host::serving(wrong, &["/*"]).await;
        let http = host.http().await;
        let reply = raw(http.address, request).await;
        assert!(reply.starts_with("HTTP/1.1 502 "), "{reply}");
    }
}

#[tokio::test]
async fn a_reply_that_says_it_has_no_body_has_none() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let host = Host::serving(
            replying(move || {
                let mut reply = with_header("content-length", "5", "12345");
                *reply.status_mut() = status;
                reply
            }),
            &["/*"],
        )
        .await;
        let http = host.http().await;
        let reply = raw(http.address, GET).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {}", status.as_u16())) && reply.ends_with("\r\n\r\n"), "{reply}");
        let mut client = Client::connect(http.address, true).await;
        assert_eq!(text(client.get("/").await).await, "");
    }
}

#[tokio::test]
async fn a_service_cannot_speak_for_the_connection() {
    let host = Host::serving(
        replying(|| {
            let mut reply = with_header("connection", "x-a, keep-alive", "12345");
            for (name, value) in
                [("x-a", "1"), ("keep-alive", "timeout=9"), ("transfer-encoding", "gzip"), ("x-b", "2")]
            {
                reply.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            reply
        }),
        &["/*"],
    )
    .await;
    let http = host.http().await;
    let reply = raw(http.address, GET).await;
    for absent in ["x-a:", "keep-alive", "gzip"] {
        assert!(!reply.contains(absent), "{reply}");
    }
    assert!(reply.contains("x-b: 2\r\n") && reply.ends_with("12345"), "{reply}");
}

#[tokio::test]
async fn a_reply_that_breaks_off_cannot_be_taken_for_a_whole_one() {
    let breaking = script(|call| async move {
        let (sender, body) = channel();
        let mut reply = Reply::new(body);
        let end = match call.request.uri().path() {
            "/error" => Err(BodyError::Failed("a trap".to_owned())),
            "/more" => data("456"),
            _ => data(""),
        };
        if call.request.uri().path() != "/error" {
            reply.headers_mut().insert("content-length", HeaderValue::from_static("5"));
        }
        tokio::spawn(async move {
            sender.send(data("123")).await.unwrap();
            let _ = sender.send(end).await;
        });
        Ok(reply)
    });
    let host = Host::serving(breaking, &["/*"]).await;
    let http = host.http().await;
    for path in ["/error", "/more", "/less"] {
        for http2 in [false, true] {
            let mut client = Client::connect(http.address, http2).await;
            let reply = client.get(path).await;
            assert_eq!(reply.status(), 200);
            assert!(reply.into_body().collect().await.is_err(), "{path}, http2 = {http2}");
        }
    }
}

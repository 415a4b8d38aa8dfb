//! What becomes of a kept reply: it is asked for again, updated, told in part, and forgotten.

use std::path::Path;
use std::time::Duration;

use super::harness::{Got, Origin, edge, parts, reply, request, stranger, try_edge};
use crate::edge::EdgeCaller;

const PLAIN: &str = r#"{"cache": {}}"#;
const KEPT: &str = "200\ncache-control: max-age=15\nage: 5\netag: \"1\"\nlast-modified: Tue, 14 Nov 2023 22:13:20 GMT\nx-a: old\nlink: a\nlink: b\ncontent-type: text/plain\n\nbody #";

async fn wait(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// Section 4.3: the service is asked whether the reply is still right.
#[tokio::test(start_paused = true)]
async fn what_is_still_right_is_fresh_again() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let first = origin.ask(&edge, "GET /", &stranger(), KEPT).await;
    assert_eq!(first.field("cache-status"), "patchbay; fwd=uri-miss; stored");
    wait(11).await;
    let news = "304\netag: \"1\"\ncache-control: max-age=20\nx-a: new\nx-b: new\ncontent-length: 0";
    let again = origin.ask(&edge, "GET /", &stranger(), news).await;
    let (_, asked) = origin.last();
    assert_eq!(
        (&asked["if-none-match"], &asked["if-modified-since"]),
        (&"\"1\"".parse::<http::HeaderValue>().unwrap(), &"Tue, 14 Nov 2023 22:13:20 GMT".parse().unwrap())
    );
    for (got, status) in [
        (again, "patchbay; fwd=stale; fwd-status=304; stored"),
        (origin.ask(&edge, "GET /", &stranger(), "500").await, "patchbay; hit; ttl=20"),
    ] {
        assert_eq!((got.status, got.text(), got.field("age")), (200, "body 1", "0".to_owned()));
        assert_eq!(
            (got.field("x-a"), got.field("x-b"), got.field("link")),
            ("new".to_owned(), "new".to_owned(), "a, b".to_owned())
        );
        assert_eq!((got.field("cache-status").as_str(), got.field("content-length").as_str()), (status, ""));
    }
    wait(19).await;
    assert_eq!(origin.ask(&edge, "GET /", &stranger(), "500").await.field("cache-status"), "patchbay; hit; ttl=1");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_right_any_more_is_replaced() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    origin.ask(&edge, "GET /", &stranger(), KEPT).await;
    wait(11).await;
    let got = origin.ask(&edge, "GET /", &stranger(), &KEPT.replace("\"1\"", "\"2\"")).await;
    assert_eq!((got.text(), got.field("cache-status").as_str()), ("body 2", "patchbay; fwd=stale; stored"));
    assert_eq!(origin.ask(&edge, "GET /", &stranger(), "500").await.text(), "body 2");
    wait(11).await;
    // That one caller is refused is not for others to hear, and takes nothing from them.
    let refused = origin.ask(&edge, "GET /", &stranger(), "403\n\nnot you").await;
    assert_eq!(refused.text(), "not you");
    let got = origin.ask(&edge, "GET /", &stranger(), "304\netag: \"2\"").await;
    assert_eq!((got.status, got.text()), (200, "body 2"));
    wait(16).await;
    // Now it must not be kept, and what was kept is not told any more either.
    origin.ask(&edge, "GET /", &stranger(), "200\ncache-control: no-store\n\nsecret #").await;
    origin.ask(&edge, "GET /", &stranger(), KEPT).await;
    assert!(!origin.last().1.contains_key("if-none-match"));
}

/// RFC 9110, 13: callers have conditions, too.
#[tokio::test(start_paused = true)]
async fn callers_are_told_that_they_have_it_already() {
    for (condition, status) in [
        ("if-none-match: \"1\"", 304),
        ("if-none-match: W/\"1\"", 304),
        ("if-none-match: \"0\", \"1\"", 304),
        ("if-none-match: \"0\"\nif-none-match: \"1\"", 304),
        ("if-none-match: *", 304),
        ("if-none-match: \"2\"", 200),
        ("if-none-match: \"a, \"1\"", 200),
        ("if-modified-since: Tue, 14 Nov 2023 22:13:20 GMT", 304),
        ("if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT", 200),
        ("if-none-match: \"2\"\nif-modified-since: Tue, 14 Nov 2023 22:13:20 GMT", 200),
    ] {
        let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
        origin.ask(&edge, "GET /", &stranger(), KEPT).await;
        let asked = format!("GET /\n{condition}");
        wait(3).await;
        let got = origin.ask(&edge, &asked, &stranger(), "500").await;
        assert_eq!((got.status, origin.calls()), (status, 1), "{condition}");
        assert_eq!((got.field("etag"), got.field("age")), ("\"1\"".to_owned(), "8".to_owned()));
        if status == 304 {
            assert_eq!((got.body.len(), got.field("content-type").as_str(), got.field("x-a").as_str()), (0, "", ""));
            assert_eq!(got.field("cache-control"), "max-age=15");
        }
        // The condition of the caller is not that of the cache.
        wait(10).await;
        let got = origin.ask(&edge, &asked, &stranger(), "304\netag: \"1\"\ncache-control: max-age=10").await;
        assert_eq!(
            (got.status, &origin.last().1["if-none-match"]),
            (status, &"\"1\"".parse::<http::HeaderValue>().unwrap()),
            "{condition}"
        );
    }
}

/// What the caller has already is its own affair as long as nothing is kept.
#[tokio::test(start_paused = true)]
async fn a_condition_that_meets_nothing_is_passed_on() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let got = origin.ask(&edge, "GET /\nif-none-match: \"1\"", &stranger(), "304\netag: \"1\"").await;
    assert_eq!((got.status, got.field("cache-status").as_str()), (304, "patchbay; fwd=uri-miss"));
    assert_eq!(origin.ask(&edge, "GET /", &stranger(), KEPT).await.text(), "body 2");
}

#[tokio::test(start_paused = true)]
async fn head_is_answered_by_what_get_has_left() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let head = origin.ask(&edge, "HEAD /", &stranger(), "200\ncache-control: max-age=60").await;
    assert_eq!(head.field("cache-status"), "patchbay; fwd=uri-miss");
    origin.ask(&edge, "GET /", &stranger(), KEPT).await;
    let head = origin.ask(&edge, "HEAD /", &stranger(), "500").await;
    assert_eq!((head.status, head.field("etag"), origin.calls()), (200, "\"1\"".to_owned(), 2));
    wait(11).await;
    origin.ask(&edge, "HEAD /", &stranger(), "200").await;
    assert!(!origin.last().1.contains_key("if-none-match"), "HEAD says nothing of the body that is kept");
}

#[tokio::test(start_paused = true)]
async fn who_wants_nothing_else_gets_nothing_else() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let asked = "GET /\ncache-control: only-if-cached";
    let got = origin.ask(&edge, asked, &stranger(), KEPT).await;
    assert_eq!((got.status, got.problem(), origin.calls()), (504, "nothing-kept".to_owned(), 0));
    origin.ask(&edge, "GET /", &stranger(), KEPT).await;
    assert_eq!(origin.ask(&edge, asked, &stranger(), KEPT).await.text(), "body 1");
}

/// RFC 5861, and what RFC 9111 (4.2.4) forbids.
#[tokio::test(start_paused = true)]
async fn what_is_stale_stands_in_for_what_failed_where_that_is_allowed() {
    for (control, after, served) in [
        ("max-age=10, stale-if-error=60", 69, true),
        ("max-age=10, stale-if-error=60", 71, false),
        ("max-age=10", 11, false),
        ("max-age=10, stale-if-error=60, must-revalidate", 11, false),
        ("max-age=10, stale-if-error=60, proxy-revalidate", 11, false),
        ("s-maxage=10, stale-if-error=60", 11, false),
        ("no-cache, stale-if-error=60", 1, false),
    ] {
        let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
        let first = format!("200\ncache-control: {control}\netag: \"1\"\n\nbody #");
        origin.ask(&edge, "GET /", &stranger(), &first).await;
        wait(after).await;
        let got = origin.ask(&edge, "GET /", &stranger(), "503\n\ndown").await;
        let wanted = if served { (200, "body 1") } else { (503, "down") };
        assert_eq!((got.status, got.text()), wanted, "{control} after {after}s");
        if served {
            assert_eq!(got.field("cache-status"), "patchbay; fwd=stale; fwd-status=503");
            assert_eq!(got.field("age"), after.to_string());
        }
    }
}

/// Section 4.4: what changes a URI ends what is kept of it, through whatever route it comes.
#[tokio::test(start_paused = true)]
async fn changes_end_what_is_kept() {
    for (change, answer, ends) in [
        ("POST /a", "200", true),
        ("PUT /a", "204", true),
        ("DELETE /a", "303", true),
        ("PATCH /a", "400", false),
        ("POST /a", "500", false),
        ("POST /b", "200", false),
        ("POST /a?x", "200", false),
        ("POST /a\nhost: other.test", "200", false),
        ("OPTIONS /a", "200", false),
    ] {
        for route in ["same", "other", "without an edge"] {
            let (origin, parts) = (Origin::new(), parts(Path::new("")));
            let edge = try_edge("/*", PLAIN, &parts).unwrap().unwrap();
            let other = try_edge("POST /*", r#"{"idempotency": {}}"#, &parts).unwrap().unwrap();
            origin.ask(&edge, "GET /a", &stranger(), KEPT).await;
            match route {
                "same" => drop(origin.ask(&edge, change, &stranger(), answer).await),
                "other" => drop(origin.ask(&other, change, &stranger(), answer).await),
                _ => {
                    let change = request(change);
                    let changed = parts.caches.changed_by(change.method(), change.uri(), change.headers());
                    parts.caches.forget(changed, reply(answer).status());
                }
            }
            let got = origin.ask(&edge, "GET /a", &stranger(), KEPT).await;
            assert_eq!(got.field("cache-status").contains("uri-miss"), ends, "{change} {answer} {route}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_revision_begins_with_nothing() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    for (generation, body) in
        [(1, "body 1"), (1, "body 1"), (2, "body 2"), (2, "body 2"), (1, "body 3"), (2, "body 2"), (3, "body 4")]
    {
        let from = EdgeCaller { generation, ..stranger() };
        assert_eq!(origin.ask(&edge, "GET /", &from, KEPT).await.text(), body, "{generation}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_or_told_while_one_of_two_revisions_answers() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    for (split, body, status) in [
        (true, "body 1", "patchbay; fwd=bypass"),
        (true, "body 2", "patchbay; fwd=bypass"),
        (false, "body 3", "patchbay; fwd=uri-miss; stored"),
        (true, "body 4", "patchbay; fwd=bypass"),
        (false, "body 3", "patchbay; hit; ttl=10"),
    ] {
        let got = origin.ask(&edge, "GET /", &EdgeCaller { split, ..stranger() }, KEPT).await;
        assert_eq!((got.text(), got.field("cache-status").as_str()), (body, status));
    }
}

#[tokio::test(start_paused = true)]
async fn bounds_of_size_hold() {
    let (origin, edge) = (Origin::new(), edge("/*", r#"{"cache": {"memory": "64KiB", "max_reply": "8KiB"}}"#));
    let of_size = |size: usize| format!("200\ncache-control: max-age=60\n\n{}", "x".repeat(size));
    let status = async |target: &str, size| {
        let got = origin.ask(&edge, &format!("GET {target}"), &stranger(), &of_size(size)).await;
        assert_eq!(got.body.len(), size);
        got.field("cache-status")
    };
    assert_eq!(status("/large", 8193).await, "patchbay; fwd=uri-miss");
    assert_eq!(status("/large", 8192).await, "patchbay; fwd=uri-miss; stored");
    // 64 KiB hold seven of them with their headers, and those that were used last.
    for number in 0..7 {
        status(&format!("/{number}"), 8192).await;
        status("/0", 8192).await;
    }
    assert_eq!(status("/large", 8192).await, "patchbay; fwd=uri-miss; stored");
    assert!(status("/0", 8192).await.contains("hit"));
    assert!(status("/6", 8192).await.contains("hit"));
    assert!(status("/1", 8192).await.contains("uri-miss"));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_to_its_end_is_not_kept() {
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    let frames = |broken: bool| {
        let mut frames = vec![Ok(http_body::Frame::data("part".into()))];
        if broken {
            frames.push(Err(patchbay_model::BodyError::Deadline));
        } else {
            frames.push(Ok(http_body::Frame::trailers(http::HeaderMap::new())));
        }
        patchbay_model::Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
    };
    for broken in [true, false] {
        let got = origin.send(&edge, request("GET /"), &stranger(), |_, _| async {
            let mut reply = reply("200\ncache-control: max-age=60");
            *reply.body_mut() = frames(broken);
            reply
        });
        let body = http_body_util::BodyExt::collect(got.await.into_body()).await;
        assert_eq!(body.is_err(), broken);
    }
    // One that is shorter than it was to be.
    let got =
        origin.ask(&edge, "GET /", &stranger(), "200\ncache-control: max-age=60\ncontent-length: 9\n\npart").await;
    assert_eq!(got.text(), "part");
    // A caller that does not read it to its end.
    drop(origin.send(&edge, request("GET /"), &stranger(), |_, _| async { reply(KEPT) }).await);
    let got = Got::of(origin.send(&edge, request("GET /"), &stranger(), |_, _| async { reply(KEPT) }).await).await;
    assert_eq!(got.field("cache-status"), "patchbay; fwd=uri-miss; stored");
    assert_eq!(origin.calls(), 5);
}

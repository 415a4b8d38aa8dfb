//! RFC 9111, section by section: what is kept, how long it is fresh, to whom it is told, and what ends it.

use std::time::Duration;

use super::harness::{Origin, edge, stranger, user};
use crate::edge::EdgeCaller;

const PLAIN: &str = r#"{"cache": {}}"#;

/// What comes of a second request, after a first one with its reply.
async fn second(settings: &str, first: (&str, &str), wait: u64, asked: &str, known: bool) -> &'static str {
    let (origin, edge, ada) = (Origin::new(), edge("/*", settings), user("ada"));
    let from = || EdgeCaller { user: known.then_some(&ada), ..stranger() };
    let answer = format!("{}\n\nnumber #", first.1);
    let one = origin.ask(&edge, first.0, &from(), &answer).await;
    tokio::time::advance(Duration::from_secs(wait)).await;
    let two = origin.ask(&edge, asked, &from(), &answer).await;
    match origin.calls() {
        1 => {
            assert_eq!((two.status, &two.body), (one.status, &one.body), "{first:?} {asked}");
            let age: u64 = two.field("age").parse().unwrap();
            let before: u64 = one.field("age").parse().unwrap_or_default();
            assert!(age >= wait && age <= wait + before, "{two:?}");
            assert!(two.field("cache-status").contains("patchbay; hit"), "{two:?}");
            "hit"
        }
        2 => {
            let (_, headers) = origin.last();
            assert!(two.field("cache-status").contains("patchbay; fwd="), "{two:?}");
            if headers.contains_key("if-none-match") || headers.contains_key("if-modified-since") {
                "asks"
            } else {
                "miss"
            }
        }
        other => panic!("{other} calls"),
    }
}

/// Section 3: what may be kept; section 4.2: for how long.
#[tokio::test(start_paused = true)]
async fn replies_say_whether_and_for_how_long_they_are_kept() {
    for (reply, wait, outcome) in [
        ("200\ncache-control: max-age=60", 59, "hit"),
        ("200\ncache-control: max-age=60", 60, "miss"),
        ("200\ncache-control: Max-Age=60", 59, "hit"),
        ("200\ncache-control: max-age=\"60\"", 59, "hit"),
        ("200\ncache-control: max-age=1, s-maxage=60", 59, "hit"),
        ("200\ncache-control: max-age=60, s-maxage=1", 2, "miss"),
        ("200\ncache-control: max-age=60\nage: 50", 9, "hit"),
        ("200\ncache-control: max-age=60\nage: 50", 10, "miss"),
        ("200\ncache-control: max-age=60\nage: 99999999999999999999", 1, "miss"),
        ("200\ncache-control: max-age=60\nage: 18446744073709551615\netag: \"1\"", 1, "asks"),
        ("200\ncache-control: max-age=18446744073709551615\nage: 5", 1_000_000, "hit"),
        ("200\ncache-control: max-age=60\nage: nonsense", 59, "hit"),
        ("200\ncache-control: max-age=99999999999999999999", 1_000_000, "hit"),
        ("200\ncache-control: max-age=60, max-age=1", 2, "miss"),
        ("200\ncache-control: max-age=nonsense", 0, "miss"),
        ("200\nexpires: Tue, 14 Nov 2023 22:14:20 GMT\ndate: Tue, 14 Nov 2023 22:13:20 GMT", 59, "hit"),
        ("200\nexpires: Tue, 14 Nov 2023 22:14:20 GMT\ndate: Tue, 14 Nov 2023 22:13:20 GMT", 60, "miss"),
        ("200\nexpires: 0", 0, "miss"),
        ("200\nexpires: Tue, 14 Nov 2023 22:14:20 GMT\ncache-control: max-age=0", 0, "miss"),
        ("200", 0, "miss"),
        ("200\ncache-control: public", 0, "miss"),
        // Nothing is guessed.
        ("200\nlast-modified: Tue, 14 Nov 2000 22:13:20 GMT", 0, "asks"),
        ("200\netag: \"1\"", 0, "asks"),
        ("200\ncache-control: no-cache, max-age=60\netag: \"1\"", 0, "asks"),
        ("200\ncache-control: no-cache, max-age=60", 0, "miss"),
        ("200\ncache-control: no-store, max-age=60\netag: \"1\"", 0, "miss"),
        ("200\ncache-control: No-Store, max-age=60\netag: \"1\"", 0, "miss"),
        ("200\ncache-control: private, max-age=60", 0, "miss"),
        ("200\ncache-control: private=\"x-a, x-b\", max-age=60", 0, "miss"),
        ("200\ncache-control: PRIVATE, max-age=60", 0, "miss"),
        ("200\ncache-control: x=\"no-store\", max-age=60", 0, "hit"),
        ("200\npragma: no-cache\netag: \"1\"", 0, "asks"),
        // Cookies are for one caller, unless it is said that they are not.
        ("200\ncache-control: max-age=60\nset-cookie: a=b", 0, "miss"),
        ("200\ncache-control: max-age=60, immutable\nset-cookie: a=b", 0, "miss"),
        ("200\ncache-control: public, max-age=60\nset-cookie: a=b", 0, "hit"),
        ("206\ncache-control: max-age=60\ncontent-range: bytes 0-1/2", 0, "miss"),
        ("200\ncache-control: max-age=60\nvary: *", 0, "miss"),
        ("200\ncache-control: max-age=60\nvary: accept\nvary: *", 0, "miss"),
        ("204\ncache-control: max-age=60", 0, "hit"),
        ("301\ncache-control: max-age=60\nlocation: /x", 0, "hit"),
        ("302\ncache-control: max-age=60\nlocation: /x", 0, "hit"),
        ("404\ncache-control: max-age=60", 0, "hit"),
        ("500\ncache-control: max-age=60", 0, "miss"),
        ("503\ncache-control: max-age=60", 0, "miss"),
        ("418\ncache-control: max-age=60", 0, "miss"),
    ] {
        assert_eq!(second(PLAIN, ("GET /", reply), wait, "GET /", false).await, outcome, "{reply} after {wait}s");
    }
}

/// Section 5.2.1 and 4: what requests say, and which of them are the same.
#[tokio::test(start_paused = true)]
async fn requests_say_what_they_are_content_with() {
    const FRESH: &str = "200\ncache-control: max-age=60\netag: \"1\"";
    for (first, asked, wait, outcome) in [
        ("GET /a?b", "GET /a?b", 0, "hit"),
        ("GET /a?b", "GET /a?c", 0, "miss"),
        ("GET /a", "GET /A", 0, "miss"),
        ("GET /a", "GET /a\nhost: other.test", 0, "miss"),
        ("GET /a", "GET /a\nhost: SHOP.test", 0, "hit"),
        ("GET /", "POST /", 0, "miss"),
        ("POST /", "GET /", 0, "miss"),
        ("GET /", "GET /\ncache-control: no-cache", 0, "asks"),
        ("GET /", "GET /\npragma: no-cache", 0, "asks"),
        ("GET /", "GET /\ncache-control: max-age=0", 1, "asks"),
        ("GET /", "GET /\ncache-control: max-age=10", 9, "hit"),
        ("GET /", "GET /\ncache-control: max-age=10", 11, "asks"),
        ("GET /", "GET /\ncache-control: min-fresh=50", 9, "hit"),
        ("GET /", "GET /\ncache-control: min-fresh=50", 11, "asks"),
        ("GET /", "GET /\ncache-control: max-stale=100", 70, "asks"),
        ("GET /", "GET /\ncache-control: no-store", 0, "miss"),
        ("GET /\ncache-control: no-store", "GET /", 0, "miss"),
        ("GET /", "GET /\nrange: bytes=0-1", 0, "miss"),
        ("GET /", "GET /\nif-match: \"1\"", 0, "miss"),
        ("GET /", "GET /\n\nbody", 0, "miss"),
        ("GET /", "GET /", 61, "asks"),
        ("GET /", "GET /\ncookie: a=b", 0, "hit"),
        ("GET /", "GET /\nauthorization: Bearer x", 0, "hit"),
    ] {
        assert_eq!(second(PLAIN, (first, FRESH), wait, asked, false).await, outcome, "{first} {asked} after {wait}s");
    }
}

/// Section 3.5: what was asked for by somebody is kept only if it is said to be for all.
#[tokio::test(start_paused = true)]
async fn what_is_for_one_caller_is_not_told_to_another() {
    for (control, kept) in [
        ("max-age=60", false),
        ("max-age=60, max-age=59", false),
        ("max-age=60, no-cache", false),
        ("public, max-age=60", true),
        ("s-maxage=60", true),
        ("must-revalidate, max-age=60", true),
    ] {
        let reply = format!("200\ncache-control: {control}");
        let outcome = if kept { "hit" } else { "miss" };
        for (first, known) in
            [("GET /\nauthorization: Bearer x", false), ("GET /\ncookie: session=1", false), ("GET /", true)]
        {
            assert_eq!(second(PLAIN, (first, &reply), 0, first, known).await, outcome, "{control} {first}");
        }
        let all = second(PLAIN, ("GET /", &reply), 0, "GET /", false).await;
        assert_eq!(all, if control.contains("no-cache") { "miss" } else { "hit" }, "{control}");
    }
}

/// Section 4.1: the fields that a reply depends on.
#[tokio::test(start_paused = true)]
async fn replies_that_vary_are_told_to_who_asks_alike() {
    for (vary, first, asked, outcome) in [
        ("accept-language", "GET /\naccept-language: de", "GET /\naccept-language: de", "hit"),
        ("accept-language", "GET /\naccept-language: de", "GET /\naccept-language: en", "miss"),
        ("Accept-Language", "GET /\naccept-language: de", "GET /", "miss"),
        ("accept-language", "GET /", "GET /\naccept-language: de", "miss"),
        ("accept-language, accept", "GET /\naccept: a", "GET /\naccept: b", "miss"),
        ("accept-language\nvary: accept", "GET /\naccept: a", "GET /\naccept: b", "miss"),
        ("x-a", "GET /\nx-a: 1\nx-a: 2", "GET /\nx-a: 1, 2", "hit"),
        ("x-a", "GET /\nx-a: 1\nx-a: 2", "GET /\nx-a: 1\nx-a: 3", "miss"),
        ("x-a", "GET /\nx-a: 1\nx-b: 2", "GET /\nx-a: 1\nx-b: 3", "hit"),
    ] {
        let reply = format!("200\ncache-control: max-age=60\nvary: {vary}");
        assert_eq!(second(PLAIN, (first, &reply), 0, asked, false).await, outcome, "{vary} {first} {asked}");
    }
    let (origin, edge) = (Origin::new(), edge("/*", PLAIN));
    for (language, body) in [("de", "1"), ("en", "2"), ("de", "1"), ("en", "2"), ("fr", "3"), ("de", "1")] {
        let asked = format!("GET /\naccept-language: {language}");
        let got =
            origin.ask(&edge, &asked, &stranger(), "200\ncache-control: max-age=60\nvary: accept-language\n\n#").await;
        assert_eq!(got.text(), body, "{language}");
    }
}

/// A route can say how long a reply is fresh that says nothing of it.
#[tokio::test(start_paused = true)]
async fn what_says_nothing_is_kept_for_as_long_as_the_route_says() {
    let settings = r#"{"cache": {"default_ttl": "10s"}}"#;
    for (first, reply, wait, outcome) in [
        ("GET /", "200", 9, "hit"),
        ("GET /", "200", 10, "miss"),
        ("GET /", "404", 9, "hit"),
        ("GET /", "302", 0, "miss"),
        ("GET /", "500", 0, "miss"),
        ("GET /", "200\ncache-control: max-age=1", 2, "miss"),
        ("GET /", "200\ncache-control: private", 0, "miss"),
        ("GET /", "200\ncache-control: no-store", 0, "miss"),
        ("GET /", "200\ncache-control: no-cache", 0, "miss"),
        ("GET /", "200\npragma: no-cache", 0, "miss"),
        ("GET /", "200\nset-cookie: a=b", 0, "miss"),
        ("GET /\ncookie: a=b", "200", 0, "miss"),
        ("GET /\nauthorization: x", "200", 0, "miss"),
        ("GET /", "200\ncache-control: public", 9, "hit"),
    ] {
        assert_eq!(
            second(settings, (first, reply), wait, first, false).await,
            outcome,
            "{first} {reply} after {wait}s"
        );
    }
}

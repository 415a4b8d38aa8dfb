//! Rewrites, redirects, and what is done to headers.

use std::path::Path;

use super::harness::{Origin, edge, parts, stranger, try_edge};

#[tokio::test]
async fn a_route_that_asks_for_nothing_has_no_edge() {
    assert!(try_edge("/*", "{}", &parts(Path::new(""))).unwrap().is_none());
}

#[tokio::test]
async fn paths_and_hosts_are_rewritten() {
    for (route, rewrite, asked, wanted, host) in [
        ("/api/*", r#"{"strip_prefix": "/api"}"#, "/api/v1/x?q=1", "/v1/x?q=1", "shop.test"),
        ("/api/*", r#"{"strip_prefix": "/api"}"#, "/api", "/", "shop.test"),
        ("/api/*", r#"{"strip_prefix": "/api"}"#, "/api/", "/", "shop.test"),
        ("/api/*", r#"{"strip_prefix": "/api"}"#, "/api//evil.test/x", "/evil.test/x", "shop.test"),
        ("/api/v1/*", r#"{"strip_prefix": "/api", "prefix": "/v2"}"#, "/api/v1/x", "/v2/v1/x", "shop.test"),
        ("/api/*", r#"{"prefix": "/v2"}"#, "/api/x?y", "/v2/x?y", "shop.test"),
        ("/api/*", r#"{"prefix": "/v2"}"#, "/api", "/v2", "shop.test"),
        ("/api/*", r#"{"prefix": "/v2"}"#, "/api/", "/v2/", "shop.test"),
        ("/*", r#"{"prefix": "/v2"}"#, "/x", "/v2/x", "shop.test"),
        ("/old", r#"{"prefix": "/new"}"#, "/old?a", "/new?a", "shop.test"),
        ("/api/*", r#"{"path": "/all"}"#, "/api/x?y=1", "/all?y=1", "shop.test"),
        ("/api/*", r#"{"host": "inner.test:81"}"#, "/api/x", "/api/x", "inner.test:81"),
        (
            "/api/*",
            r#"{"strip_prefix": "/api", "host": "inner.test"}"#,
            "https://shop.test/api/x",
            "https://inner.test/x",
            "inner.test",
        ),
    ] {
        let origin = Origin::new();
        let edge = edge(route, &format!(r#"{{"rewrite": {rewrite}}}"#));
        let got = origin.ask(&edge, &format!("GET {asked}"), &stranger(), "200\n\nok").await;
        let (uri, headers) = origin.last();
        assert_eq!((got.text(), uri.to_string().as_str()), ("ok", wanted), "{rewrite} {asked}");
        assert_eq!(headers["host"], host, "{rewrite} {asked}");
    }
}

#[tokio::test]
async fn headers_are_removed_set_and_added_in_this_order() {
    let settings = r#"{
        "request_headers": {"remove": ["cookie", "x-set"], "set": {"X-Set": "one"}, "add": {"x-add": "2"}},
        "response_headers": {"remove": ["server"], "set": {"x-frame-options": "DENY"}, "add": {"x-add": "b"}}
    }"#;
    let (origin, edge) = (Origin::new(), edge("/*", settings));
    let asked = "GET /\ncookie: a=b\nx-set: old\nx-set: older\nx-add: 1";
    let got = origin.ask(&edge, asked, &stranger(), "200\nserver: old\nx-add: a\nx-frame-options: SAMEORIGIN").await;
    let (_, headers) = origin.last();
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for line in ["host: shop.test", "x-add: 1", "x-add: 2", "x-set: one"] {
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
    }
    assert_eq!(
        (got.field("server"), got.field("x-frame-options"), got.field("x-add")),
        (String::new(), "DENY".to_owned(), "a, b".to_owned())
    );
}

#[tokio::test]
async fn redirects_lead_where_the_configuration_says() {
    for (route, redirect, asked, location) in [
        ("/old/*", r#"{"to": "/new"}"#, "/old/a/b?c=d", "/new/a/b?c=d"),
        ("/old/*", r#"{"to": "/new/"}"#, "/old", "/new/"),
        ("/old/*", r#"{"to": "/new"}"#, "/old/", "/new/"),
        ("/old/*", r#"{"to": "/new", "keep_path": false}"#, "/old/a?b", "/new?b"),
        ("/old/*", r#"{"to": "/new", "keep_query": false}"#, "/old/a?b", "/new/a"),
        ("/old", r#"{"to": "/new"}"#, "/old?b", "/new?b"),
        ("/*", r#"{"to": "https://shop.example"}"#, "/a?b", "https://shop.example/a?b"),
        ("/*", r#"{"to": "https://shop.example/base/"}"#, "/", "https://shop.example/base/"),
        ("/*", r#"{"to": "https://shop.example/base"}"#, "/x", "https://shop.example/base/x"),
        // What a browser would take for another host.
        ("/old/*", r#"{"to": "/"}"#, "/old//evil.test/", "/evil.test/"),
        ("/old/*", r#"{"to": "/"}"#, "/old///evil.test", "/evil.test"),
        ("/old/*", r#"{"to": "/"}"#, "/old/..//evil.test", "/..//evil.test"),
        ("/*", r#"{"to": "https://shop.example"}"#, "/@evil.test", "https://shop.example/@evil.test"),
        ("/*", r#"{"to": "https://shop.example"}"#, "/.evil.test", "https://shop.example/.evil.test"),
    ] {
        let origin = Origin::new();
        let edge = edge(route, &format!(r#"{{"redirect": {redirect}}}"#));
        let got = origin.ask(&edge, &format!("GET {asked}"), &stranger(), "200").await;
        assert_eq!((got.status, got.field("location").as_str()), (307, location), "{redirect} {asked}");
        assert_eq!(origin.calls(), 0);
    }
}

#[tokio::test]
async fn redirects_have_the_status_that_they_are_given() {
    for status in [301, 302, 303, 307, 308] {
        let edge = edge("/a", &format!(r#"{{"redirect": {{"to": "/b", "status": {status}}}}}"#));
        let got = Origin::new().ask(&edge, "POST /a\n\nbody", &stranger(), "200").await;
        assert_eq!((got.status, got.body.len()), (status, 0));
    }
}

/// Whatever the path, the reference that a browser resolves is a path of the same host.
#[tokio::test]
async fn no_path_leads_to_another_host() {
    let edge = edge("/old/*", r#"{"redirect": {"to": "/"}}"#);
    for odd in
        ["/\\evil.test", "//evil.test", "/\\/evil.test", "/%5Cevil.test", "/%2F/evil.test", "/;//evil.test", "/\t"]
    {
        let Ok(uri) = format!("/old{odd}").parse::<http::Uri>() else { continue };
        let got = Origin::new().ask(&edge, &format!("GET {uri}"), &stranger(), "200").await;
        let location = got.field("location");
        let second = location.as_bytes().get(1).copied();
        assert!(location.starts_with('/') && second != Some(b'/') && second != Some(b'\\'), "{odd}: {location}");
    }
}

//! CORS: what browsers are told before and after they send a request to another origin.

use http::Method;

use super::harness::{Got, Origin, edge, request, stranger};
use crate::edge::preflight_method;

const SETTINGS: &str = r#"{"cors": {
    "origins": ["https://shop.example", "*.partner.example"], "headers": ["content-type", "authorization"],
    "expose": ["x-total"], "credentials": true, "max_age": "5m"
}}"#;

fn preflight(origin: &str, method: &str) -> String {
    format!(
        "OPTIONS /api\norigin: {origin}\naccess-control-request-method: {method}\naccess-control-request-headers: content-type"
    )
}

#[tokio::test]
async fn a_browser_is_told_before_anybody_is_asked_who_it_is() {
    for (route, origin, allowed, methods) in [
        ("PUT,DELETE /api", "https://shop.example", "https://shop.example", "PUT,DELETE"),
        ("/api", "https://a.partner.example", "https://a.partner.example", "GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/api", "http://a.partner.example", "", "GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/api", "https://shop.example.evil.test", "", "GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/api", "null", "", "GET,HEAD,POST,PUT,PATCH,DELETE"),
    ] {
        let (head, _) = request(&preflight(origin, "PUT")).into_parts();
        let reply = edge(route, SETTINGS).preflight(&head.method, &head.headers).await.unwrap();
        let got = Got::of(reply).await;
        assert_eq!(got.status, 204);
        assert_eq!(got.field("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(got.field("access-control-allow-methods"), methods);
        assert_eq!(got.field("access-control-allow-headers"), "content-type,authorization");
        assert_eq!(got.field("access-control-allow-credentials"), "true");
        assert_eq!(got.field("access-control-max-age"), "300");
        assert!(got.field("vary").contains("origin"), "{got:?}");
    }
}

#[tokio::test]
async fn only_such_questions_are_answered() {
    let with_cors = edge("/api", SETTINGS);
    for (text, method) in [
        (preflight("https://shop.example", "PUT"), Some(Method::PUT)),
        ("OPTIONS /api\norigin: https://shop.example".to_owned(), None),
        ("OPTIONS /api\naccess-control-request-method: PUT".to_owned(), None),
        ("GET /api\norigin: https://shop.example\naccess-control-request-method: PUT".to_owned(), None),
    ] {
        let (head, _) = request(&text).into_parts();
        assert_eq!(preflight_method(&head.method, &head.headers), method, "{text}");
        let answered = with_cors.preflight(&head.method, &head.headers).await.is_some();
        assert_eq!(answered, method.is_some(), "{text}");
    }
    let (head, _) = request(&preflight("https://shop.example", "PUT")).into_parts();
    assert!(edge("/api", r#"{"compress": {}}"#).preflight(&head.method, &head.headers).await.is_none());
}

#[tokio::test]
async fn replies_say_who_may_read_them_and_services_have_no_say() {
    let (origin, edge) = (Origin::new(), edge("/api", SETTINGS));
    let answer = "200\naccess-control-allow-origin: *\naccess-control-allow-methods: TRACE\nvary: accept\n\nok";
    for (asked, allowed) in [
        ("GET /api\norigin: https://shop.example", "https://shop.example"),
        ("OPTIONS /api\norigin: https://shop.example", "https://shop.example"),
        ("GET /api\norigin: https://evil.test", ""),
        ("GET /api", ""),
    ] {
        let got = origin.ask(&edge, asked, &stranger(), answer).await;
        assert_eq!((got.status, got.text()), (200, "ok"), "{asked}");
        assert_eq!(got.field("access-control-allow-origin"), allowed, "{asked}");
        assert_eq!(got.field("access-control-allow-methods"), "", "{asked}");
        assert_eq!(got.field("access-control-expose-headers"), "x-total", "{asked}");
        let vary = got.field("vary");
        assert!(vary.contains("accept") && vary.contains("origin"), "{asked}: {vary}");
    }
    assert_eq!(origin.calls(), 4);
}

#[tokio::test]
async fn everybody_may_where_that_is_said() {
    let edge = edge("/api", r#"{"cors": {"origins": ["*"], "headers": ["*"], "methods": ["*"], "expose": ["*"]}}"#);
    let got = Origin::new().ask(&edge, "GET /api\norigin: https://any.test", &stranger(), "200").await;
    assert_eq!(
        (got.field("access-control-allow-origin"), got.field("access-control-allow-credentials")),
        ("*".to_owned(), String::new())
    );
    let (head, _) = request(&preflight("https://any.test", "PATCH")).into_parts();
    let got = Got::of(edge.preflight(&head.method, &head.headers).await.unwrap()).await;
    assert_eq!(
        (got.field("access-control-allow-methods"), got.field("access-control-allow-headers")),
        ("*".to_owned(), "*".to_owned())
    );
}

#[tokio::test]
async fn redirects_and_refusals_can_be_read_too() {
    let settings = r#"{"cors": {"origins": ["https://shop.example"]}, "redirect": {"to": "/new"}}"#;
    let got =
        Origin::new().ask(&edge("/api", settings), "GET /api\norigin: https://shop.example", &stranger(), "200").await;
    assert_eq!((got.status, got.field("access-control-allow-origin")), (307, "https://shop.example".to_owned()));
}

//! Settings of the edge that can be enforced, and those that cannot.

use std::time::Duration;

use super::*;

/// The keys of what is wrong with settings that are written as JSON.
fn wrong(json: &str) -> Vec<&'static str> {
    let settings: EdgeSettings = serde_json::from_str(json).unwrap();
    settings.problems().into_iter().map(|problem| problem.key).collect()
}

#[test]
fn what_can_be_enforced_is_taken() {
    for json in [
        "{}",
        r#"{"rewrite": {"strip_prefix": "/api", "prefix": "/v2", "host": "shop.example:8080"}}"#,
        r#"{"rewrite": {"path": "/index"}}"#,
        r#"{"request_headers": {"remove": ["cookie"], "set": {"X-A": "1"}, "add": {"x-b": "2"}}}"#,
        r#"{"redirect": {"to": "https://shop.example/new", "status": 308}}"#,
        r#"{"redirect": {"to": "/"}, "response_headers": {"set": {"x-a": "1"}}}"#,
        r#"{"cors": {"origins": ["*"], "headers": ["*"], "methods": ["*"], "expose": ["*"]}}"#,
        r#"{"cors": {"origins": ["https://a.example", "*.example"], "credentials": true}}"#,
        r#"{"compress": {}, "cache": {}, "idempotency": {}}"#,
        r#"{"files": {"directory": "web", "fallback": "index.html", "immutable": ["/assets/*"]}, "compress": {}}"#,
    ] {
        assert_eq!(wrong(json), [""; 0], "{json}");
        let settings: EdgeSettings = serde_json::from_str(json).unwrap();
        let again = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<EdgeSettings>(&again).unwrap(), settings, "{json}");
        assert_eq!(settings.is_empty(), json == "{}");
    }
}

#[test]
fn what_cannot_be_enforced_is_named() {
    for (json, keys) in [
        (r#"{"rewrite": {}}"#, &["rewrite"][..]),
        (r#"{"rewrite": {"strip_prefix": "api"}}"#, &["rewrite.strip_prefix"]),
        (r#"{"rewrite": {"prefix": "/v2/"}}"#, &["rewrite.prefix"]),
        (r#"{"rewrite": {"path": "//evil.example"}}"#, &["rewrite.path"]),
        (r#"{"rewrite": {"path": "/x", "prefix": "/y"}}"#, &["rewrite.path"]),
        (r#"{"rewrite": {"host": "a b"}}"#, &["rewrite.host"]),
        (r#"{"rewrite": {"host": "me@shop.example"}}"#, &["rewrite.host"]),
        (r#"{"request_headers": {"set": {"Host": "x"}}}"#, &["request_headers.set"]),
        (r#"{"request_headers": {"add": {"Patchbay-Caller": "x"}}}"#, &["request_headers.add"]),
        (r#"{"request_headers": {"remove": ["connection"]}}"#, &["request_headers.remove"]),
        (r#"{"request_headers": {"set": {"authorization": "Bearer x"}}}"#, &["request_headers.set"]),
        (r#"{"response_headers": {"set": {"content-length": "1"}}}"#, &["response_headers.set"]),
        (r#"{"response_headers": {"set": {"x-a": "a\nb"}}}"#, &["response_headers.set"]),
        (r#"{"response_headers": {"remove": ["a b"]}}"#, &["response_headers.remove"]),
        (r#"{"redirect": {"to": "//evil.example"}}"#, &["redirect.to"]),
        (r#"{"redirect": {"to": "/\\evil.example"}}"#, &["redirect.to"]),
        (r#"{"redirect": {"to": "javascript:alert(1)"}}"#, &["redirect.to"]),
        (r#"{"redirect": {"to": "https://me@shop.example"}}"#, &["redirect.to"]),
        (r#"{"redirect": {"to": "", "status": 304}}"#, &["redirect.status", "redirect.to"]),
        (r#"{"redirect": {"to": "/x"}, "files": {"directory": "d"}}"#, &["redirect"]),
        (r#"{"redirect": {"to": "/x"}, "cache": {}, "idempotency": {}}"#, &["idempotency", "cache"]),
        (
            r#"{"files": {"directory": "d"}, "rewrite": {"path": "/x"}, "request_headers": {"remove": ["x"]}}"#,
            &["rewrite", "request_headers"],
        ),
        (r#"{"cors": {}}"#, &["cors.origins"]),
        (r#"{"cors": {"origins": ["*"], "credentials": true}}"#, &["cors.origins"]),
        (r#"{"cors": {"origins": ["*", "https://a.example"]}}"#, &["cors.origins"]),
        (
            r#"{"cors": {"origins": ["*.example"], "methods": ["*"], "headers": ["*"], "expose": ["*"], "credentials": true}}"#,
            &["cors.methods", "cors.headers", "cors.expose"],
        ),
        (r#"{"cors": {"origins": ["*"], "methods": ["get"], "headers": ["a b"]}}"#, &["cors.methods", "cors.headers"]),
        (r#"{"cors": {"origins": ["*"], "max_age": "25h"}}"#, &["cors.max_age"]),
        (r#"{"compress": {"gzip": false, "br": false}}"#, &["compress"]),
        (r#"{"idempotency": {"methods": []}}"#, &["idempotency.methods"]),
        (r#"{"idempotency": {"methods": ["GET"], "ttl": "0s"}}"#, &["idempotency.methods", "idempotency.ttl"]),
        (r#"{"idempotency": {"max_reply": "2MiB", "memory": "1MiB"}}"#, &["idempotency.max_reply"]),
        (r#"{"idempotency": {"keys": 0}}"#, &["idempotency.keys"]),
        (r#"{"cache": {"memory": "1KiB", "max_reply": "1B"}}"#, &["cache.memory"]),
        (r#"{"cache": {"memory": "1MiB", "max_reply": "2MiB"}}"#, &["cache.max_reply"]),
        (r#"{"cache": {"collapse": "2m", "default_ttl": "25h"}}"#, &["cache.default_ttl", "cache.collapse"]),
        (r#"{"files": {}}"#, &["files.directory"]),
        (r#"{"files": {"directory": "d", "fallback": "../x"}}"#, &["files.fallback"]),
    ] {
        assert_eq!(wrong(json), keys, "{json}");
    }
    assert!(serde_json::from_str::<EdgeSettings>(r#"{"cahce": {}}"#).is_err());
}

#[test]
fn some_settings_fit_some_routes_only() {
    for (json, paths, keys) in [
        (r#"{"rewrite": {"strip_prefix": "/api"}}"#, "/api/v1/*", &[][..]),
        (r#"{"rewrite": {"strip_prefix": "/api"}}"#, "/api", &[]),
        (r#"{"rewrite": {"strip_prefix": "/"}}"#, "/x/*", &[]),
        (r#"{"rewrite": {"strip_prefix": "/api"}}"#, "/apis/*", &["rewrite.strip_prefix"]),
        (r#"{"rewrite": {"strip_prefix": "/api"}}"#, "/*", &["rewrite.strip_prefix"]),
        (r#"{"redirect": {"to": "/new"}}"#, "/old/*", &[]),
        (r#"{"redirect": {"to": "/old/new"}}"#, "/old/*", &["redirect.to"]),
        (r#"{"redirect": {"to": "/"}}"#, "/*", &["redirect.to"]),
        (r#"{"redirect": {"to": "https://shop.example/"}}"#, "/*", &[]),
        (r#"{"files": {"directory": "d"}}"#, "/app/*", &[]),
        (r#"{"files": {"directory": "d"}}"#, "/app", &["files"]),
    ] {
        let settings: EdgeSettings = serde_json::from_str(json).unwrap();
        let found: Vec<_> = settings.problems_on(&paths.parse().unwrap()).iter().map(|problem| problem.key).collect();
        assert_eq!(found, keys, "{json} {paths}");
    }
}

#[test]
fn origins_are_whole() {
    for (pattern, origin, matches) in [
        ("*", "null", true),
        ("https://shop.example", "https://shop.example", true),
        ("https://shop.example", "http://shop.example", false),
        ("https://shop.example", "https://shop.example:8443", false),
        ("https://shop.example", "https://shop.example.evil.test", false),
        ("*.example", "https://shop.example", true),
        ("*.example", "https://a.shop.example", true),
        ("*.example", "http://shop.example", false),
        ("*.example", "https://example", false),
        ("*.example", "https://evilexample", false),
        ("*.example", "https://shop.example:8443", false),
        ("*.example", "https://shop.example:", false),
        ("https://*.example:8443", "https://shop.example:8443", true),
        ("https://*.example:8443", "https://shop.example", false),
        ("http://*.example", "http://shop.example", true),
        ("*.example", "null", false),
    ] {
        let pattern: OriginPattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(origin), matches, "{pattern} {origin}");
        assert_eq!(pattern.to_string().parse::<OriginPattern>().unwrap(), pattern);
    }
    for text in [
        "",
        "null",
        "shop.example",
        "https://",
        "https://Shop.example",
        "https://a.example/",
        "https://a.example:443",
        "ftp://a",
        "https://*",
        "*.a b",
    ] {
        assert!(text.parse::<OriginPattern>().is_err(), "{text}");
    }
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let idempotency = IdempotencySettings::default();
    assert_eq!((idempotency.ttl, idempotency.required), (Duration::from_secs(86_400), false));
    assert_eq!(RedirectSettings::default().status, 307);
}

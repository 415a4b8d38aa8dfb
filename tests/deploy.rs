//! Deployments over the admin API: what is refused and why, and that a refusal leaves the old revision untouched.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Host, guest, marked, service};

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).unwrap()
}

/// A core module with one function: the smallest thing that is WebAssembly and no component.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_with_the_reason() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let mut flipped = bytes("probe");
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    let truncated = bytes("probe")[..40_000].to_vec();
    for (component, settings, says) in [
        (MODULE.to_vec(), json!({}), &["module", "component"][..]),
        (b"#!/bin/sh\n".to_vec(), json!({}), &["not"]),
        (truncated, json!({}), &[""]),
        (flipped, json!({}), &[""]),
        (bytes("command"), json!({}), &["wasi:http/incoming-handler", "wasi:cli/run"]),
        (bytes("stranger"), json!({}), &["acme:weather/forecast@1.0.0"]),
        (bytes("probe"), json!({ "limits": { "concurrency": 0 } }), &["concurrency"]),
        (bytes("probe"), json!({ "limits": { "memory": "64KiB" } }), &["memory", "64KiB"]),
    ] {
        let (status, problem) = host.deploy("probe", component, settings).await;
        assert_eq!(status, 422, "{problem}");
        for part in says {
            assert!(problem["detail"].as_str().unwrap().contains(part), "{part} in {problem}");
        }
        assert!(problem["step"].is_string(), "{problem}");
        assert_eq!(host.ask("/version").await, (200, "none".to_owned()));
    }
    let service = host.admin_get("/v1/services/probe").await;
    assert_eq!(service["revisions"].as_array().unwrap().len(), 1, "{service}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_health_request_keeps_the_old_revision() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    for (path, says) in [("/nothing-there", "404"), ("/trap", "trapped"), ("/sleep?ms=60000", "deadline")] {
        let settings = json!({ "health": { "path": path, "timeout": "1s" }, "config": { "version": "2" } });
        let (status, problem) = host.deploy("probe", bytes("probe"), settings).await;
        assert_eq!((status, &problem["step"]), (422, &json!("health")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    assert_eq!(host.ask("/version").await.1, "none");
    let settings = json!({ "health": { "path": "/version" }, "config": { "version": "2" } });
    assert_eq!(host.deploy("probe", bytes("probe"), settings).await.0, 200);
    assert_eq!(host.ask("/version").await.1, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_rollback_activate_and_remove() {
    let host = Host::start("").await;
    assert_eq!(host.ask("/version").await.0, 404);
    let routes = json!(["/*"]);
    for number in 1..=4 {
        let settings = json!({ "config": { "version": number.to_string() } });
        let (status, outcome) =
            host.deploy_routed("probe", marked("probe", &number.to_string()), settings, routes.clone()).await;
        assert_eq!((status, &outcome["revision"]), (200, &json!(format!("probe@{number}"))), "{outcome}");
        assert_eq!(host.ask("/version").await.1, number.to_string());
    }
    let (status, outcome) = host.deploy("probe", marked("probe", "4"), json!({})).await;
    assert_eq!((status, &outcome["outcome"]), (200, &json!("unchanged")), "an identical deployment does nothing");

    assert_eq!(host.post("/v1/services/probe/rollback", json!({})).await.0, 200);
    assert_eq!(host.ask("/version").await.1, "3");
    assert_eq!(host.post("/v1/services/probe/activate", json!({ "revision": 2 })).await.0, 200);
    assert_eq!(host.ask("/version").await.1, "2");
    let (status, problem) = host.post("/v1/services/probe/activate", json!({ "revision": 1 })).await;
    assert_eq!(status, 404, "the fourth revision took the place of the first: {problem}");

    let reply = host.admin(Method::DELETE, "/v1/services/probe").send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(host.ask("/version").await.0, 404);
    assert_eq!(host.post("/v1/services/probe/rollback", json!({})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_belongs_to_one_service() {
    let host = Host::start(&service("first", "probe", "routes = [\"/mine/*\"]")).await;
    let (status, problem) = host.deploy_routed("second", bytes("probe"), json!({}), json!(["/mine/*"])).await;
    assert_eq!(status, 409, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("/mine/*") && detail.contains("first"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_shows_what_a_revision_is() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]\nmemory = \"64MiB\"")).await;
    let revision = host.admin_get("/v1/services/probe/revisions/1").await;
    let text = revision.to_string();
    for part in ["wasi:http/incoming-handler@0.2", "wasi:http/types@0.2", "sha256:", "64MiB", "15s", "fresh", "Rust"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let exports = names(&revision, "exports");
    assert!(exports.iter().any(|name| name.starts_with("wasi:http/incoming-handler@0.2")), "{exports:?}");
}

fn names(revision: &Value, key: &str) -> Vec<String> {
    let items = revision["contract"][key].as_array().or_else(|| revision[key].as_array()).unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

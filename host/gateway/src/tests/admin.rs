//! The admin API over HTTP: who gets in, what comes back, and that changes are told as they happen.

use std::time::{Duration, UNIX_EPOCH};

use http::{Method, StatusCode};
use patchbay_model::{LogRecord, LogStream, Settings};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::client::read_until;
use super::host::{Host, Listening, TOKEN, component, says};
use crate::{AdminConfig, ReadinessState};

impl Listening {
    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, self.url(path)).bearer_auth(TOKEN)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let reply = self.ask(Method::GET, path).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        reply.json().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let reply = self.ask(Method::POST, path).json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    async fn upload(&self, name: &str) -> String {
        let body = component(name);
        let request = self.ask(Method::POST, "/v1/components").header("content-type", "application/wasm");
        let reply = request.body(body.clone()).send().await.unwrap();
        assert_eq!(reply.status(), 201);
        let stored: Value = reply.json().await.unwrap();
        assert_eq!(stored["size"], body.len());
        stored["digest"].as_str().unwrap().to_owned()
    }
}

async fn serving() -> (Host, Listening) {
    let host = Host::serving(says("here"), &["GET /api/*"]).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    (host, admin)
}

/// The problem in a reply that refuses.
pub(super) async fn problem(reply: Response) -> (u16, String, String) {
    let status = reply.status().as_u16();
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    let problem: Value = reply.json().await.unwrap();
    assert_eq!(problem["status"], status);
    let text = |key: &str| problem[key].as_str().unwrap().to_owned();
    (status, text("type").rsplit(':').next().unwrap().to_owned(), text("detail"))
}

#[tokio::test]
async fn only_probes_and_the_document_are_open() {
    let (_host, admin) = serving().await;
    let client = Client::new();
    for path in ["/healthz", "/openapi.json"] {
        assert_eq!(client.get(admin.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    for path in ["/v1/services", "/v1/host", "/v1/events?follow=true", "/nothing", "/healthz/"] {
        for token in [None, Some("wrong"), Some(&TOKEN[1..])] {
            let request = client.get(admin.url(path));
            let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
            let reply = request.send().await.unwrap();
            assert_eq!(reply.headers()["www-authenticate"], "Bearer realm=\"patchbay\"");
            assert_eq!(problem(reply).await.0, 401, "{path}");
        }
        let twice = admin.ask(Method::GET, path).header("authorization", "Bearer x").send().await.unwrap();
        assert_eq!(problem(twice).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn readiness_follows_the_life_of_the_host() {
    let (host, admin) = serving().await;
    for (state, name, status) in [
        (ReadinessState::Starting, "starting", 503),
        (ReadinessState::Ready, "ready", 200),
        (ReadinessState::Stopping, "stopping", 503),
    ] {
        host.readiness.set(state);
        let reply = Client::new().get(admin.url("/readyz")).send().await.unwrap();
        assert_eq!(reply.status(), status);
        let report: Value = reply.json().await.unwrap();
        assert_eq!(report, json!({"ready": status == 200, "state": name, "failures": {}}));
    }
}

#[tokio::test]
async fn a_bus_that_is_impaired_makes_the_host_unready() {
    let (host, admin) = serving().await;
    host.readiness.set(ReadinessState::Ready);
    assert_eq!(admin.get("/v1/host").await["bus"], json!({"ready": true}));
    host.bus.impair(Some("the disk is full"));
    let reply = Client::new().get(admin.url("/readyz")).send().await.unwrap();
    assert_eq!(reply.status(), 503);
    let report: Value = reply.json().await.unwrap();
    assert_eq!(report, json!({"ready": false, "state": "ready", "failures": {}, "bus": "the disk is full"}));
    assert_eq!(admin.get("/v1/host").await["bus"], json!({"ready": false, "reason": "the disk is full"}));
    host.bus.impair(None);
    assert_eq!(admin.get("/readyz").await["ready"], true);
}

#[tokio::test]
async fn a_service_is_deployed_changed_rolled_back_and_removed() {
    let (_host, admin) = serving().await;
    let digest = admin.upload("two").await;
    let deployment = json!({
        "component": digest,
        "settings": {"config": {"greeting": "hello"}, "limits": {"timeout": "2s"}},
        "routes": ["GET /two/*", "/api/*"],
    });
    let (status, outcome) = admin.post("/v1/services/orders/revisions", &deployment).await;
    assert_eq!(status, 200, "{outcome}");
    let activated = json!({"outcome": "activated", "revision": "orders@2", "replaced": "orders@1", "calls_cut": 0});
    assert_eq!(outcome, activated);
    // The patch is merged into what is there, so the same again changes nothing.
    let again = json!({"component": digest, "settings": {"config": {"greeting": "hello"}}});
    let (_, outcome) = admin.post("/v1/services/orders/revisions", &again).await;
    assert_eq!(outcome, json!({"outcome": "unchanged", "revision": "orders@2"}));

    let services = admin.get("/v1/services").await;
    let service = admin.get("/v1/services/orders").await;
    assert_eq!(services, json!([service]));
    assert_eq!((&service["active"], &service["revisions"][0]["active"]), (&json!(2), &json!(false)));
    assert_eq!(service["routes"], json!({"declared": [], "deployed": ["GET /two/*", "/api/*"]}));

    let revision = admin.get("/v1/services/orders/revisions/2").await;
    assert_eq!(revision["component"], digest);
    assert_eq!(revision["settings"]["limits"]["timeout"], "2s");
    assert_eq!(revision["settings"]["config"], json!({"greeting": "hello"}));
    assert_eq!(revision["contract"], json!({"imports": [], "exports": [], "producers": []}));
    assert_eq!((&revision["policy"], &revision["recommended"]["policy"]), (&json!("reuse"), &json!("reuse")));
    assert_eq!(revision["instances"], json!({"live": 2, "idle": 1, "memory_bytes": 3 << 20}));
    assert_eq!(service["memory_bytes"], 2 * (3 << 20), "that of all its revisions");
    let activity = admin.get("/v1/activity").await;
    assert_eq!(activity["services"][0]["memory_bytes"], service["memory_bytes"]);
    assert_eq!((&revision["origin"], &revision["created"]), (&json!("api"), &json!("1970-01-01T00:00:00.000Z")));

    let (_, outcome) = admin.post("/v1/services/orders/rollback", &json!({})).await;
    assert_eq!(outcome["revision"], "orders@1");
    let (_, outcome) = admin.post("/v1/services/orders/activate", &json!({"revision": 2})).await;
    assert_eq!((&outcome["revision"], &outcome["replaced"]), (&json!("orders@2"), &json!("orders@1")));
    let reply = admin.ask(Method::DELETE, "/v1/services/orders").send().await.unwrap();
    let removed: Value = reply.json().await.unwrap();
    assert_eq!(removed, json!({"outcome": "removed", "service": "orders", "calls_cut": 0}));
    assert_eq!(admin.get("/v1/services").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let (_host, admin) = serving().await;
    let digest = admin.upload("two").await;
    let missing = format!("sha256:{}", "0".repeat(64));
    let deploy = "/v1/services/orders/revisions";
    for (method, path, body, expected, hint) in [
        (Method::GET, "/v1/services/none", json!({}), (404, "not-found"), "`none`"),
        (Method::GET, "/v1/services/No", json!({}), (400, "invalid"), "`No` is no service name"),
        (Method::GET, "/v1/services/orders/revisions/9", json!({}), (404, "not-found"), "orders@9"),
        (Method::GET, "/v1/services/orders/revisions/0", json!({}), (400, "invalid"), "count from 1"),
        (Method::GET, "/v1/nothing", json!({}), (404, "not-found"), "/v1/nothing"),
        (Method::PUT, "/v1/services", json!({}), (405, "method-not-allowed"), "Allow"),
        (Method::GET, "/v1/events?after=x", json!({}), (400, "invalid"), "after"),
        (Method::GET, "/v1/logs?servce=x", json!({}), (400, "invalid"), "servce"),
        (Method::POST, deploy, json!({"component": "x"}), (400, "invalid"), "no digest"),
        (Method::POST, deploy, json!({"component": digest, "setings": {}}), (400, "invalid"), "setings"),
        (Method::POST, deploy, json!({"component": digest, "settings": {"a": 1}}), (400, "invalid"), "`a`"),
        (Method::POST, deploy, json!({"component": digest, "routes": ["x"]}), (400, "invalid"), "`x` is no path"),
        (Method::POST, deploy, json!({"component": missing}), (404, "not-found"), "not stored"),
        (
            Method::POST,
            deploy,
            json!({"component": digest, "settings": {"instance_uses": 0}}),
            (422, "refused"),
            "instance_uses",
        ),
        (Method::POST, "/v1/services/orders/activate", json!({"revision": 7}), (404, "not-found"), "orders@7"),
        (Method::POST, "/v1/services/orders/activate", json!({}), (400, "invalid"), "revision"),
        (Method::POST, "/v1/services/orders/rollback", json!({"x": 1}), (400, "invalid"), "`x`"),
        (
            Method::POST,
            "/v1/services/other/revisions",
            json!({"component": digest, "routes": ["GET /api/*"]}),
            (409, "conflict"),
            "taken",
        ),
    ] {
        let reply = admin.ask(method.clone(), path).json(&body).send().await.unwrap();
        let allow = reply.headers().get("allow").is_some();
        let (status, kind, detail) = problem(reply).await;
        assert_eq!((status, kind.as_str()), expected, "{method} {path} {body}: {detail}");
        assert!(detail.contains(hint), "{method} {path} {body}: {detail}");
        assert_eq!(allow, status == 405);
    }
    let reply = admin.ask(Method::POST, deploy).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(problem(reply).await.0, 415);
    let large = format!("{{\"component\":\"{}\"}}", "x".repeat(2 << 20));
    let reply =
        admin.ask(Method::POST, deploy).header("content-type", "application/json").body(large).send().await.unwrap();
    assert_eq!(problem(reply).await.0, 413);
}

#[tokio::test]
async fn a_failed_change_names_its_step() {
    let (_host, admin) = serving().await;
    let broken = "not wasm at all";
    let reply = admin.ask(Method::POST, "/v1/components").header("content-type", "application/wasm").body(broken);
    let stored: Value = reply.send().await.unwrap().json().await.unwrap();
    let (status, problem) = admin.post("/v1/services/orders/revisions", &json!({"component": stored["digest"]})).await;
    assert_eq!((status.as_u16(), &problem["step"]), (422, &json!("inspect")), "{problem}");
}

/// The events of a stream: name and data.
pub(super) fn parsed(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
    let field = |block: &str, name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
    blocks
        .map(|block| {
            let data = field(block, "data: ").unwrap();
            (field(block, "event: ").unwrap(), serde_json::from_str(&data).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn changes_are_told_step_by_step() {
    let (_host, admin) = serving().await;
    let digest = admin.upload("two").await;
    let deploy = |body: Value| {
        let request = admin.ask(Method::POST, "/v1/services/orders/revisions").json(&body);
        request.header("accept", "text/event-stream").send()
    };
    let reply = deploy(json!({"component": digest})).await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    let events = parsed(&reply.text().await.unwrap());
    let (last, steps) = events.split_last().unwrap();
    assert_eq!((last.0.as_str(), &last.1["revision"]), ("outcome", &json!("orders@2")));
    let done: Vec<_> =
        steps.iter().filter(|(_, step)| step["state"] == "done").map(|(_, step)| &step["step"]).collect();
    assert_eq!(done, ["inspect", "compile", "warm", "publish", "drain", "retire"]);
    assert!(steps.iter().all(|(name, _)| name == "step"));

    let reply = deploy(json!({"component": format!("sha256:{}", "0".repeat(64))})).await.unwrap();
    let events = parsed(&reply.text().await.unwrap());
    let (last, _) = events.split_last().unwrap();
    assert_eq!((last.0.as_str(), &last.1["status"], &last.1["step"]), ("error", &json!(404), &json!("inspect")));
}

#[tokio::test]
async fn uploads_leave_nothing_behind_when_they_fail() {
    let host = Host::empty(says("here")).await;
    let admin = host.admin_with(AdminConfig { max_upload: 1 << 10, ..AdminConfig::default() }).await;
    let wasm = || admin.ask(Method::POST, "/v1/components").header("content-type", "application/wasm");
    let pieces = |n: usize| {
        let pieces = (0..n).map(|_| Ok::<_, std::io::Error>(vec![0; 512]));
        reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
    };
    for body in [reqwest::Body::from(vec![0; 1025]), pieces(3)] {
        assert_eq!(problem(wasm().body(body).send().await.unwrap()).await.0, 413);
    }
    let other = admin.ask(Method::POST, "/v1/components").header("content-type", "text/plain").body("x");
    assert_eq!(problem(other.send().await.unwrap()).await.0, 415);
    assert_eq!((host.components.n_stored(), host.components.n_writers()), (0, 0));
    assert_eq!(wasm().body(pieces(2)).send().await.unwrap().status(), 201);

    let (piece, pieces) = mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream = futures_util::stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    let upload = tokio::spawn(wasm().body(reqwest::Body::wrap_stream(stream)).send());
    piece.send(Ok(vec![0; 8])).await.unwrap();
    piece.send(Ok(vec![0; 8])).await.unwrap();
    while host.components.n_writers() == 0 {
        tokio::task::yield_now().await;
    }
    upload.abort();
    while host.components.n_writers() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.components.n_stored(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_upload_may_not_pause_for_long() {
    let host = Host::empty(says("here")).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    let mut socket = tokio::net::TcpStream::connect(admin.address).await.unwrap();
    let head = format!(
        "POST /v1/components HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 99\r\n\r\nx"
    );
    tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let reply = read_until(&mut socket, "}").await;
    assert!(reply.starts_with("HTTP/1.1 408 ") && reply.contains("connection: close"), "{reply}");
    assert!(begun.elapsed() >= Duration::from_secs(30) && begun.elapsed() < Duration::from_secs(32));
    assert_eq!(host.components.n_writers(), 0);
}

fn printed(service: &str, line: &str) -> LogRecord {
    let revision = format!("{service}@1").parse().unwrap();
    LogRecord::new(UNIX_EPOCH, LogStream::Stdout, line.to_owned()).of(&revision)
}

#[tokio::test]
async fn journals_are_listed_and_followed_to_the_stop() {
    let (host, mut admin) = serving().await;
    let kinds: Vec<_> = admin.get("/v1/events?service=orders").await.as_array().unwrap().clone();
    assert!(kinds.iter().any(|event| event["kind"] == "published" && event["number"].is_u64()), "{kinds:?}");
    for line in ["1", "2", "3", "4", "5", "6"] {
        host.logs.append(printed(if line == "4" { "other" } else { "orders" }, line));
    }
    let listed = admin.get("/v1/logs?after=4&service=orders").await;
    let lines: Vec<_> = listed.as_array().unwrap().iter().map(|entry| (&entry["number"], &entry["line"])).collect();
    assert_eq!(lines, [(&json!(5), &json!("5")), (&json!(6), &json!("6"))]);

    // The journal keeps four, so the first after 1 is gone.
    let request = admin.ask(Method::GET, "/v1/logs?follow=true&service=orders&after=5").header("last-event-id", "1");
    let mut reply = request.send().await.unwrap();
    host.logs.append(printed("orders", "7"));
    let mut text = String::new();
    while !text.contains("\"7\"") {
        text.push_str(std::str::from_utf8(&reply.chunk().await.unwrap().unwrap()).unwrap());
    }
    admin.stopped().await;
    while let Some(rest) = reply.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&rest).unwrap());
    }
    let events = parsed(&text);
    assert_eq!(events[0], ("missed".to_owned(), json!({"count": 1})));
    let lines: Vec<_> =
        events[1..].iter().map(|(name, data)| (name.as_str(), data["line"].as_str().unwrap())).collect();
    assert_eq!(lines, [("log", "3"), ("log", "5"), ("log", "6"), ("log", "7")]);
    assert!(text.contains("id: 7\n"), "{text}");
}

#[tokio::test]
async fn the_host_tells_about_itself() {
    let host = Host::with_settings(says("here"), &["/*"], Settings::default()).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    let facts = admin.get("/v1/host").await;
    assert_eq!(facts["version"], "0.1.0");
    assert_eq!(facts["started"], "1970-01-01T00:00:00.000Z");
    let (address, url) = (admin.address.to_string(), admin.url(""));
    let listeners = json!({
        "http": "127.0.0.1:8080", "http_url": "http://127.0.0.1:8080", "admin": address, "admin_url": url,
    });
    assert_eq!(facts["listeners"], listeners);
    assert_eq!((&facts["services"], &facts["usage"]["code_bytes"]), (&json!(1), &json!(4096)));
    assert_eq!(facts["usage"]["memory_bytes"], 3 << 20);
    assert_eq!((&facts["state_dir"], &facts["config"]["control.retained"]), (&json!("/var/lib/patchbay"), &json!("3")));
}

#[tokio::test]
async fn a_reload_is_tried_or_taken_and_refusals_say_everything() {
    let host = Host::with_settings(says("here"), &["/*"], Settings::default()).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    assert_eq!(admin.get("/v1/host").await["needs_restart"], json!(["http.listen"]));
    let (status, tried) = admin.post("/v1/reload?dry_run=true", &json!({})).await;
    let wanted = json!({"applied": false, "keys": [], "services": [], "needs_restart": ["http.listen"]});
    assert_eq!((status, tried), (StatusCode::OK, wanted));
    for (path, status, says) in [
        ("/v1/reload", 422, "runtime.toml:1:1: no"),
        ("/v1/reload?dry_run=maybe", 400, "dry_run"),
        ("/v1/reload?trial=true", 400, "trial"),
    ] {
        let (found, _, detail) = problem(admin.ask(Method::POST, path).send().await.unwrap()).await;
        assert_eq!(found, status, "{path}");
        assert!(detail.contains(says), "{path}: {detail}");
    }
    let reply = Client::new().post(admin.url("/v1/reload")).send().await.unwrap();
    assert_eq!(reply.status(), 401, "it takes the token");
}

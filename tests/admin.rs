//! The admin API: who may use it, what it takes, and what it tells.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Host, PATIENCE, eventually, guest, service};

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_token_gets_in() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let token = host.token();
    let longer = format!("{token}x");
    let almost = format!("x{}", &token[1..]);
    for (authorization, status) in [
        (None, 401),
        (Some("Bearer ".to_owned()), 401),
        (Some("Bearer wrong".to_owned()), 401),
        (Some(format!("Bearer {longer}")), 401),
        (Some(format!("Bearer {almost}")), 401),
        (Some(format!("Basic {token}")), 401),
        (Some(format!("Bearer {token}")), 200),
        (Some(format!("bearer {token}")), 200),
    ] {
        for path in ["/v1/services", "/v1/host", "/v1/events", "/v1/logs"] {
            let mut request = host.client().get(host.admin_url(path));
            if let Some(authorization) = &authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let reply = request.send().await.unwrap();
            assert_eq!(reply.status(), status, "{path} with {authorization:?}");
            if status == 401 {
                assert!(reply.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
                assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/problem+json");
            }
        }
    }
    let deploy = host.client().post(host.admin_url("/v1/components")).body("x").send().await.unwrap();
    assert_eq!(deploy.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_private_and_stays() {
    use std::os::unix::fs::PermissionsExt;
    let mut host = Host::start("").await;
    let token = host.token();
    assert!(token.len() >= 32);
    let mode = |path: &str| std::fs::metadata(host.folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state"), mode("state/admin.token"), mode("state/cache")), (0o700, 0o600, 0o700));
    host.signal(rustix::process::Signal::TERM);
    host.exited().await;
    host.run().await;
    assert_eq!(host.token(), token);
    assert!(!host.log().contains(&token), "the token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_need_no_token() {
    let host = Host::start("").await;
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(host.client().get(host.admin_url(path)).send().await.unwrap().status(), 200, "{path}");
    }
    let document: Value =
        host.client().get(host.admin_url("/openapi.json")).send().await.unwrap().json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v1/services/{name}/revisions"), "{:?}", paths.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_limited() {
    let mut host = Host::stopped("");
    host.configure("max_upload = \"64KiB\"\n");
    host.run().await;
    let too_large = vec![0; 128 << 10];
    let announced = host.admin(Method::POST, "/v1/components").body(too_large.clone()).send().await.unwrap();
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let pieces = futures_util::stream::iter(
        too_large.chunks(1024).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
    );
    let unannounced =
        host.admin(Method::POST, "/v1/components").body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    assert_eq!(unannounced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    eventually("nothing of them is left", async || {
        let components = host.folder.path().join("state/components");
        std::fs::read_dir(components).unwrap().next().is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_told_what_is_wrong() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let digest = host.upload(std::fs::read(guest("probe")).unwrap()).await;
    let deploy = "/v1/services/probe/revisions";
    for (path, body, status, says) in [
        (deploy, json!({}), 400, "component"),
        (deploy, json!({ "component": "sha256:1" }), 400, "digest"),
        (deploy, json!({ "component": format!("sha256:{}", "0".repeat(64)) }), 404, "stored"),
        (deploy, json!({ "component": digest, "settings": { "timeot": "1s" } }), 400, "timeot"),
        (deploy, json!({ "component": digest, "settings": { "limits": { "timeout": "soon" } } }), 400, "soon"),
        (deploy, json!({ "component": digest, "routes": ["nowhere"] }), 400, "nowhere"),
        (deploy, json!({ "component": digest, "surprise": 1 }), 400, "surprise"),
        ("/v1/services/UPPER/revisions", json!({ "component": digest }), 400, "UPPER"),
        ("/v1/services/nobody/rollback", json!({}), 404, "nobody"),
        ("/v1/services/probe/activate", json!({ "revision": 0 }), 400, "nonzero"),
    ] {
        let (answered, problem) = host.post(path, body.clone()).await;
        assert_eq!(answered, status, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says} in {problem}");
    }
    let lost = host.admin(Method::GET, "/v1/nothing").send().await.unwrap();
    assert_eq!(lost.status(), StatusCode::NOT_FOUND);
    assert_eq!(lost.headers()[header::CONTENT_TYPE], "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_tells_its_steps_as_they_happen() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let component = host.upload(std::fs::read(guest("probe")).unwrap()).await;
    let mut events = host.admin(Method::GET, "/v1/events?follow=true").send().await.unwrap();
    let request = json!({ "component": component, "settings": { "config": { "version": "2" } } });
    let reply = host
        .admin(Method::POST, "/v1/services/probe/revisions")
        .header(header::ACCEPT, "text/event-stream")
        .json(&request)
        .send()
        .await
        .unwrap();
    assert_eq!(reply.status(), 200);
    let told = reply.text().await.unwrap();
    let order: Vec<_> = ["inspect", "compile", "warm", "health", "publish", "drain", "retire", "activated"]
        .iter()
        .map(|step| told.find(&format!("\"{step}\"")).unwrap_or_else(|| panic!("{step} in {told}")))
        .collect();
    assert!(order.is_sorted(), "{told}");

    let mut seen = String::new();
    while !seen.contains("published") || !seen.contains("retired") {
        let piece = timeout(PATIENCE, events.chunk()).await.expect("the events come").unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
}

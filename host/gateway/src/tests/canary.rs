//! Canaries over the admin API, and what the gateway adds to them: where a request comes from, and no forged mark.

use http::Method;
use patchbay_model::{Digest, Reply, full_body};
use serde_json::{Value, json};

use super::admin::problem;
use super::host::{Host, component, script};
use crate::AdminConfig;

const CANARY: &str = "/v1/services/orders/canary";

/// A host whose service tells whether a request is marked as mirrored.
async fn serving() -> Host {
    let tell = script(|call| {
        let marked = call.request.headers().contains_key("patchbay-mirror");
        std::future::ready(Ok(Reply::new(full_body(if marked { "marked" } else { "plain" }))))
    });
    Host::serving(tell, &["/*"]).await
}

#[tokio::test]
async fn a_canary_is_started_seen_and_promoted_or_aborted() {
    let host = serving().await;
    let admin = host.admin_with(AdminConfig::default()).await;
    let digest = Digest::of(b"nothing that is stored");
    let known = host.components.put(component("next")).digest;
    for (body, status, why) in [
        (json!({}), 400, "name what is to be tried"),
        (json!({ "component": known, "revision": 1 }), 400, "name what is to be tried"),
        (json!({ "revision": 1, "settings": {} }), 400, "leave them away"),
        (json!({ "component": known, "plan": { "stepps": [] } }), 400, "stepps"),
        (json!({ "component": known, "plan": { "steps": ["0.0001%"] } }), 400, "no share of calls"),
        (json!({ "component": known, "plan": { "steps": ["100%"] } }), 422, "must grow"),
        (json!({ "component": digest }), 404, ""),
        (json!({ "revision": 1 }), 422, "serves already"),
        (json!({ "revision": 9 }), 404, "not retained"),
    ] {
        let reply = admin.ask(Method::POST, CANARY).json(&body).send().await.unwrap();
        let (told, _, detail) = problem(reply).await;
        assert!(told == status && detail.contains(why), "{body}: {told} {detail}");
    }
    assert_eq!(admin.get(CANARY).await, json!({}));
    for over in ["promote", "abort"] {
        let reply = admin.ask(Method::POST, &format!("{CANARY}/{over}")).json(&json!({})).send().await.unwrap();
        assert_eq!(problem(reply).await.0, 404, "{over}");
    }

    let start = json!({
        "component": known, "settings": { "config": { "a": "b" } },
        "plan": { "mirror": "50%", "steps": ["0.5%", "20%"], "bake": "1h", "rules": { "max_error_increase": null } },
    });
    let (status, outcome) = admin.post(CANARY, &start).await;
    assert_eq!(status, 200, "{outcome}");
    let started = json!({
        "outcome": "canary-started", "revision": "orders@2", "stable": "orders@1", "share": "0%", "mirrored": "50%",
    });
    assert_eq!(outcome, started);
    let seen: Value = admin.get(CANARY).await["canary"].clone();
    assert_eq!((&seen["revision"], &seen["step"], &seen["steps"]), (&json!("orders@2"), &json!(1), &json!(3)));
    assert_eq!((&seen["phase"], &seen["mirrored"]), (&json!("baking"), &json!("50%")));
    assert_eq!(seen["plan"]["rules"]["max_error_increase"], Value::Null);
    let service = admin.get("/v1/services/orders").await;
    assert_eq!(service["canary"]["revision"], "orders@2");
    assert_eq!((&service["active"], &service["revisions"][1]["candidate"]), (&json!(1), &json!(true)));

    let deployment = json!({ "component": known });
    let reply = admin.ask(Method::POST, "/v1/services/orders/revisions").json(&deployment).send().await.unwrap();
    assert_eq!(problem(reply).await.0, 409);
    let (status, outcome) = admin.post(&format!("{CANARY}/abort"), &json!({})).await;
    assert_eq!((status.as_u16(), &outcome["outcome"]), (200, &json!("canary-aborted")));
    let last = admin.get(CANARY).await["last"].clone();
    assert_eq!((&last["promoted"], &last["revision"]), (&json!(false), &json!("orders@2")));
    assert!(last["message"].as_str().unwrap().contains("aborted by an operator"), "{last}");

    // What was deployed for a canary is forgotten with it, and so is its component.
    let known = host.components.put(component("next")).digest;
    let (_, outcome) = admin.post(CANARY, &json!({ "component": known, "plan": { "manual": true } })).await;
    assert_eq!(outcome["revision"], "orders@3", "numbers are never used twice");
    let (status, outcome) = admin.post(&format!("{CANARY}/promote"), &json!({})).await;
    assert_eq!(
        (status.as_u16(), &outcome["outcome"], &outcome["replaced"]),
        (200, &json!("activated"), &json!("orders@1"))
    );
    assert_eq!(admin.get("/v1/services/orders").await["active"], 3);
}

#[tokio::test]
async fn nobody_outside_marks_a_request_as_mirrored() {
    let host = serving().await;
    let http = host.http().await;
    let client = reqwest::Client::new();
    let reply = client.get(http.url("/")).header("patchbay-mirror", "true").send().await.unwrap();
    assert_eq!(reply.text().await.unwrap(), "plain");
}

#[tokio::test]
async fn a_caller_is_kept_by_its_address() {
    let host = serving().await;
    let admin = host.admin_with(AdminConfig::default()).await;
    let known = host.components.put(component("next")).digest;
    let plan = json!({ "steps": ["50%"], "traffic": { "sticky": "address" } });
    let (status, outcome) = admin.post(CANARY, &json!({ "component": known, "plan": plan })).await;
    assert_eq!(status, 200, "{outcome}");
    let http = host.http().await;
    for _ in 0..20 {
        assert_eq!(reqwest::get(http.url("/")).await.unwrap().status(), 200);
    }
    let seen = admin.get(CANARY).await["canary"].clone();
    let calls = [&seen["candidate"]["calls"], &seen["stable"]["calls"]];
    assert!(calls == [&json!(0), &json!(20)] || calls == [&json!(20), &json!(0)], "{seen}");
}

//! The example services, one per language and WASI version, called as their users call them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Host, service};

/// The status, the content type and the JSON of an answer.
async fn call(host: &Host, method: Method, path: &str, body: Option<Value>) -> (u16, String, Value) {
    let request = host.client().request(method, host.url(path));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let reply = request.send().await.unwrap();
    let kind = reply.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    (reply.status().as_u16(), kind, reply.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_in_rust() {
    let host = Host::start(&service("orders", "orders", "routes = [\"/api/orders/*\"]")).await;
    let (status, kind, _) = call(&host, Method::GET, "/api/orders/123", None).await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    assert_eq!(host.ask("/api/orders/123").await.1, r#"{"orderId":123,"status":"confirmed"}"#);

    let order = json!({ "items": [{ "sku": "tea", "quantity": 2 }] });
    let reply = host.client().post(host.url("/api/orders")).json(&order).send().await.unwrap();
    assert_eq!(reply.status(), 201);
    let location = reply.headers()["location"].to_str().unwrap().to_owned();
    let order: Value = reply.json().await.unwrap();
    assert_eq!(location, format!("/api/orders/{}", order["orderId"]));
    assert_eq!(host.ask(&location).await.0, 200);

    for (method, path, body, expected) in [
        (Method::GET, "/api/orders/tea", None, 400),
        (Method::POST, "/api/orders", Some(json!({ "items": [] })), 400),
        (Method::DELETE, "/api/orders/1", None, 405),
    ] {
        let (status, kind, problem) = call(&host, method, path, body).await;
        assert_eq!((status, kind.as_str()), (expected, "application/problem+json"), "{path}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_in_typescript() {
    let host = Host::start(&service("payments", "payments", "routes = [\"/api/payments/*\"]")).await;
    let payment = json!({ "orderId": 123, "amount": 4200, "currency": "EUR" });
    let (status, _, answer) = call(&host, Method::POST, "/api/payments", Some(payment)).await;
    assert_eq!((status, &answer["orderId"], &answer["status"]), (201, &json!(123), &json!("authorized")), "{answer}");
    let id = answer["paymentId"].as_str().unwrap();
    let (status, _, answer) = call(&host, Method::GET, &format!("/api/payments/{id}"), None).await;
    assert_eq!((status, &answer["paymentId"]), (200, &json!(id)));

    let worthless = json!({ "orderId": 123, "amount": -1, "currency": "EUR" });
    let (status, kind, _) = call(&host, Method::POST, "/api/payments", Some(worthless)).await;
    assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shipping_in_python() {
    let shipping = service("shipping", "shipping", "routes = [\"/api/shipping/*\"]\ninstances = \"reuse\"");
    let host = Host::start(&shipping).await;
    let (status, _, rates) = call(&host, Method::GET, "/api/shipping/rates?weight=1200&country=DE", None).await;
    assert_eq!(status, 200);
    assert!(!rates.as_array().map_or(rates["rates"].as_array(), Some).unwrap().is_empty(), "{rates}");
    // One instance takes many calls in turn.
    for _ in 0..5 {
        assert_eq!(host.ask("/api/shipping/rates?weight=1200&country=DE").await.0, 200);
    }
    let (status, kind, _) = call(&host, Method::GET, "/api/shipping/rates?weight=heavy&country=DE", None).await;
    assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_in_rust_on_wasi_0_3() {
    let host = Host::start(&service("hello", "hello", "routes = [\"/hello\", \"/echo\"]")).await;
    assert_eq!(host.ask("/hello").await, (200, "Hello from Patchbay!\n".to_owned()));
    assert_eq!(host.ask("/hello?count=3&interval=1").await.1, "Hello from Patchbay!\n".repeat(3));
    let echoed = host.client().post(host.url("/echo")).body("round and round").send().await.unwrap();
    assert_eq!(echoed.text().await.unwrap(), "round and round");

    let greeting = json!({ "config": { "greeting": "Good morning!" } });
    let (status, outcome) =
        host.deploy("hello", std::fs::read(crate::support::guest("hello")).unwrap(), greeting).await;
    assert_eq!(status, 200, "{outcome}");
    assert_eq!(host.ask("/hello").await.1, "Good morning!\n");
}

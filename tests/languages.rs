//! The example services, one per language and WASI version, called as their users call them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Host, at_rest, service};

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

/// Called by the test of the whole shop, without which there are no orders.
pub(crate) async fn orders_in_rust(host: &Host) {
    let (status, kind, _) = call(host, Method::GET, "/api/orders/123", None).await;
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    assert_eq!(host.ask("/api/orders/123").await.1, r#"{"orderId":123,"status":"confirmed"}"#);

    let order = json!({ "items": [{ "sku": "tea", "quantity": 2 }] });
    let reply = host.client().post(host.url("/api/orders")).json(&order).send().await.unwrap();
    assert_eq!(reply.status(), 201);
    let location = reply.headers()["location"].to_str().unwrap().to_owned();
    let order: Value = reply.json().await.unwrap();
    assert_eq!(location, format!("/api/orders/{}", order["orderId"]));
    assert_eq!(host.ask(&location).await.0, 200);
    assert_eq!(order["total"], json!({ "amount": 998, "currency": "EUR" }), "what the service in C says");

    // What is kept for orders is kept by the service in Go, and given up where the order fails.
    let level = async || host.cli(&["call", "inventory", "level-of(\"tea\")"]).await.1;
    assert_eq!(level().await.trim(), "ok({on-hand: 120, reserved: 2})");
    let too_much = json!({ "items": [{ "sku": "tea", "quantity": 3 }, { "sku": "kettle", "quantity": 13 }] });
    let (status, _, problem) = call(host, Method::POST, "/api/orders", Some(too_much)).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("only 12 of `kettle`"), "{problem}");
    assert_eq!(level().await.trim(), "ok({on-hand: 120, reserved: 2})");
    let unknown = json!({ "items": [{ "sku": "gold", "quantity": 1 }] });
    assert_eq!(call(host, Method::POST, "/api/orders", Some(unknown)).await.0, 422);

    for (method, path, body, expected) in [
        (Method::GET, "/api/orders/tea", None, 400),
        (Method::POST, "/api/orders", Some(json!({ "items": [] })), 400),
        (Method::DELETE, "/api/orders/1", None, 405),
    ] {
        let (status, kind, problem) = call(host, method, path, body).await;
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

    // Other services charge orders, and one instance remembers which.
    let reuse = json!({ "instances": "reuse" });
    let component = std::fs::read(crate::support::guest("payments")).unwrap();
    assert_eq!(host.deploy("payments", component, reuse).await.0, 200);
    let charge = |amount: u32| format!("charge(7, [{{what: \"tea\", amount: {amount}}}], \"EUR\", card(\"tok-demo\"))");
    for (function, result) in [
        (charge(0), "err(wrong("),
        (charge(950), "ok({id: \"pay-7-"),
        (charge(950), "repeated: true"),
        (charge(951), "err(charged(950))"),
        ("refund(7)".to_owned(), "ok"),
        (charge(950), "err(refunded)"),
    ] {
        calls_to(&host, "payments", &function, result).await;
    }
}

/// Calls a function of a service; the result has this in it. One instance answers such calls in turn, because each is at
/// rest before its result is there.
async fn calls_to(host: &Host, service: &str, function: &str, result: &str) {
    let (_, stdout, stderr) = host.cli(&["call", service, function]).await;
    assert!(stdout.contains(result), "{function}: {stdout}{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_in_typescript() {
    let settings = "routes = [\"/api/notifications\"]\ninstances = \"reuse\"\nconcurrency = 1";
    let host = Host::start(&service("notifications", "notifications", settings)).await;
    // One instance takes one request after the other, and nothing has happened yet.
    for _ in 0..3 {
        let (status, kind, sent) = call(&host, Method::GET, "/api/notifications", None).await;
        assert_eq!((status, kind.as_str(), &sent), (200, "application/json", &json!([])));
    }
    let (status, kind, _) = call(&host, Method::POST, "/api/notifications", Some(json!({}))).await;
    assert_eq!((status, kind.as_str()), (405, "application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shipping_in_python() {
    let shipping = service("shipping", "shipping", "routes = [\"/api/shipping/*\"]\ninstances = \"reuse\"");
    let host = Host::start(&shipping).await;
    // Other services have orders dispatched, and one instance remembers which.
    let dispatch = |country: &str, sku: &str| {
        let address = format!("{{name: \"A\", street: \"B\", postcode: \"C\", city: \"D\", country: {country:?}}}");
        format!("dispatch(7, {address}, [{{sku: {sku:?}, quantity: 2}}])")
    };
    for (function, result) in [
        (dispatch("Germany", "tea"), "err(wrong(\"address.country"),
        (dispatch("DE", "gold"), "err(unknown(\"gold\"))"),
        (dispatch("DE", "tea"), "weight: 240, days: 2, repeated: false})"),
        (dispatch("DE", "tea"), "weight: 240, days: 2, repeated: true})"),
        (dispatch("FR", "tea"), "err(dispatched(\"parcel-"),
        ("cancel(7)".to_owned(), "ok"),
        (dispatch("DE", "tea"), "err(called-off)"),
    ] {
        calls_to(&host, "shipping", &function, result).await;
    }

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
async fn inventory_in_go() {
    let inventory = service("inventory", "inventory", "routes = [\"/api/inventory/*\"]\ninstances = \"reuse\"");
    let host = Host::start(&inventory).await;
    let reservations = "/api/inventory/tea/reservations";
    let wanted = json!({ "orderId": 123, "quantity": 20 });
    let reply = host.client().post(host.url(reservations)).json(&wanted).send().await.unwrap();
    assert_eq!(reply.status(), 201);
    let place = reply.headers()["location"].to_str().unwrap().to_owned();
    let made: Value = reply.json().await.unwrap();
    assert_eq!((&made["orderId"], &made["quantity"]), (&json!(123), &json!(20)), "{made}");
    // One instance takes calls that follow each other, and remembers.
    at_rest(&host, "inventory").await;
    let level = json!({ "sku": "tea", "onHand": 120, "reserved": 20, "available": 100 });
    assert_eq!(call(&host, Method::GET, "/api/inventory/tea", None).await, (200, "application/json".to_owned(), level));
    at_rest(&host, "inventory").await;
    assert_eq!(call(&host, Method::GET, &place, None).await.2, made);
    at_rest(&host, "inventory").await;
    assert_eq!(host.client().delete(host.url(&place)).send().await.unwrap().status(), 204);
    let head = host.client().head(host.url("/api/inventory/tea")).send().await.unwrap();
    assert_eq!(head.status(), 200);

    let long = json!({ "orderId": 123, "quantity": 1, "note": "x".repeat(100_000) });
    for (method, path, body, expected) in [
        (Method::GET, "/api/inventory/gold", None, 404),
        (Method::PUT, "/api/inventory/tea", None, 405),
        (Method::POST, reservations, Some(json!({ "orderId": 123, "quantity": 121 })), 409),
        (Method::POST, reservations, Some(json!({ "orderId": 123, "quantity": 0 })), 400),
        (Method::POST, reservations, Some(long), 413),
    ] {
        let (status, kind, problem) = call(&host, method, path, body).await;
        assert_eq!((status, kind.as_str()), (expected, "application/problem+json"), "{path}: {problem}");
    }
    // Nothing of what was refused was kept, and what was released is back.
    at_rest(&host, "inventory").await;
    assert_eq!(call(&host, Method::GET, "/api/inventory/tea", None).await.2["available"], 120);
    assert_eq!(language(&host, "inventory").await, ("Go".to_owned(), "reuse".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pricing_in_c() {
    let host = Host::start(&service("pricing", "pricing", "routes = [\"/api/pricing/*\"]")).await;
    let cart = "/api/pricing/quote?sku=%74ea&quantity=12&sku=mug&quantity=2&currency=CHF";
    let quote = json!({
        "currency": "CHF",
        "decimals": 2,
        "lines": [
            { "sku": "mug", "quantity": 2, "discount": 0, "amount": 1590 },
            { "sku": "tea", "quantity": 12, "discount": 5, "amount": 5320 },
        ],
        "total": 6910,
    });
    assert_eq!(call(&host, Method::GET, cart, None).await, (200, "application/json".to_owned(), quote));

    let long = format!("/api/pricing/{}", "x".repeat(10_000));
    for (method, path, expected) in [
        (Method::GET, "/api/pricing/quote", 400),
        (Method::GET, "/api/pricing/quote?sku=tea&quantity=99999999999999999999", 400),
        (Method::GET, &long, 404),
        (Method::POST, cart, 405),
    ] {
        let (status, kind, problem) = call(&host, method, path, None).await;
        assert_eq!((status, kind.as_str()), (expected, "application/problem+json"), "{path}: {problem}");
    }
    assert_eq!(language(&host, "pricing").await, ("C".to_owned(), "fresh".to_owned()));
}

/// What the admin API takes a service to be written in, and the instance policy that it recommends for it.
async fn language(host: &Host, service: &str) -> (String, String) {
    let revision = host.admin_get(&format!("/v1/services/{service}/revisions/1")).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{revision}")).to_owned();
    (text(&revision["contract"]["language"]), text(&revision["recommended"]["policy"]))
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

/// `hello`, one service that it may send requests, one that it may not, one that broke, and one that never came up.
async fn hello_and_others() -> Host {
    let services = [
        service("hello", "hello", "routes = [\"/hello/*\"]"),
        service("inventory", "inventory", "callers = [\"hello http\"]\ninstances = \"reuse\""),
        service("pricing", "pricing", "callers = []"),
        service("broken", "probe", "routes = [\"/trap\"]\nbreaker = { failures = 1, open = \"1m\" }"),
        service("insider", "insider", "callers = [\"hello\"]"),
    ];
    let absent = "[services.absent]\ncomponent = \"absent.wasm\"\n";
    let mut host = Host::stopped(&(services.concat() + absent));
    std::fs::write(host.folder.path().join("absent.wasm"), "no component").unwrap();
    host.run().await;
    assert_eq!(host.ask("/trap").await.0, 500);
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_finds_services_and_asks_them() {
    let host = hello_and_others().await;
    let stock = json!([{
        "name": "inventory",
        "revision": 1,
        "health": "serving",
        "http": true,
        "interfaces": ["shop:inventory/stock@0.1.0"],
    }]);
    for (exporting, found) in
        [("shop:inventory/stock", &stock), ("shop:inventory/stock@0.1.9", &stock), ("shop:tea/leaves", &json!([]))]
    {
        let path = format!("/hello/services?exporting={exporting}");
        let answer = call(&host, Method::GET, &path, None).await;
        assert_eq!(answer, (200, "application/json".to_owned(), found.clone()), "{exporting}");
    }

    let level = json!({ "sku": "tea", "onHand": 120, "reserved": 0, "available": 120 });
    let asked = call(&host, Method::GET, "/hello/ask?service=inventory&path=/api/inventory/tea", None).await;
    assert_eq!(asked, (200, "application/json".to_owned(), level));
    // The other service knows who asks it.
    let (_, answer) = host.ask("/hello/ask?service=insider&path=/who").await;
    assert!(answer.starts_with("insider@1 by service hello, attempt 1, hops 1, "), "{answer}");

    for (query, status, says) in [
        ("service=inventory&path=/api/inventory/gold", 404, "not known"),
        ("service=nobody&path=/", 404, "there is no service `nobody`"),
        ("service=pricing&path=/", 403, "does not let this service call it"),
        ("service=broken&path=/version", 503, "urn:patchbay:fault:unavailable"),
        ("service=absent&path=/", 503, "`absent` is down"),
        ("service=inventory", 400, "path: expected"),
        ("service=inventory&path=/%0d", 400, "path: there can be no"),
    ] {
        let (found, kind, problem) = call(&host, Method::GET, &format!("/hello/ask?{query}"), None).await;
        assert_eq!((found, kind.as_str()), (status, "application/problem+json"), "{query}: {problem}");
        assert!(problem.to_string().contains(says), "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_tells_what_is_known_of_each_call() {
    let host = Host::start(&service("hello", "hello", "routes = [\"/hello/*\"]")).await;
    // One instance works on all of them.
    let calls = (0..8).map(async |_| {
        let reply =
            host.client().get(host.url("/hello/whoami")).header("patchbay-caller", "orders").send().await.unwrap();
        let id = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
        (id, reply.json::<Value>().await.unwrap())
    });
    for (id, told) in futures_util::future::join_all(calls).await {
        assert_eq!((&told["service"], &told["revision"]), (&json!("hello"), &json!(1)), "{told}");
        let known = &told["call"];
        assert_eq!(
            (&known["id"], &known["caller"], &known["hops"]),
            (&json!(id), &json!("outside"), &json!(0)),
            "{told}"
        );
        assert_eq!(known["attempt"], 1, "{told}");
        assert!((1..=15_000).contains(&known["timeLeftMs"].as_u64().unwrap()), "{told}");
    }
    let (_, _, told) = call(&host, Method::GET, "/hello/ask?service=hello&path=/hello/whoami", None).await;
    assert_eq!((&told["call"]["caller"], &told["call"]["hops"]), (&json!({ "service": "hello" }), &json!(1)), "{told}");
}

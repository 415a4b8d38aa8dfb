//! Traces, end to end: an order of the shop, from its request through five services and the messages that it leads to, is one
//! trace, in which each span follows from the one that led to it.

mod own;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Host, eventually, service, shop};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The shop, in which shipping and notifications hear of orders.
fn host() -> String {
    let topics = "[topics.\"shop.orders.*\"]\nlevel = \"durable\"\n";
    let heard = "[services.shipping.subscriptions.\"shop.orders.created\"]\n";
    let notifications = service("notifications", "notifications", "instances = \"reuse\"\ncallers = []");
    let told = "[services.notifications.subscriptions.\"shop.orders.created\"]\n";
    format!("[traces]\nsample = \"0%\"\nat_least = \"none\"\n{topics}{}{heard}{notifications}{told}", shop())
}

async fn trace(host: &Host) -> Option<Value> {
    let (status, trace, _) = host.cli(&["trace", TRACE, "--json"]).await;
    (status == 0).then(|| serde_json::from_str(&trace).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_one_trace_through_five_services_and_its_messages() {
    let host = Host::start(&host()).await;
    let order = async |flags: &str| {
        let order = json!({ "items": [{ "sku": "tea", "quantity": 1 }], "payment": "invoice" });
        let request = host.client().post(host.url("/api/orders")).json(&order);
        let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}")).header("tracestate", "a=1");
        assert_eq!(request.send().await.unwrap().status(), 201);
    };
    // Whoever asks says that it is not recorded, and nothing fails.
    order("00").await;
    assert_eq!(host.admin_get("/v1/traces").await, json!([]));

    order("01").await;
    // The messages are handled when the answer is out.
    let whole = eventually("the messages are handled", async || {
        trace(&host).await.filter(|trace| trace["spans"].as_array().unwrap().len() >= 8)
    });
    let trace = whole.await;
    let spans = trace["spans"].as_array().unwrap();
    let text = |span: &Value, key: &str| span[key].as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<_, _> = spans.iter().map(|span| (text(span, "span"), text(span, "name"))).collect();
    let found: Vec<_> = spans
        .iter()
        .map(|span| {
            let parent = text(span, "parent");
            let parent = names.get(&parent).cloned().unwrap_or(parent);
            (text(span, "service"), text(span, "kind"), text(span, "name"), parent)
        })
        .collect();
    let root = "POST /api/orders/*";
    let published = "publish shop.orders.created";
    let handled = "process shop.orders.created";
    for (service, kind, name, parent) in [
        ("orders", "server", root, CALLER),
        ("pricing", "server", "shop:pricing/prices@0.1.0.quote-for", root),
        ("inventory", "server", "shop:inventory/stock@0.1.0.reserve", root),
        ("payments", "server", "shop:payments/charges@0.1.0.charge", root),
        ("shipping", "server", "shop:shipping/parcels@0.1.0.dispatch", root),
        ("orders", "producer", published, root),
        ("shipping", "consumer", handled, published),
        ("notifications", "consumer", handled, published),
    ] {
        let wanted = [service, kind, name, parent].map(str::to_owned);
        let n = found.iter().filter(|(a, b, c, d)| [a, b, c, d] == wanted.each_ref()).count();
        assert_eq!(n, 1, "{wanted:?} in {found:#?}");
    }
    assert!(spans.iter().all(|span| span["revision"] == 1 || span["kind"] == "producer"), "{trace}");
    let summary = &host.admin_get("/v1/traces?service=notifications").await[0];
    assert_eq!(
        (&summary["trace"], &summary["incomplete"], &summary["faults"]),
        (&json!(TRACE), &json!(false), &json!(0))
    );
    let (status, shown, _) = host.cli(&["trace", TRACE]).await;
    assert!(status == 0 && shown.contains("    notifications@1 process shop.orders.created"), "{shown}");
}

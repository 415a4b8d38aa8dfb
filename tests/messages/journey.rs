//! The shop: an order is announced, shipping and notifications react, and one that nobody can be told of becomes a dead letter
//! that is replayed once a revision can.

use serde_json::{Value, json};

use crate::support::{Host, eventually, service, shop};

/// What services printed, as one text.
async fn printed(host: &Host) -> String {
    host.admin_get("/v1/logs").await.to_string()
}

async fn order(host: &Host, user: u64) -> (u16, Value) {
    let order = json!({ "userId": user, "items": [{ "sku": "tea", "quantity": 2 }] });
    let reply = host.client().post(host.url("/api/orders")).json(&order).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_heard_of_and_a_dead_letter_is_replayed() {
    let subscribed = |name: &str, rest: &str| {
        format!("[services.{name}.subscriptions.\"shop.orders.created\"]\norder = \"key\"\n{rest}\n")
    };
    let notifications = service(
        "notifications",
        "notifications",
        "routes = [\"/api/notifications\"]\ninstances = \"reuse\"\nconcurrency = 1\ninstance_idle = \"1h\"",
    );
    let config = "[services.notifications.config]\naddresses = \"456:ada@shop.example\"\n";
    let host = Host::start(
        &[
            "[topics.\"shop.orders.*\"]\npublishers = [\"orders\"]\n",
            &shop(),
            &subscribed("shipping", ""),
            &notifications,
            &subscribed("notifications", "attempts = 2\nbackoff = \"20ms\""),
            config,
        ]
        .concat(),
    )
    .await;

    let (status, placed) = order(&host, 456).await;
    assert_eq!(status, 201, "{placed}");
    let number = &placed["orderId"];
    for line in [
        format!("order {number} of user 456 is to be packed"),
        format!("notified user 456 of order {number} at ada@shop.example"),
    ] {
        eventually(&line, async || printed(&host).await.contains(&line).then_some(())).await;
    }
    let sent: Value = serde_json::from_str(&host.ask("/api/notifications").await.1).unwrap();
    assert_eq!((&sent[0]["orderId"], &sent[0]["to"]), (number, &json!("ada@shop.example")), "{sent}");

    // The message as anybody sees it who watches.
    let (code, tail, _) = host.cli(&["dlq", "list", "--json"]).await;
    assert_eq!((code, serde_json::from_str::<Value>(&tail).unwrap()), (0, json!([])));

    let (status, poisoned) = order(&host, 999).await;
    assert_eq!(status, 201, "{poisoned}");
    let letters = eventually("it is given up", async || {
        let letters = host.admin_get("/v1/dead-letters?service=notifications").await;
        (letters.as_array().unwrap().len() == 1).then_some(letters)
    })
    .await;
    assert!(letters[0]["reason"].as_str().unwrap().contains("user 999 has no address"), "{letters}");

    // A revision that can tell somebody, in the place of the one that could not.
    let fixed = crate::support::marked("notifications", "fixed");
    let settings = json!({ "config": { "postmaster": "office@shop.example" } });
    let (status, answer) = host.deploy("notifications", fixed, settings).await;
    assert_eq!(status, 200, "{answer}");
    let (code, said, error) = host.cli(&["dlq", "replay", "--all"]).await;
    assert_eq!(code, 0, "{said}{error}");
    let line = format!("notified user 999 of order {} at office@shop.example", poisoned["orderId"]);
    eventually(&line, async || printed(&host).await.contains(&line).then_some(())).await;
    assert_eq!(host.admin_get("/v1/dead-letters").await, json!([]));
    // Nobody else heard of it a second time.
    let packed = format!("order {} of user 999 is to be packed", poisoned["orderId"]);
    assert_eq!(printed(&host).await.matches(&packed).count(), 1);
}

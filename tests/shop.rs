//! The shop of `guest-examples/`: an order goes through services in five languages, and has each effect once or not at
//! all, also while they are swapped.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::languages::orders_in_rust;
use crate::support::{Host, Load, Outcome, eventually, guest, shop};

/// The services that take part in an order.
const PARTS: [&str; 5] = ["inventory", "pricing", "payments", "shipping", "orders"];

/// What the services printed, read from the host bit by bit, because it keeps the last few thousand lines only.
#[derive(Default)]
struct Printed {
    last: u64,
    lines: Vec<String>,
}

impl Printed {
    /// Reads what is new. Nothing may have been lost in between.
    async fn read(&mut self, host: &Host) {
        let records = host.admin_get(&format!("/v1/logs?after={}", self.last)).await;
        for record in records.as_array().unwrap() {
            self.last += 1;
            assert_eq!(record["number"], self.last, "lines were lost");
            // What the host says of them is none of theirs.
            if record["stream"] != "host" {
                self.lines.push(record["line"].as_str().unwrap().to_owned());
            }
        }
    }

    /// What is new, in the order in which it was printed, alone.
    async fn next(&mut self, host: &Host) -> Vec<String> {
        self.lines.clear();
        self.read(host).await;
        std::mem::take(&mut self.lines)
    }

    /// How often each order had this effect.
    fn effects(&self, effect: &str) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for line in &self.lines {
            let Some(rest) = line.strip_prefix(effect).and_then(|rest| rest.strip_prefix(" order ")) else { continue };
            let number = rest.split(':').next().unwrap().parse().unwrap();
            *counts.entry(number).or_default() += 1;
        }
        counts
    }

    fn n_starting(&self, start: &str) -> usize {
        self.lines.iter().filter(|line| line.starts_with(start)).count()
    }
}

/// Places an order; status and answer.
async fn post(client: &Client, url: &str, order: &Value) -> Result<(u16, Value), String> {
    let reply = client.post(url).json(order).send().await.map_err(|error| format!("{error:?}"))?;
    let status = reply.status().as_u16();
    Ok((status, reply.json().await.map_err(|error| format!("{error:?}"))?))
}

/// Whether lines begin with these words, one each and in this order.
fn begin_with(lines: &[String], starts: &[&str]) -> bool {
    lines.len() == starts.len() && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start))
}

/// The shop, what it printed, and a way to place orders.
struct Shop {
    host: Host,
    printed: Printed,
}

impl Shop {
    /// Places an order; status, answer, and what was printed meanwhile.
    async fn order(&mut self, order: Value) -> (u16, Value, Vec<String>) {
        let (status, answer) = post(self.host.client(), &self.host.url("/api/orders"), &order).await.unwrap();
        (status, answer, self.printed.next(&self.host).await)
    }

    /// How much of a product there is, as the instance of `inventory` has it that is at rest.
    async fn level(&self, sku: &str) -> String {
        self.host.cli(&["call", "inventory", &format!("level-of({sku:?})")]).await.1.trim().to_owned()
    }

    async fn redeploy(&self, name: &str, settings: Value) {
        let component = std::fs::read(guest(name)).unwrap();
        let (status, outcome) = self.host.deploy(name, component, settings).await;
        assert_eq!((status, &outcome["outcome"]), (200, &json!("activated")), "{name}: {outcome}");
        assert_eq!(outcome["calls_cut"], 0, "{name}: {outcome}");
    }
}

fn two_of_tea() -> Value {
    json!([{ "sku": "tea", "quantity": 2 }])
}

/// What a step did is undone when a later one fails.
const UNDONE: [&str; 5] = ["reserved", "charged", "refunded", "released", "gave up"];

/// One host for all of it, because it takes half a minute of CPU time to compile the services.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_has_each_effect_once_or_none_also_while_its_services_are_swapped() {
    let host = Host::start(&shop()).await;
    orders_in_rust(&host).await;
    let mut shop = Shop { host, printed: Printed::default() };
    an_order_is_filled(&mut shop).await;
    what_cannot_be_filled_is_given_up(&mut shop).await;
    swaps_under_load_lose_and_repeat_nothing(&mut shop).await;
    a_service_that_is_gone_is_a_reason_to_give_up(&mut shop).await;
}

async fn an_order_is_filled(shop: &mut Shop) {
    shop.printed.next(&shop.host).await;
    let (status, placed, lines) = shop.order(json!({ "items": two_of_tea(), "payment": "invoice" })).await;
    assert_eq!((status, &placed["total"]["amount"]), (201, &json!(998)), "{placed}");
    let number = placed["orderId"].as_u64().unwrap();
    assert!(placed["receipt"].as_str().unwrap().starts_with(&format!("pay-{number}-")), "{placed}");
    assert_eq!(placed["parcel"]["days"], 2, "{placed}");
    let effects = [
        "reserved 2 of tea as res-".to_owned(),
        format!("charged order {number}: 998 cents"),
        format!("dispatched order {number}"),
        format!("confirmed order {number}"),
    ];
    assert!(begin_with(&lines, &effects.each_ref().map(String::as_str)), "{lines:?}");
}

async fn what_cannot_be_filled_is_given_up(shop: &mut Shop) {
    let nowhere = json!({ "name": "A", "street": "B", "postcode": "C", "city": "D", "country": "Nowhere" });
    let declined = json!({ "items": two_of_tea(), "payment": { "card": "tok-declined" } });
    let astray = json!({ "items": two_of_tea(), "address": nowhere });
    let heavy = json!({ "items": [{ "sku": "coffee", "quantity": 64 }] });
    let level = [shop.level("tea").await, shop.level("coffee").await];
    for (order, status, mention, effects) in [
        (declined, 402, "declined", &["reserved", "released", "gave up"][..]),
        (astray, 422, "address.country", &UNDONE),
        (heavy, 422, "31500 grams", &UNDONE),
    ] {
        let (found, problem, lines) = shop.order(order.clone()).await;
        assert_eq!(found, status, "{order}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(mention), "{order}: {problem}");
        assert!(begin_with(&lines, effects), "{order}: {lines:?}");
    }
    assert_eq!([shop.level("tea").await, shop.level("coffee").await], level);
}

async fn swaps_under_load_lose_and_repeat_nothing(shop: &mut Shop) {
    shop.redeploy("inventory", settings(0)).await;
    let url = shop.host.url("/api/orders");
    let load = Load::start(6, move |client| {
        let url = url.clone();
        async move {
            match post(&client, &url, &json!({ "items": [{ "sku": "tea", "quantity": 1 }] })).await? {
                (201, order) => Ok(order["orderId"].as_u64().unwrap()),
                (status, problem) => Err(format!("{status}: {problem}")),
            }
        }
    });
    let (mut printed, over) = (std::mem::take(&mut shop.printed), Cell::new(false));
    printed.lines.clear();
    let swaps = async {
        swap_each(shop, &load).await;
        over.set(true);
    };
    let reads = async {
        while !over.get() {
            printed.read(&shop.host).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(swaps, reads);
    let Outcome { answers, lost } = load.stop().await;
    printed.read(&shop.host).await;
    assert!(lost.is_empty(), "{} orders failed, {} did not; the first: {}", lost.len(), answers.len(), lost[0]);
    each_once(&printed, &answers);
    shop.printed = printed;
}

/// Settings that make another revision. An instance of `inventory` has 120 pieces of tea, and is replaced before they are
/// sold.
fn settings(round: u32) -> Value {
    json!({ "config": { "round": round.to_string() }, "instance_uses": 50 })
}

/// Swaps the services one after the other, some times over; orders go on in between.
async fn swap_each(shop: &Shop, load: &Load<u64>) {
    for round in 1..=3 {
        for name in PARTS {
            shop.redeploy(name, settings(round)).await;
            let before = load.answered();
            eventually("orders go on", async || (load.answered() >= before + 20).then_some(())).await;
        }
    }
}

/// Checks that these orders, and no others, had each effect once.
fn each_once(printed: &Printed, orders: &[u64]) {
    let once: BTreeMap<u64, u32> = orders.iter().map(|order| (*order, 1)).collect();
    assert_eq!(once.len(), orders.len(), "numbers are unique");
    for effect in ["charged", "dispatched", "confirmed"] {
        assert_eq!(printed.effects(effect), once, "{effect}");
    }
    assert_eq!(printed.n_starting("reserved 1 of tea"), orders.len());
    for undone in ["released", "refunded", "cancelled", "gave up"] {
        assert_eq!(printed.n_starting(undone), 0, "{undone}");
    }
}

async fn a_service_that_is_gone_is_a_reason_to_give_up(shop: &mut Shop) {
    // Under load there were several instances, and what one of them reserved the others cannot release.
    shop.redeploy("inventory", settings(4)).await;
    shop.printed.next(&shop.host).await;
    let removed = shop.host.admin(reqwest::Method::DELETE, "/v1/services/shipping").send().await.unwrap();
    assert_eq!(removed.status(), 200);
    let (status, problem, lines) = shop.order(json!({ "items": two_of_tea() })).await;
    assert!(status == 503 && problem["detail"].as_str().unwrap().contains("unavailable"), "{status} {problem}");
    assert!(begin_with(&lines, &UNDONE), "{lines:?}");

    // Whether one that may not be asked any more did its part, nobody knows; what others did is undone all the same.
    shop.redeploy("payments", json!({ "callers": [] })).await;
    let (status, problem, lines) = shop.order(json!({ "items": two_of_tea() })).await;
    assert!(status == 502 && problem["detail"].as_str().unwrap().contains("denied"), "{status} {problem}");
    let mentions = ["reserved", "was not refunded", "released", "gave up"];
    assert!(lines.len() == 4 && lines.iter().zip(mentions).all(|(line, mention)| line.contains(mention)), "{lines:?}");
}

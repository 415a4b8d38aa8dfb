//! Messages from end to end: services that publish and react, dead letters, swaps, stops and crashes, on the embedded bus and on
//! a NATS server.

mod journey;
mod nats;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Host, eventually, marked, service};

/// A listener with a subscription to `in.>`, and topics for what goes in and what comes out.
fn listener(guest: &str, rest: &str) -> String {
    let topics = "[topics.\"in.>\"]\n[topics.\"out.>\"]\n";
    let subscription =
        format!("[services.listener.subscriptions.\"in.>\"]\nbackoff = \"50ms\"\nattempts = 3\n{rest}\n");
    topics.to_owned() + &service("listener", guest, "instances = \"reuse\"") + &subscription
}

/// Publishes text as an operator; the answer.
async fn publish(host: &Host, topic: &str, data: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = host.admin(reqwest::Method::POST, &format!("/v1/topics/{topic}/messages"));
    request = request.header("content-type", "text/plain");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request.body(data.to_owned()).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

/// The only subscription there is, once `is_so`.
async fn subscription(host: &Host, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let all = host.admin_get("/v1/subscriptions").await;
        Some(all[0].clone()).filter(|one| one.is_object() && is_so(one))
    })
    .await
}

/// Everything that is stored in the topics of a filter, by its data, with how often it is there.
async fn stored(host: &Host, filter: &str, wanted: usize) -> BTreeMap<String, usize> {
    use futures_util::StreamExt;
    let path = format!("/v1/tail?topic={filter}&start=beginning");
    let reply = host.admin(reqwest::Method::GET, &path).send().await.unwrap();
    let mut bytes = reply.bytes_stream();
    let (mut text, mut found) = (String::new(), BTreeMap::new());
    while found.len() < wanted {
        text.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            if let Some(event) = line.strip_prefix("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()) {
                let data = event["event"]["data"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned();
                *found.entry(data).or_default() += 1;
            }
            text = rest.to_owned();
        }
    }
    found
}

#[tokio::test]
async fn messages_are_handled_as_their_service_says() {
    let host = Host::start(&listener("listener", "")).await;
    let mut tried = 0;
    for (data, attempts, reason) in [
        ("ack", 1, None),
        ("until 3", 3, None),
        ("publish out.it - hello", 1, None),
        ("reject it has no address", 1, Some("rejected by the service: it has no address")),
        ("retry 20", 3, Some("as it was asked to")),
        ("trap", 3, Some("trapped")),
    ] {
        let (status, answer) = publish(&host, "in.one", data, &[("ce-type", "Asked")]).await;
        assert_eq!((status, answer["level"].as_str()), (201, Some("durable")), "{answer}");
        tried += attempts;
        subscription(&host, data, |one| {
            one["delivered"] == tried
                && one["acknowledged"].as_u64().unwrap() + one["buried"].as_u64().unwrap() > 0
                && one["in_flight"] == 0
                && one["retrying"] == 0
                && one["lag"] == 0
        })
        .await;
        let Some(reason) = reason else { continue };
        let letters = eventually("the dead letter is there", async || {
            let letters = host.admin_get("/v1/dead-letters").await;
            letters.as_array().is_some_and(|letters| !letters.is_empty()).then_some(letters)
        })
        .await;
        let letter = &letters[0];
        assert!(letter["reason"].as_str().unwrap().starts_with(reason), "{letter}");
        assert_eq!(letter["attempts"], attempts, "{letter}");
        let place = format!("/v1/dead-letters/{}/{}", letter["topic"].as_str().unwrap(), letter["sequence"]);
        let whole = host.admin_get(&place).await;
        assert!(whole.to_string().contains(data), "{whole}");
        assert!(host.admin(reqwest::Method::DELETE, &place).send().await.unwrap().status().is_success());
    }
    assert_eq!(stored(&host, "out.>", 1).await, [("hello".to_owned(), 1)].into());
}

#[tokio::test]
async fn a_swap_loses_no_message_and_costs_no_attempt() {
    let host = Host::start(&listener("listener", "")).await;
    let publishing = async {
        for number in 0..400 {
            let (status, answer) = publish(&host, "in.one", &format!("publish out.it - {number}"), &[]).await;
            assert_eq!(status, 201, "{answer}");
        }
    };
    let swapping = async {
        for mark in 0..8 {
            let (status, answer) = host.deploy("listener", marked("listener", &format!("m{mark}")), json!({})).await;
            assert_eq!(status, 200, "{answer}");
        }
    };
    tokio::join!(publishing, swapping);
    subscription(&host, "all are done", |one| one["lag"] == 0 && one["in_flight"] == 0 && one["retrying"] == 0).await;
    let found = stored(&host, "out.>", 400).await;
    assert!(found.values().all(|times| *times == 1), "{found:?}");
    assert_eq!(host.admin_get("/v1/dead-letters").await, json!([]));
}

#[tokio::test]
async fn a_host_that_is_killed_delivers_what_it_has_acknowledged() {
    let mut host = Host::start(&listener("listener", "")).await;
    let mut acknowledged = 0;
    for round in 0..4 {
        // Those that are published last are killed on their way to the service.
        for _ in 0..50 {
            let (status, _) = publish(&host, "in.one", &format!("publish out.it - {acknowledged}"), &[]).await;
            assert_eq!(status, 201, "round {round}");
            acknowledged += 1;
        }
        host.signal(rustix::process::Signal::KILL);
        host.exited().await;
        host.run().await;
    }
    let found = stored(&host, "out.>", acknowledged).await;
    assert_eq!(found.len(), acknowledged);
}

#[tokio::test]
async fn messages_of_a_stopped_host_wait_for_the_next_one() {
    let mut host = Host::start(&listener("listener", "max_in_flight = 1")).await;
    for number in 0..20 {
        publish(&host, "in.one", &format!("publish out.it - {number}"), &[]).await;
    }
    publish(&host, "in.one", "sleep 300", &[]).await;
    host.signal(rustix::process::Signal::TERM);
    assert!(host.exited().await.success());
    host.run().await;
    let found = stored(&host, "out.>", 20).await;
    assert!(found.values().all(|times| *times == 1), "{found:?}");
    subscription(&host, "the rest is done", |one| one["lag"] == 0 && one["in_flight"] == 0).await;
    assert_eq!(host.admin_get("/v1/dead-letters").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_subscribed_or_published_is_refused_with_a_reason() {
    let host = Host::start(&listener("listener", "")).await;
    let subscriptions = json!({ "subscriptions": { "in.>": {} } });
    let (status, answer) = host.deploy("deaf", marked("callee", "deaf"), subscriptions).await;
    assert!(answer.to_string().contains("handles no messages"), "{status} {answer}");
    let lost = json!({ "subscriptions": { "in.>": { "dead_letter": "lost" } } });
    let (_, answer) = host.deploy("listener", marked("listener", "lost"), lost).await;
    assert!(answer.to_string().contains("which is volatile"), "{answer}");
    for (topic, headers, wanted) in [
        ("in.*", &[][..], "is no topic"),
        ("in.one", &[("ce-specversion", "0.3")], "specversion"),
        ("in.one", &[("ce-time", "yesterday")], "time"),
    ] {
        let (status, answer) = publish(&host, topic, "ack", headers).await;
        assert!(status == 400 && answer["detail"].as_str().unwrap().contains(wanted), "{topic}: {status} {answer}");
    }
    let (status, answer) = publish(&host, "in.one", &"x".repeat(2 << 20), &[]).await;
    assert_eq!(status, 413, "{answer}");
}

#[tokio::test]
async fn the_same_message_is_taken_once() {
    let host = Host::start(&listener("listener", "")).await;
    let twice = [("ce-id", "7"), ("ce-source", "/elsewhere")];
    let (_, first) = publish(&host, "in.one", "publish out.it - once", &twice).await;
    let (status, second) = publish(&host, "in.one", "publish out.it - twice", &twice).await;
    assert_eq!(
        (status, &second["sequence"], &second["duplicate"]),
        (201, &first["sequence"], &json!(true)),
        "{second}"
    );
    subscription(&host, "it is done", |one| one["acknowledged"] == 1 && one["lag"] == 0).await;
    assert_eq!(stored(&host, "out.>", 1).await, [("once".to_owned(), 1)].into());
}

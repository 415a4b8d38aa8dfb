//! The same services over a NATS server, beside plain NATS clients.

use std::time::Duration;

use futures_util::StreamExt;
use patchbay_backends::nats_server::NatsServer;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{listener, publish, stored, subscription};
use crate::support::{Host, PATIENCE, eventually, marked};

fn over(server: &NatsServer) -> String {
    let bus = "[bus]\nbackend = \"nats\"\n[bus.nats]\nack_wait = \"2s\"\nrequest_timeout = \"1s\"\n";
    format!("{bus}servers = [\"{}\"]\n", server.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_and_plain_clients_understand_each_other() {
    let server = NatsServer::start("");
    let host =
        Host::start(&(over(&server) + &listener("listener", "") + "[services.listener.subscriptions.ask]\n")).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut told = client.subscribe("told").await.unwrap();
    client.flush().await.unwrap();
    subscription(&host, "it is subscribed", |one| one["state"] == "active").await;

    // A plain message goes in, a CloudEvent comes out.
    eventually("the subscription to `ask` is there", async || {
        let all = host.admin_get("/v1/subscriptions").await;
        all.as_array().unwrap().iter().all(|one| one["state"] == "active").then_some(())
    })
    .await;
    client.publish("in.plain", "publish told - hello".into()).await.unwrap();
    let message = timeout(PATIENCE, told.next()).await.unwrap().unwrap();
    let headers = message.headers.unwrap();
    assert_eq!(
        (&message.payload[..], headers.get("ce-source").unwrap().as_str()),
        (&b"hello"[..], "/services/listener")
    );
    assert_eq!(headers.get("ce-type").unwrap().as_str(), "Told");
    assert!(headers.get("ce-causationid").is_some(), "{headers:?}");

    // So does one in the structured mode.
    let event = json!({
        "specversion": "1.0", "id": "s1", "source": "/elsewhere", "type": "Asked", "datacontenttype": "text/plain",
        "data": "publish told - structured",
    });
    let mut structured = async_nats::HeaderMap::new();
    structured.insert("content-type", "application/cloudevents+json");
    client.publish_with_headers("in.plain", structured, event.to_string().into()).await.unwrap();
    let message = timeout(PATIENCE, told.next()).await.unwrap().unwrap();
    assert_eq!(&message.payload[..], b"structured");
    assert_eq!(message.headers.unwrap().get("ce-causationid").unwrap().as_str(), "s1");

    // A client asks, and the guest answers.
    let answer = timeout(PATIENCE, client.request("ask", "answer yes".into())).await.unwrap().unwrap();
    assert_eq!(&answer.payload[..], b"yes");

    // The guest asks, and a client answers.
    let mut asked = client.subscribe("question").await.unwrap();
    client.flush().await.unwrap();
    let answering = tokio::spawn({
        let client = client.clone();
        async move {
            let request = asked.next().await.unwrap();
            client.publish(request.reply.unwrap(), "42".into()).await.unwrap();
            client.flush().await.unwrap();
        }
    });
    publish(&host, "in.one", "ask question 1 2000 what", &[]).await;
    timeout(PATIENCE, answering).await.unwrap().unwrap();
    subscription(&host, "all are done", |one| one["lag"] == 0 && one["in_flight"] == 0 && one["retrying"] == 0).await;
    assert_eq!(host.admin_get("/v1/dead-letters").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_go_on_after_the_server_was_killed() {
    let mut server = NatsServer::start("");
    // What the guest cannot publish while the server is away, it tries again.
    let patient = listener("listener", "").replace("attempts = 3", "attempts = 100");
    let host = Host::start(&(over(&server) + &patient)).await;
    subscription(&host, "it is subscribed", |one| one["state"] == "active").await;
    let mut acknowledged = 0;
    for _ in 0..2 {
        for _ in 0..40 {
            let (status, answer) = publish(&host, "in.one", &format!("publish out.it - {acknowledged}"), &[]).await;
            assert_eq!(status, 201, "{answer}");
            acknowledged += 1;
        }
        server.kill();
        let readiness = async || host.client().get(host.admin_url("/readyz")).send().await.unwrap().status().as_u16();
        eventually("it says that it is not ready", async || (readiness().await == 503).then_some(())).await;
        // What cannot be stored is not acknowledged, and whoever publishes is told so in time.
        let (status, answer) = publish(&host, "in.one", "ack", &[]).await;
        assert!(status == 503 || status == 504, "{status} {answer}");
        server.restart();
        eventually("it is ready again", async || (readiness().await == 200).then_some(())).await;
    }
    let found = stored(&host, "out.>", acknowledged).await;
    assert_eq!(found.len(), acknowledged);
    assert_eq!(host.admin_get("/v1/dead-letters").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_and_swaps_are_the_same_over_nats() {
    let server = NatsServer::start("");
    let host = Host::start(&(over(&server) + &listener("listener", ""))).await;
    subscription(&host, "it is subscribed", |one| one["state"] == "active").await;
    publish(&host, "in.one", "retry 10", &[]).await;
    let letters: Value = eventually("it is given up", async || {
        let letters = host.admin_get("/v1/dead-letters").await;
        (letters.as_array().unwrap().len() == 1).then_some(letters)
    })
    .await;
    assert_eq!(letters[0]["attempts"], 3, "{letters}");
    let (code, said, error) = host.cli(&["dlq", "replay", "--all"]).await;
    assert_eq!(code, 0, "{said}{error}");
    eventually("it is given up again", async || {
        let letters = host.admin_get("/v1/dead-letters").await;
        letters[0]["replays"].as_u64().filter(|replays| *replays == 1)
    })
    .await;
    let publishing = async {
        for number in 0..100 {
            let (status, answer) = publish(&host, "in.one", &format!("publish out.it - {number}"), &[]).await;
            assert_eq!(status, 201, "{answer}");
        }
    };
    let swapping = async {
        for mark in 0..3 {
            let (status, answer) = host.deploy("listener", marked("listener", &format!("n{mark}")), json!({})).await;
            assert_eq!(status, 200, "{answer}");
        }
    };
    tokio::join!(publishing, swapping);
    let found = timeout(PATIENCE + Duration::from_secs(1), stored(&host, "out.>", 100)).await.unwrap();
    assert!(found.values().all(|times| *times == 1), "{found:?}");
}

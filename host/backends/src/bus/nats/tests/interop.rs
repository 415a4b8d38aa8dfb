//! Plain NATS clients, CloudEvents in both modes, requests and answers.

use async_nats::HeaderMap;
use futures_util::StreamExt as _;
use patchbay_model::bus::{BusError, CLOUDEVENTS_JSON};
use patchbay_model::ports::Settlement;

use super::*;

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();

#[tokio::test(flavor = "multi_thread")]
async fn plain_clients_read_what_is_published() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let client = plain(&server).await;
    let mut subscriber = client.subscribe(">").await.unwrap();
    caught_up(&client).await;
    let mut sent = message("other.a", "1");
    sent.set_key("k");
    sent.headers = vec![("X-A".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())];
    bus.publish(sent).await.unwrap();
    let got = tokio::time::timeout(SOON, async {
        loop {
            let got = subscriber.next().await.unwrap();
            if got.subject.as_str() == "other.a" {
                return got;
            }
        }
    });
    let got = got.await.unwrap();
    let headers = got.headers.unwrap();
    let header = |name: &str| headers.get(name).map(|value| value.as_str());
    assert_eq!(
        (header("ce-id"), header("ce-specversion"), header("ce-partitionkey")),
        (Some("1"), Some("1.0"), Some("k"))
    );
    assert_eq!((header("content-type"), headers.get_all("X-A").count()), (Some("text/plain"), 2));
    assert_eq!(got.payload, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plain_clients_publish_are_messages() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let volatile = bus.subscribe(group(None, ">", "g")).await.unwrap();
    let durable = bus.subscribe(group(Some("shop.>"), ">", "g")).await.unwrap();
    let client = plain(&server).await;
    let json = r#"{"specversion":"1.0","id":"7","source":"/s","type":"T","data":{"a":1},"n":5}"#;
    let mut structured = HeaderMap::new();
    structured.insert("Content-Type", CLOUDEVENTS_JSON);
    let mut broken = HeaderMap::new();
    broken.insert("ce-time", "yesterday");
    broken.insert("CE-Id", "8");
    for topic in ["other", "shop.a"] {
        client.publish(topic, "plain".into()).await.unwrap();
        client.publish_with_headers(topic, structured.clone(), json.into()).await.unwrap();
        client.publish_with_headers(topic, structured.clone(), "no json".into()).await.unwrap();
        client.publish_with_headers(topic, broken.clone(), "x".into()).await.unwrap();
    }
    caught_up(&client).await;
    for (feed, topic) in [(&volatile, "other"), (&durable, "shop.a")] {
        let got = receive(feed, 4).await;
        let messages: Vec<_> = got.iter().map(|one| &one.message).collect();
        assert_eq!((messages[0].kind.as_str(), &messages[0].data[..]), (topic, &b"plain"[..]));
        assert_eq!((messages[1].id.as_str(), messages[1].extension("n")), ("7", Some("5")));
        assert_eq!(messages[1].data, "{\"a\":1}");
        assert_eq!(
            (messages[2].content_type.as_deref(), &messages[2].data[..]),
            (Some(CLOUDEVENTS_JSON), &b"no json"[..])
        );
        assert_eq!(messages[3].id, "8");
        // A dead letter can be made of each.
        for message in messages {
            bus.publish(Message { topic: "dlq.g".parse().unwrap(), ..message.as_ref().clone() }).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_both_ways() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let client = plain(&server).await;
    let nobody = bus.request(message("ask", "0"), ONE, SOON).await;
    assert_eq!(nobody, Err(BusError::NoResponders("ask".to_owned())));

    // A plain client answers.
    let mut asked = client.subscribe("ask").await.unwrap();
    caught_up(&client).await;
    let answering = client.clone();
    tokio::spawn(async move {
        while let Some(question) = asked.next().await {
            for _ in 0..2 {
                answering.publish(question.reply.clone().unwrap(), "answer".into()).await.unwrap();
            }
        }
    });
    for wanted in [1, 2] {
        let answers = bus.request(message("ask", "1"), NonZeroUsize::new(wanted).unwrap(), SOON).await.unwrap();
        assert_eq!((answers.len(), &answers[0].data[..]), (wanted, &b"answer"[..]));
    }
    let three = NonZeroUsize::new(3).unwrap();
    assert_eq!(bus.request(message("ask", "1"), three, Duration::from_millis(300)).await.unwrap().len(), 2);

    // A plain client asks: for volatile messages in NATS's own way, for stored ones nobody waits but a host.
    let feed = bus.subscribe(group(None, "serve", "g")).await.unwrap();
    let asking = tokio::spawn(async move { client.request("serve", "question".into()).await.unwrap() });
    let question = receive(&feed, 1).await;
    let reply_to = question[0].message.reply_to.clone().unwrap();
    bus.publish(Message { topic: reply_to, ..message("x", "2") }).await.unwrap();
    assert_eq!(asking.await.unwrap().payload, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_message_can_be_answered() {
    let server = NatsServer::start("");
    let bus = Arc::new(open(settings(&server), shop()).await);
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    let asking = Arc::clone(&bus);
    let asked = tokio::spawn(async move { asking.request(message("shop.a", "1"), ONE, SOON).await });
    let question = receive(&feed, 1).await;
    feed.settle(question[0].token, Settlement::Acknowledge);
    let reply_to = question[0].message.reply_to.clone().unwrap();
    assert!(question[0].message.headers.is_empty());
    bus.publish(Message { topic: reply_to, ..message("x", "2") }).await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap()[0].id, "2");
    let late = bus.request(message("shop.a", "3"), ONE, Duration::from_millis(200)).await;
    assert_eq!(late, Err(BusError::Timeout(Duration::from_millis(200))));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_broker_are_refused() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let cases = [
        ("Nats-Rollup", "all"),
        ("Patchbay-Reply-To", "a"),
        ("ce-id", "2"),
        ("a:b", "x"),
        ("a", "x\r\nNats-Rollup: all"),
    ];
    for (name, value) in cases {
        for topic in ["shop.a", "other"] {
            let mut message = message(topic, "1");
            message.headers = vec![(name.to_owned(), value.to_owned())];
            let refused = bus.publish(message).await;
            assert!(matches!(refused, Err(BusError::Invalid(_))), "{name} {refused:?}");
        }
    }
    let mut broken = message("other", "1");
    broken.content_type = Some("text/plain\r\nNats-Rollup: all".to_owned());
    assert!(matches!(bus.publish(broken).await, Err(BusError::Invalid(_))));
}

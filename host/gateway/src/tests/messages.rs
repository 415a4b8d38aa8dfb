//! Topics, messages and dead letters over the admin API.

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use patchbay_model::bus::{BusError, Message};
use serde_json::{Value, json};

use super::admin::{parsed, problem};
use super::host::{Host, Listening, says};
use crate::AdminConfig;

async fn host() -> (Host, Listening) {
    let host = Host::empty(says("here")).await;
    let admin = host.admin_with(AdminConfig::default()).await;
    (host, admin)
}

impl Listening {
    async fn publish(&self, topic: &str, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
        let request = self.ask(Method::POST, &format!("/v1/topics/{topic}/messages")).body(body.to_owned());
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
    }
}

fn message(topic: &str, id: &str) -> Message {
    Message {
        topic: topic.parse().unwrap(),
        id: id.to_owned(),
        source: "/services/orders".to_owned(),
        kind: "OrderCreated".to_owned(),
        time: UNIX_EPOCH,
        subject: None,
        content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: "{\"sku\":\"tea\"}".into(),
    }
}

/// A message that the service could not handle, as control writes it.
fn dead(service: &str, id: &str) -> Message {
    let mut letter = message(&format!("dlq.{service}"), &format!("{id}/{service}/shop.*/0"));
    for (name, value) in [
        ("own", "1"),
        ("patchbay-dead-topic", "shop.orders"),
        ("patchbay-dead-id", id),
        ("patchbay-dead-reason", "no address"),
        ("patchbay-dead-service", service),
        ("patchbay-dead-revision", "3"),
        ("patchbay-dead-filter", "shop.*"),
        ("patchbay-dead-group", service),
        ("patchbay-dead-attempts", "5"),
        ("patchbay-dead-sequence", "17"),
        ("patchbay-dead-first", "1970-01-01T00:00:01.000Z"),
        ("patchbay-dead-last", "1970-01-01T00:00:31.000Z"),
    ] {
        letter.headers.push((name.to_owned(), value.to_owned()));
    }
    letter
}

#[tokio::test]
async fn topics_are_listed_with_what_they_hold() {
    let (host, admin) = host().await;
    host.bus.put(message("shop.orders", "1")).unwrap();
    let topics = admin.get("/v1/topics").await;
    let topics = topics.as_array().unwrap();
    let names: Vec<_> = topics.iter().map(|topic| topic["topic"].as_str().unwrap()).collect();
    assert_eq!(names, ["dlq.>", "replay.>", "shop.>"]);
    let stored = &topics[2]["stored"];
    assert_eq!((&stored["messages"], &stored["first"], &stored["last"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((&stored["damaged"], &topics[2]["settings"]["level"]), (&json!(0), &json!("durable")));
    let ages = [&topics[0], &topics[2]].map(|topic| &topic["settings"]["retention"]["age"]);
    assert_eq!(ages, [&json!("never"), &json!("7days")]);
    assert_eq!(topics[2]["drift"], json!(["`age` is 1h"]));
    assert_eq!(admin.get("/v1/subscriptions").await, json!([]));
}

#[tokio::test]
async fn a_message_has_what_its_publisher_says_and_the_host_fills_in_the_rest() {
    let (host, admin) = host().await;
    let reply = admin.publish("shop.orders", &[], "plain").await;
    assert_eq!(reply.status(), 201);
    let receipt: Value = reply.json().await.unwrap();
    assert_eq!((&receipt["level"], &receipt["sequence"]), (&json!("durable"), &json!(1)));
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "17"),
        ("ce-source", "/tests"),
        ("ce-type", "Order%20Created"),
        ("ce-partitionkey", "tea"),
        ("ce-region", "eu"),
        ("content-type", "text/plain"),
        ("message-header-own", "1"),
        ("x-other", "no"),
    ];
    for duplicate in [false, true] {
        let receipt: Value = admin.publish("shop.orders", &headers, "text").await.json().await.unwrap();
        assert_eq!(receipt, json!({"id": "17", "level": "durable", "sequence": 2, "duplicate": duplicate}));
    }
    let published = host.bus.published("shop.orders");
    let [first, second] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!((first.source.as_str(), first.kind.as_str(), first.time), ("/operator", "shop.orders", UNIX_EPOCH));
    assert_eq!((first.id.as_str(), first.headers.len()), (receipt["id"].as_str().unwrap(), 0));
    assert_eq!(
        (second.kind.as_str(), second.key(), second.extension("region")),
        ("Order Created", Some("tea"), Some("eu"))
    );
    assert_eq!((second.content_type.as_deref(), &second.data[..]), (Some("text/plain"), &b"text"[..]));
    assert_eq!(
        second.headers,
        [("own".to_owned(), "1".to_owned())],
        "nothing else of the request, least of all its token"
    );

    let event =
        json!({"specversion": "1.0", "id": "18", "source": "/s", "type": "T", "partitionkey": "k", "data": [1]});
    let headers = [("content-type", "application/cloudevents+json; charset=utf-8"), ("message-header-own", "2")];
    let reply = admin.publish("news", &headers, &event.to_string()).await;
    let receipt: Value = reply.json().await.unwrap();
    assert_eq!(receipt, json!({"id": "18", "level": "volatile", "duplicate": false}));
    let published = host.bus.published("news");
    assert_eq!((published[0].key(), &published[0].data[..]), (Some("k"), &b"[1]"[..]));
    assert_eq!(published[0].headers, [("own".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_the_reason() {
    let (host, admin) = host().await;
    let json = ("content-type", "application/cloudevents+json");
    let large = "x".repeat((1 << 20) - 1);
    let larger = "x".repeat(2 << 20);
    let huge = format!("{{\"data\":\"{}\"}}", "x".repeat(3 << 20));
    for (topic, header, body, expected, hint) in [
        ("shop.*", ("a", "b"), "", (400, "invalid"), "`shop.*` is no topic"),
        ("a", ("ce-specversion", "0.3"), "", (400, "invalid"), "`specversion` must be `1.0`"),
        ("a", ("ce-time", "soon"), "", (400, "invalid"), "`time`"),
        ("a", ("message-header-ce-id", "1"), "", (400, "invalid"), "names no header"),
        ("a", ("message-header-", "1"), "", (400, "invalid"), "names no header"),
        ("a", json, "[]", (400, "invalid"), "no JSON object"),
        ("a", json, "{\"specversion\":\"1.0\"}", (400, "invalid"), "`id` is missing"),
        ("a", ("content-type", "application/cloudevents-batch+json"), "[]", (415, "media-type"), "cloudevents+json"),
        ("a", ("a", "b"), &large, (413, "too-large"), "the bus takes 1048576 at most"),
        ("a", ("a", "b"), &larger, (413, "too-large"), "the message is larger than the 1MiB"),
        ("a", json, &huge, (413, "too-large"), "the message is larger than the 2112KiB"),
    ] {
        let reply = admin.publish(topic, &[header], body).await;
        let (status, kind, detail) = problem(reply).await;
        assert_eq!((status, kind.as_str()), expected, "{topic} {header:?}: {detail}");
        assert!(detail.contains(hint), "{topic} {header:?}: {detail}");
    }
    host.bus.fail(Some(BusError::Full { topic: "shop.>".to_owned(), reached: "1GiB are stored".to_owned() }));
    let (status, kind, detail) = problem(admin.publish("shop.orders", &[], "x").await).await;
    assert_eq!((status, kind.as_str()), (507, "topic-full"));
    assert!(detail.contains("raise its limits"), "{detail}");
    host.bus.fail(Some(BusError::Unavailable("no broker answers".to_owned())));
    for path in ["/v1/topics", "/v1/subscriptions", "/v1/dead-letters", "/v1/tail?topic=a", "/v1/dead-letters/dlq.a/1"]
    {
        let reply = admin.ask(Method::GET, path).send().await.unwrap();
        assert_eq!(reply.headers()["retry-after"], "1", "{path}");
        let (status, kind, _) = problem(reply).await;
        assert_eq!((status, kind.as_str()), (503, "bus-unavailable"), "{path}");
    }
}

#[tokio::test]
async fn messages_are_watched_to_the_stop() {
    let (host, mut admin) = host().await;
    host.bus.put(message("shop.orders", "1")).unwrap();
    host.bus.lose(3);
    let mut reply = admin.ask(Method::GET, "/v1/tail?topic=%3E&start=beginning").send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut last = message("news", "2");
    last.content_type = None;
    last.data = vec![0, 255].into();
    last.headers.push(("own".to_owned(), "1".to_owned()));
    let mut unreadable = message("news", "3");
    unreadable.extensions.push(("Not-A-Name".to_owned(), String::new()));
    for (come, put) in [("\"1\"", Some(last)), ("\"2\"", Some(unreadable)), ("unreadable", None)] {
        while !text.contains(come) {
            text.push_str(std::str::from_utf8(&reply.chunk().await.unwrap().unwrap()).unwrap());
        }
        if let Some(message) = put {
            host.bus.put(message).unwrap();
        }
    }
    admin.stopped().await;
    while let Some(rest) = reply.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&rest).unwrap());
    }
    let events = parsed(&text);
    let time = "1970-01-01T00:00:00.000Z";
    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/services/orders", "type": "OrderCreated", "time": events[1].1["event"]["time"]});
    let mut durable = event("1");
    durable["datacontenttype"] = json!("application/json");
    durable["data"] = json!({"sku": "tea"});
    let mut volatile = event("2");
    volatile["data_base64"] = json!("AP8=");
    assert_eq!(events[0], ("missed".to_owned(), json!({"count": 3})));
    assert_eq!(
        events[1],
        ("message".to_owned(), json!({"topic": "shop.orders", "sequence": 1, "stored": time, "event": durable}))
    );
    let headers = json!([{"name": "own", "value": "1"}]);
    assert_eq!(
        events[2],
        ("message".to_owned(), json!({"topic": "news", "stored": time, "headers": headers, "event": volatile}))
    );
    assert_eq!((events[3].0.as_str(), &events[3].1["topic"]), ("unreadable", &json!("news")));
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let (host, admin) = host().await;
    for (service, id) in [("orders", "1"), ("shipping", "2"), ("orders", "3")] {
        host.bus.put(dead(service, id)).unwrap();
    }
    let ids = async |path: &str| {
        let letters = admin.get(path).await;
        let letters = letters.as_array().unwrap().iter();
        letters.map(|letter| letter["message"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/v1/dead-letters").await, ["1", "2", "3"]);
    assert_eq!(ids("/v1/dead-letters?service=orders").await, ["1", "3"]);
    assert_eq!(ids("/v1/dead-letters?limit=2").await, ["1", "2"]);
    assert_eq!(ids("/v1/dead-letters?after=dlq.shipping/2").await, ["3"]);
    assert_eq!(ids("/v1/dead-letters?after=dlq.orders/3").await, [""; 0]);

    let whole = admin.get("/v1/dead-letters/dlq.orders/3").await;
    let letter = &admin.get("/v1/dead-letters?after=dlq.orders/1&service=orders").await[0];
    assert_eq!(&whole["letter"], letter);
    let wanted = json!({
        "topic": "dlq.orders", "sequence": 3, "stored": "1970-01-01T00:00:00.000Z", "reason": "no address",
        "service": "orders", "revision": 3, "filter": "shop.*", "group": "orders", "attempts": 5,
        "first": "1970-01-01T00:00:01.000Z", "last": "1970-01-01T00:00:31.000Z", "replays": 0,
        "message": {
            "topic": "shop.orders", "sequence": 17, "id": "3", "source": "/services/orders", "type": "OrderCreated",
            "size": 13,
        },
    });
    assert_eq!(letter, &wanted);
    let original = &whole["original"];
    assert_eq!((&original["topic"], &original["sequence"]), (&json!("shop.orders"), &json!(17)));
    assert_eq!((&original["event"]["id"], &original["event"]["data"]), (&json!("3"), &json!({"sku": "tea"})));
    assert_eq!(original["headers"], json!([{"name": "own", "value": "1"}]));

    let (status, receipt) = admin.post("/v1/dead-letters/dlq.orders/1/replay", &json!({})).await;
    assert_eq!(
        (status.as_u16(), receipt),
        (200, json!({"id": "1", "level": "durable", "sequence": 4, "duplicate": false}))
    );
    let dropped = admin.ask(Method::DELETE, "/v1/dead-letters/dlq.shipping/2").send().await.unwrap();
    assert_eq!(dropped.json::<Value>().await.unwrap()["message"]["id"], "2");
    assert_eq!(ids("/v1/dead-letters").await, ["3"]);
}

#[tokio::test]
async fn dead_letters_that_are_not_there_are_not_found() {
    let (host, admin) = host().await;
    host.bus.put(message("shop.orders", "1")).unwrap();
    for (method, path, expected, hint) in [
        (Method::GET, "/v1/dead-letters/dlq.orders/9", (404, "not-found"), "no dead letter at 9"),
        (Method::GET, "/v1/dead-letters/shop.orders/1", (404, "not-found"), "no dead letters go to"),
        (Method::DELETE, "/v1/dead-letters/dlq.orders/9", (404, "not-found"), "no dead letter at 9"),
        (Method::DELETE, "/v1/dead-letters/shop.orders/1", (404, "not-found"), "no dead letters go to"),
        (Method::POST, "/v1/dead-letters/dlq.orders/9/replay", (404, "not-found"), "no dead letter at 9"),
        (Method::GET, "/v1/dead-letters/dlq.orders/x", (400, "invalid"), "`x` is no place"),
        (Method::GET, "/v1/dead-letters/dlq.*/1", (400, "invalid"), "`dlq.*` is no topic"),
        (Method::GET, "/v1/dead-letters?limit=0", (400, "invalid"), "between 1 and 1000"),
        (Method::GET, "/v1/dead-letters?limit=1001", (400, "invalid"), "between 1 and 1000"),
        (Method::GET, "/v1/dead-letters?after=7", (400, "invalid"), "dlq.shipping/7"),
        (Method::GET, "/v1/dead-letters?after=shop.orders/7", (404, "not-found"), "no dead letters go to"),
        (Method::GET, "/v1/dead-letters?service=No", (400, "invalid"), "no service name"),
        (Method::GET, "/v1/tail?topic=a..b", (400, "invalid"), "is no filter"),
        (Method::GET, "/v1/tail?topic=a&start=now", (400, "invalid"), "is no start"),
        (Method::GET, "/v1/tail", (400, "invalid"), "topic"),
    ] {
        let reply = admin.ask(method.clone(), path).timeout(Duration::from_secs(30)).send().await.unwrap();
        let (status, kind, detail) = problem(reply).await;
        assert_eq!((status, kind.as_str()), expected, "{method} {path}: {detail}");
        assert!(detail.contains(hint), "{method} {path}: {detail}");
    }
    assert_eq!(host.bus.published("shop.orders").len(), 1);
}

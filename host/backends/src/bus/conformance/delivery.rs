//! Messages arrive as they were published, where they are wanted.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_model::bus::{BusError, Level, Message};
use patchbay_model::{Proof, User};

use super::Medium;
use super::kit::{done, filter, group, message, nothing, numbers, publish, shop, take, undeclared};

/// Where each check goes on: what is durable, and what is not.
const BOTH: [(&str, &str); 2] = [("shop.>", "shop.orders"), ("bell.>", "bell.rings")];

/// Everything that a message has arrives with it.
pub async fn attributes_survive(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in BOTH {
        let feed = group(declared, "group").on(&*bus).await;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut rich = Message {
            id: "größe \"1\"\\\r\n% 🐘".to_owned(),
            source: "/services/größe?a=%20b".to_owned(),
            kind: "com.example.Größe".to_owned(),
            time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_225_600_000_001),
            subject: Some("Übersicht, \"quoted\"".to_owned()),
            content_type: Some("application/json; charset=utf-8".to_owned()),
            data_schema: Some("https://example.com/schema#größe".to_owned()),
            extensions: vec![pair("partitionkey", "Kunde 7"), pair("traceparent", "00-1-2-01"), pair("empty", "")],
            headers: vec![pair("X-Name", "eins"), pair("x-other", "a: b"), pair("X-Name", "zwei ü")],
            reply_to: Some("answers.größe".parse().expect("this is a topic")),
            data: Bytes::from_static(b"\0\xff{}\r\n"),
            ..message(topic, "")
        };
        rich.set_author(&User::new(Proof::Token, "größe", "ann"));
        let bare = message(topic, "bare");
        for published in [rich, bare] {
            bus.publish(published.clone()).await.expect("the message is taken");
            let taken = take(&*feed, 1).await;
            let arrived = taken.first().expect("one was taken");
            let mut message = Message::clone(&arrived.message);
            // The attributes have no order, and neither have headers with different names.
            let mut published = published;
            for message in [&mut published, &mut message] {
                message.extensions.sort();
                message.headers.sort_by(|(one, _), (other, _)| one.cmp(other));
            }
            assert_eq!(message, published, "{declared}");
            feed.settle(arrived.token, patchbay_model::ports::Settlement::Acknowledge);
        }
    }
}

/// Data may be empty, and have 1 MiB; what is larger than the bus takes is refused.
pub async fn data_of_any_size_survives(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in BOTH {
        let feed = group(declared, "group").on(&*bus).await;
        for size in [0, 1, 100_000, 1 << 20] {
            let data: Bytes = (0..size).map(|at: u32| at.to_le_bytes().iter().fold(7, |a, b| a ^ b)).collect();
            let sized = Message { data: data.clone(), ..message(topic, size) };
            bus.publish(sized).await.expect("data of 1 MiB is taken");
            let taken = take(&*feed, 1).await;
            let arrived = taken.first().expect("one was taken");
            assert!(arrived.message.data == data, "{size} bytes do not arrive as they were published");
            feed.settle(arrived.token, patchbay_model::ports::Settlement::Acknowledge);
        }
        let large = Message { data: Bytes::from(vec![0; 128 << 20]), ..message(topic, "large") };
        let refused = bus.publish(large).await;
        assert!(matches!(refused, Err(BusError::TooLarge { .. })), "{refused:?}");
    }
}

/// Messages of a durable topic arrive in the order of their places, which grow.
pub async fn durable_topics_keep_their_order(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").window(1000).on(&*bus).await;
    let receipts = publish(&*bus, "shop.orders", 0..200).await;
    let places: Vec<u64> = receipts.iter().filter_map(|receipt| receipt.sequence).collect();
    assert!(places.len() == 200 && places.is_sorted_by(|one, next| one < next), "places grow: {places:?}");
    assert!(receipts.iter().all(|receipt| receipt.level == Level::Durable && !receipt.duplicate), "{receipts:?}");
    let taken = take(&*feed, 200).await;
    assert_eq!(super::kit::ids(&taken), numbers(0..200));
    assert_eq!(taken.iter().filter_map(|incoming| incoming.sequence).collect::<Vec<_>>(), places);
    assert!(taken.iter().all(|incoming| incoming.attempt == 1));
}

/// Messages of a volatile topic arrive in the order in which they were published, and have no place.
pub async fn volatile_topics_keep_their_order(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("bell.>", "group").window(1000).on(&*bus).await;
    let receipts = publish(&*bus, "bell.rings", 0..200).await;
    assert!(receipts.iter().all(|receipt| receipt.level == Level::Volatile && receipt.sequence.is_none()));
    let taken = take(&*feed, 200).await;
    assert_eq!(super::kit::ids(&taken), numbers(0..200));
    assert!(taken.iter().all(|incoming| incoming.attempt == 1 && incoming.sequence.is_none()));
}

/// A group gets what its filter chooses, of durable and of volatile topics.
pub async fn filters_choose_topics(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for root in ["shop", "bell"] {
        let all = format!("{root}.>");
        let topics = ["orders.created", "orders.paid", "orders.paid.late", "stock.low"];
        let cases = [
            ("orders.created", vec!["orders.created"]),
            ("orders.*", vec!["orders.created", "orders.paid"]),
            ("orders.>", vec!["orders.created", "orders.paid", "orders.paid.late"]),
            ("*.paid", vec!["orders.paid"]),
            ("*.*", vec!["orders.created", "orders.paid", "stock.low"]),
        ];
        let mut feeds = Vec::new();
        for (chosen, wanted) in cases {
            feeds.push((group(&all, "group").only(&format!("{root}.{chosen}")).on(&*bus).await, wanted));
        }
        for topic in topics {
            publish(&*bus, &format!("{root}.{topic}"), [topic]).await;
        }
        for (feed, wanted) in feeds {
            assert_eq!(done(&*feed, wanted.len()).await, wanted);
            nothing(&*feed).await;
        }
    }
}

/// Who subscribes to what is not declared gets nothing of what is, and the other way round.
pub async fn what_is_not_declared_is_separate(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let free = undeclared("free.>", "group").on(&*bus).await;
    let bells = group("bell.>", "group").on(&*bus).await;
    publish(&*bus, "free.a", ["free"]).await;
    publish(&*bus, "bell.a", ["bell"]).await;
    publish(&*bus, "shop.a", ["shop"]).await;
    assert_eq!(done(&*free, 1).await, ["free"]);
    assert_eq!(done(&*bells, 1).await, ["bell"]);
    nothing(&*free).await;
    nothing(&*bells).await;
}

/// A declaration that there is not is an error.
pub async fn unknown_topics_are_not_found(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let other = filter("other.>");
    let subscribed = bus.subscribe(group("other.>", "group").interest()).await.map(|_| ());
    let read = bus.read(&other, &other, 0, 1).await.map(|_| ());
    for result in [subscribed, read, bus.remove(&other, 1).await] {
        assert!(matches!(result, Err(BusError::NotFound(_))), "{result:?}");
    }
}

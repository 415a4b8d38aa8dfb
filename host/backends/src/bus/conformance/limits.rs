//! What a durable topic keeps, and for how long.

use std::time::Duration;

use bytes::Bytes;
use patchbay_model::bus::{BusError, Message, Retention, TopicSettings, WhenFull};
use patchbay_model::ports::{Bus, TopicStored};

use super::Medium;
use super::kit::{declare, done, eventually, filter, group, keeping, message, nothing, publish};

/// The same source and id are the same message, for as long as the topic says, also after a restart.
pub async fn the_same_message_is_stored_once(medium: &dyn Medium) {
    let dedupe = Duration::from_secs(2);
    let topics = || declare([("shop.>", TopicSettings { dedupe, ..TopicSettings::default() })]);
    let bus = medium.open(topics()).await;
    let feed = group("shop.>", "group").on(&*bus).await;
    let first = bus.publish(message("shop.a", "same")).await.expect("the message is taken");
    let again = bus.publish(message("shop.a", "same")).await.expect("the same is no error");
    assert_eq!((first.duplicate, again.duplicate, again.sequence), (false, true, first.sequence));
    let other = Message { source: "/services/other".to_owned(), ..message("shop.a", "same") };
    let other = bus.publish(other).await.expect("the message is taken");
    assert!(!other.duplicate, "it has another source");
    assert_eq!(done(&*feed, 2).await, ["same", "same"]);
    nothing(&*feed).await;
    drop(feed);
    bus.close().await;
    let bus = medium.open(topics()).await;
    let again = bus.publish(message("shop.a", "same")).await.expect("the same is no error");
    assert!(again.duplicate, "a restart does not make it another one");
    medium.pass(dedupe + dedupe).await;
    let later = bus.publish(message("shop.a", "same")).await.expect("the message is taken");
    assert!(!later.duplicate && later.sequence > other.sequence, "{later:?}");
}

const LARGE: usize = 1000;

async fn publish_large(bus: &dyn Bus, topic: &str, id: u32) -> Result<(), BusError> {
    let data = Bytes::from(vec![b'x'; LARGE]);
    bus.publish(Message { data, ..message(topic, id) }).await.map(|_| ())
}

async fn stored(bus: &dyn Bus, topic: &str) -> TopicStored {
    let topics = bus.topics().await.expect("the topics are known");
    let shop = topics.into_iter().find(|info| info.topic == filter(topic));
    shop.and_then(|info| info.stored).expect("the topic is durable")
}

/// A topic that refuses when it is full says so, takes nothing more, and loses nothing.
pub async fn a_full_topic_refuses(medium: &dyn Medium) {
    let by_count = Retention { count: Some(5), when_full: WhenFull::Refuse, ..Retention::default() };
    let by_size = Retention { size: 8 << 10, when_full: WhenFull::Refuse, ..Retention::default() };
    for (retention, declared) in [(by_count, "shop.>"), (by_size, "goods.>")] {
        let bus = medium.open(declare([(declared, TopicSettings { retention, ..TopicSettings::default() })])).await;
        let topic = declared.replace('>', "a");
        let data = Bytes::from(vec![b'x'; LARGE]);
        let mut taken = 0;
        let error = loop {
            let large = Message { data: data.clone(), ..message(&topic, taken) };
            match bus.publish(large).await {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
            assert!(taken <= 8, "it takes more than there is room for");
        };
        assert!(matches!(&error, BusError::Full { topic, .. } if topic == declared), "{error:?}");
        assert!(taken >= 4, "it takes {taken} only");
        let all = filter(declared);
        let kept = bus.read(&all, &all, 0, 100).await.expect("stored messages can be read");
        let kept: Vec<u32> = kept.iter().filter_map(|stored| stored.message.id.parse().ok()).collect();
        assert_eq!(kept, (0..taken).collect::<Vec<_>>());
        let oldest = bus.read(&all, &all, 0, 1).await.expect("stored messages can be read");
        let oldest = oldest.first().expect("there is one").sequence;
        bus.remove(&all, oldest).await.expect("a message can be removed");
        bus.publish(message(&topic, "next")).await.expect("there is room again");
        bus.close().await;
    }
}

/// A topic that drops its oldest keeps the newest, within its limits.
pub async fn a_full_topic_drops_its_oldest(medium: &dyn Medium) {
    let by_count = Retention { count: Some(5), when_full: WhenFull::DropOldest, ..Retention::default() };
    let bus = medium.open(keeping(by_count.clone())).await;
    // The group is there, and has nothing in its hands.
    group("shop.>", "group").on(&*bus).await.close().await;
    publish(&*bus, "shop.a", 0..12).await;
    eventually("five are kept", || async { stored(&*bus, "shop.>").await.messages == 5 }).await;
    let all = filter("shop.>");
    let kept = bus.read(&all, &all, 0, 100).await.expect("stored messages can be read");
    assert_eq!(kept.iter().map(|stored| stored.message.id.clone()).collect::<Vec<_>>(), super::kit::numbers(7..12));
    let first = kept.first().map(|stored| stored.sequence);
    assert_eq!(Some(stored(&*bus, "shop.>").await.first), first);
    let feed = group("shop.>", "group").on(&*bus).await;
    assert_eq!(done(&*feed, 5).await.last().map(String::as_str), Some("11"), "a slow group misses what was dropped");
    drop(feed);
    bus.close().await;

    let by_size = Retention { size: 8 << 10, count: None, ..by_count };
    // Another topic: what is stored already is not dropped only because less is declared.
    let bus =
        medium.open(declare([("goods.>", TopicSettings { retention: by_size, ..TopicSettings::default() })])).await;
    let (topic, all) = ("goods.a", filter("goods.>"));
    for id in 20..40 {
        publish_large(&*bus, topic, id).await.expect("there is always room");
    }
    eventually("its size is kept", || async { stored(&*bus, "goods.>").await.bytes <= 8 << 10 }).await;
    let kept = bus.read(&all, &all, 0, 100).await.expect("stored messages can be read");
    assert!((4..=8).contains(&kept.len()), "{} are kept", kept.len());
    assert_eq!(kept.last().map(|stored| stored.message.id.as_str()), Some("39"));
}

/// Messages go when they are too old, also if nothing else happens.
pub async fn old_messages_go(medium: &dyn Medium) {
    let age = Duration::from_secs(2);
    let settings = TopicSettings {
        retention: Retention { age: Some(age), ..Retention::default() },
        dedupe: Duration::from_secs(1),
        ..TopicSettings::default()
    };
    let bus = medium.open(declare([("shop.>", settings)])).await;
    publish(&*bus, "shop.a", 0..5).await;
    let before = stored(&*bus, "shop.>").await;
    assert_eq!((before.messages, before.first > 0), (5, true));
    medium.pass(age + age / 2).await;
    eventually("nothing is kept", || async { stored(&*bus, "shop.>").await.messages == 0 }).await;
    let after = stored(&*bus, "shop.>").await;
    assert_eq!((after.first, after.last, after.damaged), (0, before.last, 0));
    publish(&*bus, "shop.a", ["new"]).await;
    let all = filter("shop.>");
    let kept = bus.read(&all, &all, 0, 100).await.expect("stored messages can be read");
    assert_eq!(kept.iter().map(|stored| stored.message.id.as_str()).collect::<Vec<_>>(), ["new"]);
}

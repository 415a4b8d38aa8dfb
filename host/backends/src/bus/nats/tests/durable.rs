//! Durable topics: receipts, groups, attempts, order, and what is stored.

use patchbay_model::bus::{BusError, Level, Receipt, Retention, WhenFull};
use patchbay_model::ports::Settlement;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn receipts_say_what_is_stored() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let receipt = |sequence, duplicate| Receipt { level: Level::Durable, sequence: Some(sequence), duplicate };
    assert_eq!(bus.publish(message("shop.a", "1")).await, Ok(receipt(1, false)));
    assert_eq!(bus.publish(message("shop.a", "2")).await, Ok(receipt(2, false)));
    assert_eq!(bus.publish(message("shop.a", "1")).await, Ok(receipt(1, true)));
    let volatile = Receipt { level: Level::Volatile, sequence: None, duplicate: false };
    assert_eq!(bus.publish(message("other", "1")).await, Ok(volatile));
    let stored = bus.read(&filter("shop.>"), &filter("shop.a"), 2, 10).await.unwrap();
    assert_eq!((stored.len(), &stored[0].message), (1, &message("shop.a", "2")));
    bus.remove(&filter("shop.>"), 2).await.unwrap();
    bus.remove(&filter("shop.>"), 2).await.unwrap();
    assert!(bus.read(&filter("shop.>"), &filter(">"), 2, 10).await.unwrap().is_empty());
    let infos = bus.topics().await.unwrap();
    let shop = infos.iter().find(|info| info.topic == filter("shop.>")).unwrap();
    let stored = shop.stored.unwrap();
    assert_eq!((stored.messages, stored.first, stored.last, shop.drift.len()), (1, 1, 2, 0));
    assert_eq!(shop.settings, TopicSettings::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_topic_refuses_or_drops_the_oldest() {
    let server = NatsServer::start("");
    let two = |when_full| TopicSettings {
        retention: Retention { count: Some(2), when_full, ..Retention::default() },
        ..TopicSettings::default()
    };
    let bus = open(settings(&server), topics(&[("r", two(WhenFull::Refuse)), ("d", two(WhenFull::DropOldest))])).await;
    publish(&bus, "r", &["1", "2"]).await;
    publish(&bus, "d", &["1", "2", "3"]).await;
    let full = bus.publish(message("r", "3")).await.unwrap_err();
    assert!(matches!(&full, BusError::Full { topic, .. } if topic == "r"), "{full}");
    let kept = bus.read(&filter("d"), &filter("d"), 0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.message.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    let mut large = message("r", "4");
    large.data = vec![0; 2 << 20].into();
    assert!(matches!(bus.publish(large).await, Err(BusError::TooLarge { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_no_place_for_is_told() {
    let server = NatsServer::start("");
    let huge =
        |size| TopicSettings { retention: Retention { size, ..Retention::default() }, ..TopicSettings::default() };
    let bus = open(settings(&server), topics(&[("a", huge(90 << 30)), ("b", huge(90 << 30))])).await;
    publish(&bus, "a", &["1"]).await;
    let refused = bus.publish(message("b", "1")).await;
    assert!(matches!(&refused, Err(BusError::Unavailable(text)) if text.contains("storage")), "{refused:?}");
    let infos = bus.topics().await.unwrap();
    assert!(infos.iter().any(|info| info.topic == filter("b") && info.drift[0].contains("storage")), "{infos:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_tried_is_no_attempt() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    publish(&bus, "shop.a", &["1"]).await;
    let steps = [
        (1, Settlement::Release(Duration::ZERO)),
        (1, Settlement::Retry(Duration::from_millis(50))),
        (2, Settlement::Release(Duration::from_millis(50))),
        (2, Settlement::Retry(Duration::ZERO)),
    ];
    for (attempt, settlement) in steps {
        let incoming = receive(&feed, 1).await;
        assert_eq!(incoming[0].attempt, attempt);
        feed.settle(incoming[0].token, settlement);
    }
    assert_eq!(receive(&feed, 1).await[0].attempt, 3);
    // Neither is what comes back because the feed was closed.
    feed.close().await;
    assert!(feed.receive(MANY).await.is_empty());
    let again = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    let incoming = receive(&again, 1).await;
    assert_eq!(incoming[0].attempt, 3);
    again.settle(incoming[0].token, Settlement::Acknowledge);
    until("everything is acknowledged", || async {
        let groups = bus.groups().await.unwrap();
        (groups[0].acknowledged, groups[0].in_flight, groups[0].retrying, groups[0].lag) == (1, 0, 0, 0)
    })
    .await;
    // A feed that is still there would make its consumer again.
    again.close().await;
    bus.forget_group(&filter("shop.>"), "g", &filter("shop.*")).await.unwrap();
    bus.forget_group(&filter("shop.>"), "g", &filter("shop.*")).await.unwrap();
    assert!(bus.groups().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_worked_on_is_not_delivered_again() {
    let server = NatsServer::start("");
    let quick = NatsSettings { ack_wait: Duration::from_millis(300), ..settings(&server) };
    let bus = open(quick.clone(), shop()).await;
    let other = open(quick, shop()).await;
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    publish(&bus, "shop.a", &["1"]).await;
    let held = receive(&feed, 1).await;
    let rival = other.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(1500), rival.receive(MANY)).await;
    assert!(early.is_err(), "{early:?}");
    feed.settle(held[0].token, Settlement::Retry(Duration::ZERO));
    let (one, two) = (feed.receive(MANY), rival.receive(MANY));
    let again = tokio::time::timeout(SOON, async {
        tokio::select! { a = one => a, b = two => b }
    })
    .await
    .unwrap();
    assert_eq!(again[0].attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_handed_out_than_the_window_allows() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let feed = bus.subscribe(Interest { window: 2, ..group(Some("shop.>"), "shop.*", "g") }).await.unwrap();
    publish(&bus, "shop.a", &["1", "2", "3", "4"]).await;
    let first = receive(&feed, 2).await;
    assert_eq!(ids(&first), ["1", "2"]);
    assert!(tokio::time::timeout(Duration::from_millis(300), feed.receive(MANY)).await.is_err());
    for incoming in first {
        feed.settle(incoming.token, Settlement::Acknowledge);
    }
    assert_eq!(ids(&receive(&feed, 2).await), ["3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_group_keeps_its_order_when_messages_fail() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let interest = || Interest { window: 3, ..ordered(group(Some("shop.>"), "shop.*", "g")) };
    let feed = bus.subscribe(interest()).await.unwrap();
    publish(&bus, "shop.a", &["1", "2", "3", "4"]).await;
    let first = receive(&feed, 3).await;
    feed.settle(first[0].token, Settlement::Retry(Duration::from_millis(100)));
    let again = receive(&feed, 1).await;
    assert_eq!((ids(&again), again[0].attempt), (vec!["1".to_owned()], 2));
    feed.close().await;
    // Nothing was left behind, so nobody waits; and what failed is still an attempt.
    let begun = tokio::time::Instant::now();
    let next = bus.subscribe(interest()).await.unwrap();
    let incoming = receive(&next, 3).await;
    assert_eq!(ids(&incoming), ["1", "2", "3"]);
    assert_eq!(incoming.iter().map(|one| one.attempt).collect::<Vec<_>>(), [2, 1, 1]);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_group_keeps_its_order_over_a_crash() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let interest = || ordered(group(Some("shop.>"), "shop.*", "g"));
    let feed = bus.subscribe(interest()).await.unwrap();
    publish(&bus, "shop.a", &["1", "2"]).await;
    assert_eq!(receive(&feed, 2).await.len(), 2);
    // A host that is gone says nothing more: its connection is cut off before the feed can give anything back.
    bus.cut_off().await;
    let other = open(settings(&server), shop()).await;
    publish(&other, "shop.a", &["3", "4"]).await;
    let next = other.subscribe(interest()).await.unwrap();
    assert_eq!(ids(&receive(&next, 4).await), ["1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_what_is_stored_and_what_comes() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    publish(&bus, "shop.a", &["1", "2"]).await;
    let watch = |start| Interest { consumer: Consumer::Watcher { start }, ..group(Some("shop.>"), "shop.>", "g") };
    let all = bus.subscribe(watch(Start::Beginning)).await.unwrap();
    let new = bus.subscribe(watch(Start::New)).await.unwrap();
    publish(&bus, "shop.a", &["3"]).await;
    assert_eq!(ids(&receive(&all, 3).await), ["1", "2", "3"]);
    assert_eq!(ids(&receive(&new, 1).await), ["3"]);
    assert!(bus.groups().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_that_lose_messages_are_mended_or_told() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let client = async_nats::jetstream::new(plain(&server).await);
    let stream = client.get_stream("patchbay_shop_=all").await.unwrap();
    for (name, chosen, drifts) in [("limited", "shop.*", 0), ("other", "shop.a", 1)] {
        let consumer = crate::bus::nats::names::of_consumer(name, &filter("shop.*"), None);
        let config = async_nats::jetstream::consumer::pull::Config {
            durable_name: Some(consumer.clone()),
            max_deliver: 2,
            max_ack_pending: 1,
            filter_subject: chosen.to_owned(),
            ..Default::default()
        };
        stream.create_consumer(config).await.unwrap();
        let _feed = bus.subscribe(group(Some("shop.>"), "shop.*", name)).await.unwrap();
        let found = stream.consumer_info(&consumer).await.unwrap().config;
        assert!(found.max_deliver < 0 && found.max_ack_pending > 1000, "{found:?}");
        let infos = bus.topics().await.unwrap();
        let shop = infos.iter().find(|info| info.topic == filter("shop.>")).unwrap();
        assert_eq!(shop.drift.len(), drifts, "{:?}", shop.drift);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_and_nothing_is_narrowed() {
    let server = NatsServer::start("");
    let counted = |count, dedupe| TopicSettings {
        retention: Retention { count: Some(count), ..Retention::default() },
        dedupe: Duration::from_secs(dedupe),
        ..TopicSettings::default()
    };
    drop(open(settings(&server), topics(&[("shop.>", counted(10, 60))])).await);
    for (count, dedupe, in_force, drifts) in [(20, 30, 20, 0), (5, 30, 20, 1)] {
        let bus = open(settings(&server), topics(&[("shop.>", counted(count, dedupe))])).await;
        let infos = bus.topics().await.unwrap();
        let shop = infos.iter().find(|info| info.topic == filter("shop.>")).unwrap();
        assert_eq!(
            (shop.settings.retention.count, shop.settings.dedupe),
            (Some(in_force), Duration::from_secs(dedupe))
        );
        assert_eq!(shop.drift.len(), drifts, "{:?}", shop.drift);
    }
}

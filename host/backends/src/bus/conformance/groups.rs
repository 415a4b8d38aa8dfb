//! Consumer groups: who gets what, how much at a time, and where groups stand.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::select_all;
use patchbay_model::bus::Start;
use patchbay_model::ports::{Bus, Feed, GroupInfo, Settlement};
use tokio::time::timeout;

use super::Medium;
use super::kit::{ALL, LONG, done, eventually, filter, group, ids, nothing, numbers, publish, shop, take, undeclared};

/// The feeds of a group share its messages: each goes to one of them.
pub async fn a_group_shares_its_messages(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let one = group(declared, "group").on(&*bus).await;
        let other = group(declared, "group").on(&*bus).await;
        publish(&*bus, topic, 0..40).await;
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let feed = if seen.len() % 2 == 0 { &one } else { &other };
            let incoming = tokio::select! {
                incoming = feed.receive(ALL) => incoming,
                incoming = one.receive(ALL) => incoming,
                incoming = other.receive(ALL) => incoming,
            };
            seen.extend(ids(&incoming));
            assert!(!incoming.is_empty());
        }
        assert_eq!(seen.len(), 40);
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), numbers(0..40).into_iter().collect());
    }
}

/// Groups with different names, and with different filters, get each message once.
pub async fn every_group_gets_every_message(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for root in ["shop", "bell"] {
        let (declared, topic) = (format!("{root}.>"), format!("{root}.orders.created"));
        let feeds = [
            group(&declared, "one").on(&*bus).await,
            group(&declared, "other").on(&*bus).await,
            group(&declared, "one").only(&format!("{root}.orders.*")).on(&*bus).await,
        ];
        publish(&*bus, &topic, 0..10).await;
        for feed in &feeds {
            assert_eq!(done(&**feed, 10).await, numbers(0..10));
        }
        for feed in &feeds {
            nothing(&**feed).await;
        }
    }
}

/// Each host gets every message for a broadcast group once, however many feeds the group has there. Another group gets each
/// message on one host.
pub async fn a_broadcast_reaches_every_host(medium: &dyn Medium) {
    let first = medium.open(shop()).await;
    let hosts: Vec<_> = std::iter::once(Arc::clone(&first)).chain(medium.beside(shop()).await).collect();
    for (topic, joining) in [("shop.a", group as fn(&str, &str) -> _), ("bell.a", group), ("other.a", undeclared)] {
        let all = format!("{}>", topic.trim_end_matches('a'));
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        for host in &hosts {
            shared.push(joining(&all, "shared").on(&**host).await);
            let broadcast = joining(&all, "broadcast").broadcast();
            own.push([broadcast.clone().on(&**host).await, broadcast.on(&**host).await]);
        }
        publish(&*first, topic, 0..20).await;
        assert_eq!(between(&shared, 20).await, numbers(0..20).into_iter().collect(), "{topic}");
        for feeds in &own {
            assert_eq!(between(feeds, 20).await, numbers(0..20).into_iter().collect(), "{topic}");
        }
        for feed in shared.iter().chain(own.iter().flatten()) {
            nothing(&**feed).await;
        }
    }
}

/// What comes to these feeds together, until it is `n` messages; acknowledged.
async fn between(feeds: &[Arc<dyn Feed>], n: usize) -> BTreeSet<String> {
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    while count < n {
        let next = select_all(feeds.iter().map(|feed| feed.receive(ALL)));
        let (incoming, place, _) = timeout(LONG, next).await.expect("messages come");
        assert!(!incoming.is_empty(), "a feed ended");
        let feed = feeds.get(place).expect("it is one of them");
        incoming.iter().for_each(|incoming| feed.settle(incoming.token, Settlement::Acknowledge));
        count += incoming.len();
        seen.extend(ids(&incoming));
    }
    assert_eq!(count, n, "more messages came than were published");
    seen
}

/// A feed that has its hands full, and one that does not ask, leave messages to the others of their group.
pub async fn a_busy_feed_leaves_messages_to_others(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let busy = group(declared, "group").window(1).on(&*bus).await;
        let _silent = group(declared, "group").on(&*bus).await;
        let ready = group(declared, "group").on(&*bus).await;
        publish(&*bus, topic, ["first"]).await;
        take(&*busy, 1).await;
        publish(&*bus, topic, 0..20).await;
        assert_eq!(done(&*ready, 20).await, numbers(0..20));
        nothing(&*busy).await;
    }
}

/// No more messages are in the hands of a feed than its window has room for.
pub async fn windows_are_kept(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let feed = group(declared, "group").window(3).on(&*bus).await;
        publish(&*bus, topic, 0..10).await;
        let taken = take(&*feed, 3).await;
        nothing(&*feed).await;
        let first = taken.first().expect("three were taken");
        feed.settle(first.token, Settlement::Acknowledge);
        assert_eq!(ids(&take(&*feed, 1).await), ["3"]);
        nothing(&*feed).await;
    }
}

async fn info(bus: &dyn Bus, name: &str) -> Option<GroupInfo> {
    let groups = bus.groups().await.expect("the groups are known");
    groups.into_iter().find(|info| info.group == name && info.topic == filter("shop.>"))
}

/// What groups have not got, have in their hands and wait for is told.
pub async fn groups_are_counted(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").only("shop.orders").window(5).on(&*bus).await;
    publish(&*bus, "shop.other", 0..5).await;
    let receipts = publish(&*bus, "shop.orders", 5..15).await;
    let taken = take(&*feed, 5).await;
    let is = |lag: u64, in_flight: u64, retrying: u64| {
        let bus = &bus;
        move || async move {
            let info = info(&**bus, "group").await.expect("the group is known");
            (info.lag, info.in_flight, info.retrying) == (lag, in_flight, retrying)
        }
    };
    eventually("five are in hand, and five to come", is(5, 5, 0)).await;
    let (failed, others) = taken.split_first().expect("five were taken");
    feed.settle(failed.token, Settlement::Retry(std::time::Duration::from_secs(3600)));
    others.iter().for_each(|incoming| feed.settle(incoming.token, Settlement::Acknowledge));
    eventually("one waits to be tried again", is(5, 0, 1)).await;
    let acknowledged = info(&*bus, "group").await.map(|info| info.acknowledged);
    let place = failed.sequence.expect("a durable topic has places");
    assert!(acknowledged.is_some_and(|acknowledged| acknowledged < place), "{acknowledged:?} {place}");
    done(&*feed, 5).await;
    eventually("nothing is to come", is(0, 0, 1)).await;
    let last = receipts.last().and_then(|receipt| receipt.sequence);
    assert!(last.is_some_and(|last| last > place));
    drop(feed);
    assert!(info(&*bus, "group").await.is_some(), "a group that nobody serves is still known");
}

/// A group that was forgotten is not known any more, and begins as one that was never there.
pub async fn a_forgotten_group_begins_anew(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let shop = filter("shop.>");
    let feed = group("shop.>", "group").on(&*bus).await;
    publish(&*bus, "shop.a", 0..5).await;
    done(&*feed, 3).await;
    feed.close().await;
    drop(feed);
    bus.forget_group(&shop, "group", &shop).await.expect("a group can be forgotten");
    bus.forget_group(&shop, "group", &shop).await.expect("forgetting what is not there is no error");
    assert_eq!(info(&*bus, "group").await, None);
    let feed = group("shop.>", "group").from(Start::Beginning).on(&*bus).await;
    assert_eq!(done(&*feed, 5).await, numbers(0..5));
}

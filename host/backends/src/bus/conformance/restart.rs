//! What a restart leaves, and a crash.

use std::collections::BTreeSet;
use std::time::Duration;

use patchbay_model::bus::BusError;
use patchbay_model::ports::Settlement;

use super::Medium;
use super::kit::{done, ended, eventually, filter, group, ids, message, nothing, numbers, publish, shop, take};

/// A group goes on where it stood: what was acknowledged is not delivered again, and failed attempts are remembered.
pub async fn positions_survive_a_restart(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").on(&*bus).await;
    publish(&*bus, "shop.a", 0..10).await;
    let taken = take(&*feed, 6).await;
    for (n, incoming) in taken.iter().enumerate() {
        let settlement = match n {
            1 => Settlement::Retry(Duration::from_secs(3600)),
            3 => continue,
            _ => Settlement::Acknowledge,
        };
        feed.settle(incoming.token, settlement);
    }
    eventually("it is settled", || async {
        let groups = bus.groups().await.expect("the groups are known");
        groups.iter().any(|group| group.retrying == 1 && group.in_flight == 1)
    })
    .await;
    feed.close().await;
    drop(feed);
    bus.close().await;
    drop(bus);
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").on(&*bus).await;
    let mut taken = Vec::new();
    while taken.len() < 6 {
        // The pause of what failed may be over: a restart is a good reason to try again.
        let some = tokio::time::timeout(Duration::from_millis(500), take(&*feed, 1)).await;
        let Ok(some) = some else { break };
        taken.extend(some);
    }
    let again: BTreeSet<String> = ids(&taken).into_iter().collect();
    let kept: BTreeSet<String> = ["3", "6", "7", "8", "9"].map(str::to_owned).into();
    assert!(again.is_superset(&kept), "{again:?}");
    assert!(again.len() == kept.len() || again.contains("1"), "{again:?}");
    for incoming in &taken {
        let attempt = if incoming.message.id == "1" { 2 } else { 1 };
        assert_eq!(incoming.attempt, attempt, "of {}", incoming.message.id);
    }
}

/// Everything that was acknowledged is there after the bus was closed in the midst of publishing.
pub async fn closing_loses_nothing(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").window(10_000).on(&*bus).await;
    let publishing = futures_of(|n| bus.publish(message("shop.a", n)), 500);
    let closing = async {
        take(&*feed, 50).await;
        bus.close().await;
    };
    let (receipts, ()) = tokio::join!(publishing, closing);
    let acknowledged: BTreeSet<String> =
        receipts.iter().enumerate().filter(|(_, receipt)| receipt.is_ok()).map(|(n, _)| n.to_string()).collect();
    drop(feed);
    drop(bus);
    let bus = medium.open(shop()).await;
    let all = filter("shop.>");
    let stored = bus.read(&all, &all, 0, 1000).await.expect("stored messages can be read");
    let stored: BTreeSet<String> = stored.into_iter().map(|stored| stored.message.id).collect();
    assert!(acknowledged.len() >= 50, "{} were acknowledged", acknowledged.len());
    assert!(stored.is_superset(&acknowledged), "{:?}", acknowledged.difference(&stored));
    let feed = group("shop.>", "group").window(10_000).on(&*bus).await;
    let delivered: BTreeSet<String> = done(&*feed, stored.len()).await.into_iter().collect();
    assert_eq!(delivered, stored, "what was in the hands of the feed, and what was not, comes again");
}

/// Runs `n` futures at once, and returns what comes of them.
async fn futures_of<F: Future>(start: impl Fn(u32) -> F, n: u32) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..n).map(|number| (Box::pin(start(number)), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut running {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

/// After a crash every group gets what it had not acknowledged, and nobody loses what was acknowledged to a publisher.
pub async fn crashes_lose_nothing_that_was_acknowledged(medium: &dyn Medium) {
    let mut bus = medium.open(shop()).await;
    let mut settled = BTreeSet::new();
    for round in 0..3 {
        let feed = group("shop.>", "group").window(1000).on(&*bus).await;
        publish(&*bus, "shop.a", round * 20..round * 20 + 20).await;
        let taken = take(&*feed, 10).await;
        for incoming in &taken {
            feed.settle(incoming.token, Settlement::Acknowledge);
        }
        settled.extend(ids(&taken));
        drop(feed);
        bus = medium.crash(bus, shop()).await;
    }
    let feed = group("shop.>", "group").window(1000).on(&*bus).await;
    let mut delivered = BTreeSet::new();
    let open: BTreeSet<String> = numbers(0..60).into_iter().filter(|id| !settled.contains(id)).collect();
    while !delivered.is_superset(&open) {
        delivered.extend(done(&*feed, 1).await);
    }
    let again = bus.publish(message("shop.a", 59)).await.expect("the same is no error");
    assert!(again.duplicate, "what is a duplicate is known after a crash");
}

/// Closing a bus ends its feeds, and it takes nothing more.
pub async fn a_closed_bus_ends_its_feeds(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feeds = [group("shop.>", "group").on(&*bus).await, group("bell.>", "group").on(&*bus).await];
    for feed in &feeds {
        nothing(&**feed).await;
    }
    bus.close().await;
    for feed in &feeds {
        ended(&**feed).await;
    }
    for topic in ["shop.a", "bell.a"] {
        let refused = bus.publish(message(topic, "late")).await;
        assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    }
}

//! What becomes of messages that were handed out.

use std::time::Duration;

use patchbay_model::ports::{Feed, Incoming, Settlement};
use tokio::time::timeout;

use super::Medium;
use super::kit::{ALL, done, group, ids, nothing, publish, shop, take};

const SOON: Duration = Duration::from_millis(30);

async fn next(feed: &dyn Feed) -> Incoming {
    take(feed, 1).await.pop().expect("one was taken")
}

/// A message that failed comes again, as the next attempt, until it is acknowledged.
pub async fn failed_messages_come_again(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").on(&*bus).await;
    publish(&*bus, "shop.a", ["failing"]).await;
    let mut places = Vec::new();
    for attempt in 1..=4 {
        let incoming = next(&*feed).await;
        assert_eq!((incoming.message.id.as_str(), incoming.attempt), ("failing", attempt));
        places.extend(incoming.sequence);
        let pause = if attempt % 2 == 0 { SOON } else { Duration::ZERO };
        feed.settle(incoming.token, Settlement::Retry(pause));
    }
    places.dedup();
    assert_eq!(places.len(), 1, "it keeps its place");
    assert_eq!(done(&*feed, 1).await, ["failing"]);
    nothing(&*feed).await;
}

/// A message that was not tried comes again as the same attempt.
pub async fn released_messages_are_no_attempt(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let feed = group(declared, "group").on(&*bus).await;
        publish(&*bus, topic, ["released"]).await;
        let settlements = [
            (1, Settlement::Release(Duration::ZERO)),
            (1, Settlement::Release(SOON)),
            (1, Settlement::Retry(SOON)),
            (2, Settlement::Release(Duration::ZERO)),
            (2, Settlement::Acknowledge),
        ];
        for (attempt, settlement) in settlements {
            let incoming = next(&*feed).await;
            assert_eq!(incoming.attempt, attempt, "{declared} {settlement:?}");
            feed.settle(incoming.token, settlement);
        }
        nothing(&*feed).await;
    }
}

/// While a message waits to be tried again, others are handed out, and its place in the window is free.
pub async fn pauses_do_not_hold_up_others(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("shop.>", "group").window(1).on(&*bus).await;
    publish(&*bus, "shop.a", 0..3).await;
    let failed = next(&*feed).await;
    feed.settle(failed.token, Settlement::Retry(Duration::from_millis(700)));
    for id in ["1", "2"] {
        assert_eq!(done(&*feed, 1).await, [id]);
    }
    let again = next(&*feed).await;
    assert_eq!((again.message.id.as_str(), again.attempt), ("0", 2));
}

async fn give_back(medium: &dyn Medium, end: impl AsyncFn(std::sync::Arc<dyn Feed>)) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let ending = group(declared, "group").window(3).on(&*bus).await;
        publish(&*bus, topic, 0..5).await;
        let taken = take(&*ending, 3).await;
        let other = group(declared, "group").on(&*bus).await;
        let done_before = taken.get(1).expect("three were taken");
        ending.settle(done_before.token, Settlement::Acknowledge);
        end(ending).await;
        let mut given = Vec::new();
        while given.len() < 4 {
            given.extend(take(&*other, 1).await);
        }
        assert_eq!(ids(&given), ["0", "2", "3", "4"], "what was given back comes before what is new");
        assert!(given.iter().all(|incoming| incoming.attempt == 1), "and it is no attempt");
        given.iter().for_each(|incoming| other.settle(incoming.token, Settlement::Acknowledge));
        nothing(&*other).await;
    }
}

/// What a feed has in its hands when it is closed goes to another one of its group, as the same attempt.
pub async fn a_closed_feed_gives_back(medium: &dyn Medium) {
    give_back(medium, async |feed: std::sync::Arc<dyn Feed>| {
        feed.close().await;
        super::kit::ended(&*feed).await;
    })
    .await;
}

/// A feed that is dropped is closed.
pub async fn a_dropped_feed_gives_back(medium: &dyn Medium) {
    give_back(medium, async |feed| drop(feed)).await;
}

/// Messages of volatile topics come again too, for as long as their feed lives.
pub async fn volatile_messages_come_again(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let feed = group("bell.>", "group").on(&*bus).await;
    publish(&*bus, "bell.a", ["failing"]).await;
    for attempt in 1..=3 {
        let incoming = next(&*feed).await;
        assert_eq!((incoming.message.id.as_str(), incoming.attempt), ("failing", attempt));
        feed.settle(incoming.token, Settlement::Retry(SOON));
    }
    assert_eq!(done(&*feed, 1).await, ["failing"]);
    nothing(&*feed).await;
}

/// Dropping the future that waits for messages loses none.
pub async fn a_dropped_receive_loses_nothing(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        let feed = group(declared, "group").window(1000).on(&*bus).await;
        let publishing = publish(&*bus, topic, 0..100);
        let mut seen = Vec::new();
        let receiving = async {
            while seen.len() < 100 {
                // Most of these end before, or while, something comes.
                if let Ok(incoming) = timeout(Duration::from_micros(200), feed.receive(ALL)).await {
                    seen.extend(ids(&incoming));
                }
            }
        };
        let both = async { tokio::join!(publishing, receiving) };
        assert!(timeout(Duration::from_secs(20), both).await.is_ok(), "not all messages came");
        assert_eq!(seen, super::kit::numbers(0..100), "{declared}");
    }
}

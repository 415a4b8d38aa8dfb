//! Dead letters: they are kept until somebody removes them.

use patchbay_model::bus::Level;

use super::Medium;
use super::kit::{filter, message, publish, shop};

/// What is published under `dlq.` is durable without being declared, can be read by topic and place, and removed one by one.
pub async fn dead_letters_are_kept_read_and_removed(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let all = filter("dlq.>");
    let mut receipts = publish(&*bus, "dlq.orders", 0..3).await;
    receipts.extend(publish(&*bus, "dlq.payments", 3..5).await);
    assert!(receipts.iter().all(|receipt| receipt.level == Level::Durable), "{receipts:?}");
    let places: Vec<u64> = receipts.iter().filter_map(|receipt| receipt.sequence).collect();
    let place = |n: usize| *places.get(n).expect("each has a place");
    let read = async |topic: &str, from: u64, limit: usize| {
        let stored = bus.read(&all, &filter(topic), from, limit).await.expect("dead letters can be read");
        stored.into_iter().map(|stored| (stored.sequence, stored.message.id)).collect::<Vec<_>>()
    };
    let nth = |n: usize| (place(n), n.to_string());
    assert_eq!(read("dlq.>", 0, 100).await, [nth(0), nth(1), nth(2), nth(3), nth(4)]);
    assert_eq!(read("dlq.payments", 0, 100).await, [nth(3), nth(4)]);
    assert_eq!(read("dlq.>", place(1), 2).await, [nth(1), nth(2)]);
    assert_eq!(read("dlq.>", place(4) + 1, 100).await, []);
    assert_eq!(read("dlq.other", 0, 100).await, []);
    let stored = bus.read(&all, &all, place(2), 1).await.expect("dead letters can be read");
    assert_eq!(stored.first().map(|stored| &stored.message), Some(&message("dlq.orders", 2)));

    for n in [1, 0, 3] {
        bus.remove(&all, place(n)).await.expect("a dead letter can be removed");
    }
    bus.remove(&all, place(1)).await.expect("removing what is not there is no error");
    assert_eq!(read("dlq.>", 0, 100).await, [nth(2), nth(4)]);
    assert_eq!(count(&*bus).await, Some((2, place(2))));
    bus.close().await;
    let bus = medium.open(shop()).await;
    let left = bus.read(&all, &all, 0, 100).await.expect("dead letters can be read");
    assert_eq!(left.iter().map(|stored| stored.sequence).collect::<Vec<_>>(), [place(2), place(4)]);
    assert_eq!(count(&*bus).await, Some((2, place(2))), "also after a restart");
    let next = publish(&*bus, "dlq.orders", ["next"]).await;
    assert!(next.first().and_then(|receipt| receipt.sequence) > Some(place(4)), "places are not used again");
}

/// How many dead letters there are, and the place of the oldest.
async fn count(bus: &dyn patchbay_model::ports::Bus) -> Option<(u64, u64)> {
    let topics = bus.topics().await.expect("the topics are known");
    let dead_letters = topics.into_iter().find(|info| info.topic == filter("dlq.>"))?.stored?;
    Some((dead_letters.messages, dead_letters.first))
}

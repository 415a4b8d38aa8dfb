//! Volatile topics: what nobody takes in time is lost, and counted.

use patchbay_model::bus::Message;

use super::Medium;
use super::kit::{done, eventually, group, message, shop};

/// Who is slow loses messages, which are counted, and does not slow down publishers and others.
pub async fn slow_volatile_subscribers_lose_and_count(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    let slow = group("bell.>", "slow").window(1).on(&*bus).await;
    let ready = group("bell.>", "ready").window(1000).on(&*bus).await;
    // More than anybody keeps for somebody who does not take it: 300,000 messages, or 300 MiB.
    let data = bytes::Bytes::from(vec![7; 1 << 10]);
    for hundred in 0..3000 {
        for n in 0..100 {
            let large = Message { data: data.clone(), ..message("bell.a", hundred * 100 + n) };
            bus.publish(large).await.expect("a volatile message is taken");
        }
        assert_eq!(done(&*ready, 100).await.first(), Some(&(hundred * 100).to_string()), "others are not disturbed");
    }
    eventually("what was dropped is counted", || async { slow.dropped() > 0 }).await;
    assert_eq!(ready.dropped(), 0);
    assert_eq!(done(&*slow, 1).await, ["0"], "what came first is kept");
}

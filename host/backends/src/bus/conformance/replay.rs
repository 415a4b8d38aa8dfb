//! Where a group begins that was never there before.

use std::time::Duration;

use patchbay_model::bus::Start;

use super::Medium;
use super::kit::{done, filter, group, nothing, numbers, publish, shop};

/// A group begins with the next message, or with the oldest, as it says; where it stands is not changed by another start.
pub async fn groups_begin_where_they_say(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    publish(&*bus, "shop.a", 0..600).await;
    let new = group("shop.>", "new").on(&*bus).await;
    let beginning = group("shop.>", "beginning").from(Start::Beginning).window(1000).on(&*bus).await;
    let chosen = group("shop.>", "beginning").only("shop.b").from(Start::Beginning).on(&*bus).await;
    publish(&*bus, "shop.b", 600..603).await;
    assert_eq!(done(&*new, 3).await, numbers(600..603));
    assert_eq!(done(&*beginning, 603).await, numbers(0..603));
    assert_eq!(done(&*chosen, 3).await, numbers(600..603));
    new.close().await;
    drop(new);
    let again = group("shop.>", "new").from(Start::Beginning).on(&*bus).await;
    publish(&*bus, "shop.b", [603]).await;
    assert_eq!(done(&*again, 1).await, ["603"], "a group that was there goes on where it stood");
    nothing(&*again).await;
}

/// A group begins with what was stored at a time or later.
pub async fn new_groups_begin_at_a_time(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    publish(&*bus, "shop.a", 0..3).await;
    medium.pass(Duration::from_secs(1)).await;
    publish(&*bus, "shop.a", 3..6).await;
    let all = filter("shop.>");
    let stored = bus.read(&all, &all, 0, 100).await.expect("stored messages can be read");
    let fourth = stored.get(3).expect("six are stored").stored;
    let since = fourth - Duration::from_millis(300);
    let feed = group("shop.>", "since").from(Start::At(since)).on(&*bus).await;
    assert_eq!(done(&*feed, 3).await, numbers(3..6));
    let later = fourth + Duration::from_secs(3600);
    let feed = group("shop.>", "later").from(Start::At(later)).on(&*bus).await;
    nothing(&*feed).await;
}

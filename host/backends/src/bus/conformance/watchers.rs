//! Watchers: they see what goes by, and take nothing from anybody.

use std::num::NonZeroUsize;

use patchbay_model::bus::Start;

use super::Medium;
use super::kit::{done, group, ids, numbers, publish, shop, take, watcher};

/// A watcher gets what is published while it watches, needs to settle nothing, and is no group.
pub async fn watchers_see_what_goes_by(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    for (declared, topic) in [("shop.>", "shop.a"), ("bell.>", "bell.a")] {
        publish(&*bus, topic, ["before"]).await;
        let watching = watcher(declared, Start::New).window(2).on(&*bus).await;
        let also_watching = watcher(declared, Start::New).on(&*bus).await;
        let working = group(declared, "group").on(&*bus).await;
        publish(&*bus, topic, 0..20).await;
        assert_eq!(done(&*working, 20).await, numbers(0..20));
        for watching in [watching, also_watching] {
            let mut seen = Vec::new();
            while seen.len() < 20 {
                let some = watching.receive(NonZeroUsize::MIN).await;
                assert!(!some.is_empty(), "a watcher ends when it is closed");
                seen.extend(ids(&some));
            }
            assert_eq!(seen, numbers(0..20));
            watching.close().await;
            super::kit::ended(&*watching).await;
        }
    }
    let groups = bus.groups().await.expect("the groups are known");
    assert_eq!(groups.iter().map(|group| group.group.as_str()).collect::<Vec<_>>(), ["group"]);
}

/// A watcher may begin with what is stored, and goes on with what is new.
pub async fn watchers_read_what_is_stored(medium: &dyn Medium) {
    let bus = medium.open(shop()).await;
    publish(&*bus, "shop.a", 0..5).await;
    let watching = watcher("shop.>", Start::Beginning).only("shop.a").on(&*bus).await;
    publish(&*bus, "shop.a", 5..8).await;
    assert_eq!(ids(&take(&*watching, 8).await), numbers(0..8));
}

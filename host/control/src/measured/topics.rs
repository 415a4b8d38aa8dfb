//! Messages by topic: as it is declared, so that there are no more of them than the operator wrote down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use patchbay_model::bus::{Topic, TopicFilter, Topics};

/// Stands for all topics that are not declared. No declaration reads like this.
pub(crate) const UNDECLARED: &str = "_undeclared";

/// What was counted of the topics of one declaration.
#[derive(Debug, Default)]
pub(crate) struct TopicTally {
    published: AtomicU64,
    unpublished: AtomicU64,
    delivered: AtomicU64,
    redelivered: AtomicU64,
    dead: AtomicU64,
}

/// The same as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TopicCounts {
    /// Messages that the bus took.
    pub(crate) published: u64,
    /// Messages that the bus did not take.
    pub(crate) unpublished: u64,
    /// Messages that were handed to services, each attempt once.
    pub(crate) delivered: u64,
    /// Those among them that had been handed to the same service before.
    pub(crate) redelivered: u64,
    /// Messages that became dead letters.
    pub(crate) dead: u64,
}

/// The counts by declaration.
#[derive(Debug, Default)]
pub(crate) struct TopicTallies {
    declared: RwLock<BTreeMap<TopicFilter, Arc<TopicTally>>>,
    undeclared: Arc<TopicTally>,
}

impl TopicTally {
    /// The bus took a message, or it did not.
    pub(crate) fn published(&self, taken: bool) {
        let count = if taken { &self.published } else { &self.unpublished };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// A message is handed to a service, for the `attempt`th time.
    pub(crate) fn delivered(&self, attempt: u32) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if attempt > 1 {
            self.redelivered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A message became a dead letter.
    pub(crate) fn buried(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> TopicCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TopicCounts {
            published: read(&self.published),
            unpublished: read(&self.unpublished),
            delivered: read(&self.delivered),
            redelivered: read(&self.redelivered),
            dead: read(&self.dead),
        }
    }
}

impl TopicTallies {
    /// Where the messages of a topic are counted.
    pub(crate) fn of(&self, topics: &Topics, topic: &Topic) -> Arc<TopicTally> {
        let Some((filter, _)) = topics.of(topic) else { return Arc::clone(&self.undeclared) };
        let known = self.declared.read().unwrap_or_else(PoisonError::into_inner).get(filter).cloned();
        known.unwrap_or_else(|| {
            let mut declared = self.declared.write().unwrap_or_else(PoisonError::into_inner);
            // What the file declared before and does not any more is forgotten with the first message of what is new.
            declared.retain(|filter, _| topics.iter().any(|(there, _)| there == filter));
            Arc::clone(declared.entry(filter.clone()).or_default())
        })
    }

    /// All that is declared in `topics`, by name, and then what is not declared.
    pub(crate) fn read(&self, topics: &Topics) -> Vec<(String, TopicCounts)> {
        let declared = self.declared.read().unwrap_or_else(PoisonError::into_inner);
        let counts =
            |filter: &TopicFilter| declared.get(filter).map_or_else(TopicCounts::default, |tally| tally.read());
        let mut all: Vec<_> = topics.iter().map(|(filter, _)| (filter.to_string(), counts(filter))).collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all.push((UNDECLARED.to_owned(), self.undeclared.read()));
        all
    }
}

#[cfg(test)]
mod tests {
    use patchbay_model::bus::TopicSettings;

    use super::*;

    #[test]
    fn messages_are_counted_by_what_is_declared() {
        let declared = |filter: &str| {
            let declared = BTreeMap::from([(filter.parse().unwrap(), TopicSettings::default())]);
            Topics::new(declared).unwrap()
        };
        let (shop, tallies) = (declared("shop.>"), TopicTallies::default());
        let of = |topics: &Topics, topic: &str| tallies.of(topics, &topic.parse().unwrap());
        of(&shop, "shop.orders").published(true);
        of(&shop, "shop.stock").published(true);
        of(&shop, "shop.stock").published(false);
        of(&shop, "shop.stock").delivered(1);
        of(&shop, "shop.stock").delivered(2);
        of(&shop, "elsewhere").buried();
        let read = |topics: &Topics, name: &str| {
            tallies.read(topics).into_iter().find(|(topic, _)| topic == name).map(|(_, counts)| counts)
        };
        let counts = TopicCounts { published: 2, unpublished: 1, delivered: 2, redelivered: 1, dead: 0 };
        assert_eq!(read(&shop, "shop.>"), Some(counts));
        assert_eq!(read(&shop, UNDECLARED), Some(TopicCounts { dead: 1, ..TopicCounts::default() }));
        // Another file.
        let stock = declared("stock");
        of(&stock, "stock").published(true);
        assert_eq!((read(&stock, "shop.>"), read(&stock, "stock").unwrap().published), (None, 1));
        assert_eq!(read(&shop, "shop.>"), Some(TopicCounts::default()));
    }
}

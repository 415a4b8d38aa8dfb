//! Watching what goes by in topics, without being part of it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use patchbay_model::bus::{BusError, Level, Start, TopicFilter};
use patchbay_model::ports::{BoxFuture, Consumer, Feed, Incoming, Interest};

use crate::control::Control;

/// Messages that are taken at a time.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Messages that may wait for one who watches.
const WINDOW: u32 = 1024;

/// What a feed has next, and the feed.
type Receiving = BoxFuture<'static, (Arc<dyn Feed>, Vec<Incoming>)>;

/// Somebody who watches topics. Messages that are not taken in time pass by unseen.
pub struct Tail {
    feeds: Vec<Arc<dyn Feed>>,
    next: FuturesUnordered<Receiving>,
}

impl Tail {
    /// The next messages; none at all if the bus ended.
    pub async fn next(&mut self) -> Vec<Incoming> {
        while let Some((feed, batch)) = self.next.next().await {
            if !batch.is_empty() {
                self.next.push(receive(feed));
                return batch;
            }
        }
        Vec::new()
    }

    /// Volatile messages that passed by unseen so far.
    pub fn dropped(&self) -> u64 {
        self.feeds.iter().map(|feed| feed.dropped()).sum()
    }
}

fn receive(feed: Arc<dyn Feed>) -> Receiving {
    Box::pin(async move {
        let batch = feed.receive(BATCH).await;
        (feed, batch)
    })
}

impl Control {
    /// Watches the topics that `filter` chooses, those of durable topics from `start` on.
    ///
    /// # Errors
    /// [`BusError`] if the bus lets nobody watch now.
    pub async fn tail(&self, filter: &TopicFilter, start: Start) -> Result<Tail, BusError> {
        let mut feeds = Vec::new();
        let mut covered = false;
        let snapshot = self.snapshot.load_full();
        for (declared, settings) in snapshot.config().topics.iter() {
            let Some(both) = filter.intersection(declared) else { continue };
            covered |= declared.covers(filter);
            let start = if settings.level == Level::Durable { start } else { Start::New };
            feeds.push(self.watch(Some(declared.clone()), both, start).await?);
        }
        if !covered {
            feeds.push(self.watch(None, filter.clone(), Start::New).await?);
        }
        let next = feeds.iter().map(|feed| receive(Arc::clone(feed))).collect();
        Ok(Tail { feeds, next })
    }

    async fn watch(
        &self,
        topic: Option<TopicFilter>,
        filter: TopicFilter,
        start: Start,
    ) -> Result<Arc<dyn Feed>, BusError> {
        let interest = Interest { topic, filter, consumer: Consumer::Watcher { start }, window: WINDOW };
        self.ports.bus.subscribe(interest).await
    }
}

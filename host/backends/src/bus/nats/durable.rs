//! Feeds of durable topics. A task of its own asks the consumer for as many messages as the window has room for, keeps what
//! came until it is handed out and settled, and tells the server meanwhile that it is being worked on.

mod hands;
mod pull;
mod pump;

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patchbay_model::bus::BusError;
use patchbay_model::ports::{BoxFuture, Feed, Incoming, Settlement};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::consumer::{self, Found, Kind, Wanted};
use super::deliveries::{Deliveries, Owner};
use super::link::Link;
use hands::Hands;
use pump::Pump;

/// The longest that a feed takes to end: what it could not give back by then comes back when the server misses it.
const ENDING: Duration = Duration::from_secs(10);

/// What a feed and its task share.
struct Shared {
    hands: Mutex<Hands>,
    /// There is something to hand out, or the feed ends.
    arrived: Notify,
    /// There is something to settle, or room.
    changed: Notify,
    closing: watch::Sender<bool>,
    done: watch::Sender<bool>,
    owner: Owner,
}

impl Shared {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    fn end(&self) {
        self.closing.send_replace(true);
        self.changed.notify_one();
        self.arrived.notify_waiters();
    }

    async fn ended(&self) {
        let mut done = self.done.subscribe();
        if timeout(ENDING, done.wait_for(|done| *done)).await.is_err() {
            tracing::warn!(consumer = self.owner.consumer, "a feed does not end; what it had comes back by itself");
        }
    }
}

/// A feed of a durable topic.
pub(super) struct DurableFeed(Arc<Shared>);

/// The feeds that are there, by what they share.
#[derive(Default)]
pub(super) struct Feeds(Mutex<Vec<Weak<Shared>>>);

impl Feeds {
    fn all(&self) -> Vec<Arc<Shared>> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.iter().filter_map(Weak::upgrade).filter(|feed| !*feed.done.borrow()).collect()
    }

    /// Messages that the feeds of a consumer have in their hands.
    pub(super) fn held(&self, stream: &str, consumer: &str) -> usize {
        let own = self.all().into_iter().filter(|feed| feed.owner.stream == stream && feed.owner.consumer == consumer);
        own.map(|feed| feed.hands().len()).sum()
    }

    fn are_there(&self, owner: &Owner) -> bool {
        self.all().iter().any(|feed| feed.owner == *owner)
    }

    /// Ends all of them.
    pub(super) async fn close(&self) {
        let feeds = self.all();
        feeds.iter().for_each(|feed| feed.end());
        for feed in feeds {
            feed.ended().await;
        }
    }
}

/// Begins to feed from a consumer.
pub(super) async fn feed(
    link: &Arc<Link>,
    deliveries: &Arc<Deliveries>,
    feeds: &Feeds,
    wanted: Wanted,
    ordered: bool,
) -> Result<(DurableFeed, Vec<String>), BusError> {
    let Found { stream, name, out, deliveries: count, drift } = consumer::ensure(link, &wanted, None).await?;
    let owner = Owner { stream, consumer: name };
    let tracked = matches!(wanted.kind, Kind::Group { .. });
    // What a host left behind that is gone comes back when the server misses it. Until then newer messages would overtake it.
    let left_behind =
        tracked && ordered && out > feeds.held(&owner.stream, &owner.consumer) && !feeds.are_there(&owner);
    let pause = if left_behind && deliveries.closed_at(link, &owner).await != i64::try_from(count).ok() {
        tracing::info!(
            group = owner.consumer,
            messages = out,
            "waiting for messages that a host left behind, to keep their order"
        );
        link.settings.ack_wait
    } else {
        Duration::ZERO
    };
    let shared = Arc::new(Shared {
        hands: Mutex::new(Hands::new(wanted.window, tracked, ordered)),
        arrived: Notify::new(),
        changed: Notify::new(),
        closing: watch::Sender::new(false),
        done: watch::Sender::new(false),
        owner,
    });
    let pump = Pump::new(Arc::clone(link), Arc::clone(deliveries), wanted, Arc::clone(&shared), pause).await?;
    feeds.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&shared));
    tokio::spawn(pump.run());
    Ok((DurableFeed(shared), drift))
}

impl Feed for DurableFeed {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            loop {
                // Listening before looking, so that nothing is missed in between.
                let mut arrived = pin!(self.0.arrived.notified());
                arrived.as_mut().enable();
                if self.0.is_closing() {
                    return Vec::new();
                }
                let taken = self.0.hands().take(max);
                if !taken.is_empty() {
                    // Those of a watcher make room when they are taken.
                    self.0.changed.notify_one();
                    return taken;
                }
                arrived.await;
            }
        })
    }

    fn settle(&self, token: u64, settlement: Settlement) {
        self.0.hands().settle(token, settlement);
        self.0.changed.notify_one();
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.end();
            self.0.ended().await;
        })
    }

    fn dropped(&self) -> u64 {
        0
    }
}

impl Drop for DurableFeed {
    fn drop(&mut self) {
        self.0.end();
    }
}

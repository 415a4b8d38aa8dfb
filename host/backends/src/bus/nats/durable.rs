//! Feeds of durable topics. For each consumer, one task asks for as many messages as the windows of its feeds have room for,
//! keeps what came until it is handed out and settled, and tells the server meanwhile that it is being worked on.

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
use tokio::time::{Instant, timeout};

use super::consumer::{self, Found, Kind, Wanted};
use super::deliveries::{Deliveries, Owner};
use super::link::Link;
pub(super) use hands::Counts;
use hands::Hands;
use pump::Pump;

/// The longest that a feed takes to end: what it could not give back by then comes back when the server misses it.
const ENDING: Duration = Duration::from_secs(10);

/// What the feeds of a consumer and their task share.
struct Shared {
    hands: Mutex<Hands>,
    /// There is something to hand out, or feeds end.
    arrived: Notify,
    /// There is something to settle, or room.
    changed: Notify,
    closing: watch::Sender<bool>,
    done: watch::Sender<bool>,
    owner: Owner,
    ordered: bool,
}

impl Shared {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Has the task give everything back and end.
    fn end(&self) {
        self.hands().close();
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
pub(super) struct DurableFeed {
    shared: Arc<Shared>,
    seat: u64,
}

/// The consumers that this host feeds from.
#[derive(Default)]
pub(super) struct Pools(Mutex<Vec<Weak<Shared>>>);

impl Pools {
    fn all(&self) -> Vec<Arc<Shared>> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.iter().filter_map(Weak::upgrade).filter(|pool| !*pool.done.borrow()).collect()
    }

    /// Where the messages of a consumer are.
    pub(super) fn counts(&self, stream: &str, consumer: &str) -> Counts {
        let now = Instant::now();
        let own = self.all().into_iter().filter(|pool| pool.owner.stream == stream && pool.owner.consumer == consumer);
        own.map(|pool| pool.hands().counts(now)).fold(Counts::default(), |sum, one| Counts {
            out: sum.out + one.out,
            ready: sum.ready + one.ready,
            retrying: sum.retrying + one.retrying,
        })
    }

    /// Joins those that feed from a consumer already, if there are any.
    async fn join(&self, owner: &Owner, ordered: bool, window: u32) -> Option<DurableFeed> {
        for shared in self.all().into_iter().filter(|pool| pool.owner == *owner && pool.ordered == ordered) {
            let seat = shared.hands().join(window);
            match seat {
                Some(seat) => {
                    shared.changed.notify_one();
                    return Some(DurableFeed { shared, seat });
                }
                // The last one leaves just now. What it gives back is there when it is done.
                None => shared.ended().await,
            }
        }
        None
    }

    /// Ends all of them.
    pub(super) async fn close(&self) {
        let pools = self.all();
        pools.iter().for_each(|pool| pool.end());
        for pool in pools {
            pool.ended().await;
        }
    }
}

/// Begins to feed from a consumer. Returns what of the consumer is not as it should be, too.
pub(super) async fn feed(
    link: &Arc<Link>,
    deliveries: &Arc<Deliveries>,
    pools: &Pools,
    wanted: Wanted,
    ordered: bool,
) -> Result<(DurableFeed, Vec<String>), BusError> {
    let Found { stream, name, out, deliveries: count, drift } = consumer::ensure(link, &wanted, None).await?;
    let (owner, window) = (Owner { stream, consumer: name }, wanted.window);
    if let Some(feed) = pools.join(&owner, ordered, window).await {
        return Ok((feed, drift));
    }
    let tracked = matches!(wanted.kind, Kind::Group { .. });
    // What a host left behind that is gone comes back when the server misses it. Until then newer messages would overtake it.
    let left_behind =
        tracked && ordered && out > 0 && deliveries.closed_at(link, &owner).await != i64::try_from(count).ok();
    let pause = if left_behind { link.settings.ack_wait } else { Duration::ZERO };
    if left_behind {
        tracing::info!(
            group = owner.consumer,
            messages = out,
            "waiting for messages that a host left behind, to keep their order"
        );
    }
    let mut hands = Hands::new(tracked, ordered);
    let seat = hands.join(window).unwrap_or_default();
    let shared = Arc::new(Shared {
        hands: Mutex::new(hands),
        arrived: Notify::new(),
        changed: Notify::new(),
        closing: watch::Sender::new(false),
        done: watch::Sender::new(false),
        owner,
        ordered,
    });
    let pump = Pump::new(Arc::clone(link), Arc::clone(deliveries), wanted, Arc::clone(&shared), pause).await?;
    pools.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&shared));
    tokio::spawn(pump.run());
    Ok((DurableFeed { shared, seat }, drift))
}

impl DurableFeed {
    /// Leaves. Returns whether nobody is left, so that everything goes back to the server.
    fn leave(&self) -> bool {
        let last = self.shared.hands().leave(self.seat);
        if last {
            self.shared.end();
        }
        self.shared.arrived.notify_waiters();
        last
    }
}

impl Feed for DurableFeed {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            loop {
                // Listening before looking, so that nothing is missed in between.
                let mut arrived = pin!(self.shared.arrived.notified());
                arrived.as_mut().enable();
                if self.shared.is_closing() {
                    return Vec::new();
                }
                {
                    let mut hands = self.shared.hands();
                    let taken = hands.take(self.seat, max);
                    if !taken.is_empty() || !hands.has(self.seat) {
                        // Those of a watcher make room when they are taken.
                        self.shared.changed.notify_one();
                        return taken;
                    }
                }
                arrived.await;
            }
        })
    }

    fn settle(&self, token: u64, settlement: Settlement) {
        let mut hands = self.shared.hands();
        hands.settle(self.seat, token, settlement);
        let more = hands.is_ready();
        drop(hands);
        self.shared.changed.notify_one();
        if more {
            // There is room in the window now for what is here already.
            self.shared.arrived.notify_waiters();
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.leave() {
                self.shared.ended().await;
            }
        })
    }

    fn dropped(&self) -> u64 {
        0
    }
}

impl Drop for DurableFeed {
    fn drop(&mut self) {
        self.leave();
    }
}

//! The messages of one subscription that are in the hands of this host: those that can be handled now, and those that wait
//! for one with the same key.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::bus::{Message, Order};
use patchbay_model::ports::{Feed, Incoming, Settlement};
use tokio::sync::{Notify, Semaphore};

/// One message in the hands of this host, and the feed that it came from.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) feed: Arc<dyn Feed>,
    /// The credit of the feed, which gets one back when the message is settled.
    pub(super) credit: Arc<Semaphore>,
    pub(super) incoming: Incoming,
}

impl Held {
    /// Says what becomes of it, and lets the feed hand out another one.
    pub(super) fn settle(&self, settlement: Settlement) {
        self.feed.settle(self.incoming.token, settlement);
        self.credit.add_permits(1);
    }

    fn key(&self) -> Option<Arc<Message>> {
        self.incoming.message.key().is_some().then(|| Arc::clone(&self.incoming.message))
    }
}

/// What waits to be handled.
pub(super) struct Intake {
    order: Order,
    queues: Mutex<Queues>,
    /// Told once for each message that can be handled.
    ready: Notify,
}

#[derive(Default)]
struct Queues {
    ready: VecDeque<Held>,
    /// The keys that a message is in hand of, with those that wait for it.
    keys: HashMap<String, VecDeque<Held>>,
    /// Nothing is begun any more.
    closed: bool,
}

impl Intake {
    pub(super) fn new(order: Order) -> Self {
        Self { order, queues: Mutex::default(), ready: Notify::new() }
    }

    /// Takes in what a feed handed out.
    pub(super) fn add(&self, feed: &Arc<dyn Feed>, credit: &Arc<Semaphore>, batch: Vec<Incoming>) {
        let mut queues = self.queues();
        for incoming in batch {
            let held = Held { feed: Arc::clone(feed), credit: Arc::clone(credit), incoming };
            if self.order == Order::Key
                && let Some(message) = held.key()
                && let Some(key) = message.key()
            {
                if let Some(waiting) = queues.keys.get_mut(key) {
                    waiting.push_back(held);
                    continue;
                }
                queues.keys.insert(key.to_owned(), VecDeque::new());
            }
            queues.ready.push_back(held);
            self.ready.notify_one();
        }
    }

    /// Takes one in again that keeps its key.
    pub(super) fn put_back(&self, held: Held) {
        self.queues().ready.push_back(held);
        self.ready.notify_one();
    }

    /// The message was settled: the next one with its key may be handled.
    pub(super) fn done(&self, held: &Held) {
        if self.order != Order::Key {
            return;
        }
        let Some(key) = held.incoming.message.key() else { return };
        let mut queues = self.queues();
        match queues.keys.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => {
                queues.ready.push_back(next);
                self.ready.notify_one();
            }
            None => drop(queues.keys.remove(key)),
        }
    }

    /// Waits for the next message that can be handled; `None` once the intake is closed.
    pub(super) async fn next(&self) -> Option<Held> {
        loop {
            let ready = self.ready.notified();
            {
                let mut queues = self.queues();
                if queues.closed {
                    return None;
                }
                if let Some(held) = queues.ready.pop_front() {
                    // `notify_one` keeps one permit only, and there may be more than one message.
                    if !queues.ready.is_empty() {
                        self.ready.notify_one();
                    }
                    return Some(held);
                }
            }
            ready.await;
        }
    }

    /// How many can be handled and are not yet.
    pub(super) fn waiting(&self) -> usize {
        self.queues().ready.len()
    }

    /// Hands out nothing any more. What is left goes back with its feed.
    pub(super) fn close(&self) {
        let mut queues = self.queues();
        queues.closed = true;
        queues.ready.clear();
        queues.keys.clear();
        drop(queues);
        self.ready.notify_waiters();
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A consumer group, or a watcher, of volatile topics: a bounded queue in memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use patchbay_model::bus::{Message, TopicFilter};
use patchbay_model::ports::{BoxFuture, Settlement};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::feed::{Desk, Take};
use super::options::QueueLimits;
use super::pool::{Parcel, Pool, Taken, Terms};

/// What a consumer group is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The declaration whose messages it gets; `None`: what is not declared.
    pub(super) topic: Option<TopicFilter>,
    /// The topics among them.
    pub(super) filter: TopicFilter,
    /// Its name; `None`: a watcher, which shares with nobody.
    pub(super) name: Option<Arc<str>>,
}

/// A consumer group of volatile topics.
#[derive(Debug)]
pub(super) struct VolatileGroup {
    pub(super) key: Key,
    limits: QueueLimits,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug)]
struct Queue {
    pool: Pool,
    /// What the messages take that were never handed out, in bytes.
    bytes: usize,
    next: u64,
    dropped: BTreeMap<u64, u64>,
}

impl VolatileGroup {
    pub(super) fn new(key: Key, limits: QueueLimits) -> Self {
        let terms = Terms { settled: key.name.is_some(), stored: false, waiting: 0 };
        let queue = Queue { pool: Pool::new(terms), bytes: 0, next: 1, dropped: BTreeMap::new() };
        Self { key, limits, queue: Mutex::new(queue), changed: Notify::new() }
    }

    /// Takes in a member.
    pub(super) fn join(&self, member: u64, window: u32) {
        let mut queue = self.queue();
        queue.pool.join(member, window);
        queue.dropped.insert(member, 0);
        queue.bound_waiting();
    }

    /// Puts a message into the queue. If that is full, it is dropped and counted. Returns whether anybody is there.
    pub(super) fn offer(&self, message: &Arc<Message>, size: usize, stored: SystemTime) -> bool {
        let mut queue = self.queue();
        if !queue.pool.has_members() {
            return false;
        }
        let is_full = queue.pool.n_fresh() >= self.limits.messages || queue.bytes + size > self.limits.bytes;
        // One message always has a place, however large it is.
        if is_full && queue.pool.n_fresh() > 0 {
            let first = queue.pool.first_member();
            if let Some(dropped) = first.and_then(|first| queue.dropped.get_mut(&first)) {
                *dropped += 1;
            }
            return true;
        }
        let place = queue.next;
        queue.next += 1;
        queue.bytes += size;
        queue.pool.add(place, Parcel { message: Arc::clone(message), stored });
        drop(queue);
        self.changed.notify_waiters();
        true
    }

    /// Ends the feeds of all members.
    pub(super) fn close(&self) {
        self.queue().pool.dismiss();
        self.changed.notify_waiters();
    }

    /// Whether somebody is there who takes messages.
    pub(super) fn is_served(&self) -> bool {
        self.queue().pool.has_members()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// As many may wait to be tried again as may be in somebody's hands.
    fn bound_waiting(&mut self) {
        let limit = self.pool.windows();
        self.pool.set_waiting_limit(limit);
    }
}

impl Desk for VolatileGroup {
    fn take(&self, member: u64, max: NonZeroUsize) -> Take {
        let mut queue = self.queue();
        let fresh = queue.pool.n_fresh();
        match queue.pool.take(member, max, Instant::now()) {
            Taken::Handed(handed) => {
                let new = fresh - queue.pool.n_fresh();
                let begin = handed.len().saturating_sub(new);
                let taken: usize = handed.iter().skip(begin).map(|incoming| incoming.message.size()).sum();
                queue.bytes = queue.bytes.saturating_sub(taken);
                Take::Handed(handed)
            }
            Taken::Nothing(due) => Take::Nothing(due),
            Taken::Full | Taken::Lacking => Take::Nothing(None),
            Taken::Closed => Take::Closed,
        }
    }

    fn load(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn settle(&self, member: u64, token: u64, settlement: Settlement) {
        self.queue().pool.settle(member, token, settlement, Instant::now());
        self.changed.notify_waiters();
    }

    fn leave(&self, member: u64) {
        let mut queue = self.queue();
        queue.pool.leave(member);
        queue.bound_waiting();
        drop(queue);
        self.changed.notify_waiters();
    }

    fn dropped(&self, member: u64) -> u64 {
        self.queue().dropped.get(&member).copied().unwrap_or_default()
    }

    fn changed(&self) -> &Notify {
        &self.changed
    }
}

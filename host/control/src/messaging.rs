//! Messages: what services publish, and what is delivered to those that subscribe.
//!
//! The bus carries messages and counts attempts; everything else is decided here, and so is the same for every bus: who may
//! publish, how many messages are handled at a time and in which order, when one is tried again, and what becomes of
//! one that cannot be handled. A delivery is a call, and takes the same channel as any other.

mod access;
mod dead_letter;
mod dead_letters;
mod intake;
mod interests;
mod judge;
mod overview;
mod publish;
mod publishing;
mod status;
mod subscription;
mod subscriptions;
mod tail;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::ServiceName;
use patchbay_model::bus::TopicFilter;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use access::topic_ground;
pub use dead_letter::{DeadLetter, Death};
pub use dead_letters::{DeadLetterPlace, StoredDeadLetter};
pub(crate) use overview::SubscriptionCounts;
pub use overview::SubscriptionView;
pub use publish::ServiceMessaging;
pub use status::State as SubscriptionState;
pub use tail::Tail;

use subscription::Running;

/// What control keeps of messages and subscriptions.
pub(crate) struct MessagingState {
    /// How many snapshots there were.
    shown: watch::Sender<u64>,
    /// Up to which of them subscriptions are arranged. None before the host is up, when nothing is delivered.
    arranged: watch::Sender<Option<u64>>,
    stop: CancellationToken,
    running: Mutex<BTreeMap<(ServiceName, TopicFilter), Arc<Running>>>,
    /// Part of every id that this run of the host gives.
    run: u64,
    ids: AtomicU64,
}

impl MessagingState {
    pub(crate) fn new(run: u64) -> Self {
        Self {
            shown: watch::Sender::default(),
            arranged: watch::Sender::default(),
            stop: CancellationToken::new(),
            running: Mutex::default(),
            run,
            ids: AtomicU64::new(1),
        }
    }

    /// Notes that there is another snapshot.
    pub(crate) fn shown(&self) {
        self.shown.send_modify(|shown| *shown += 1);
    }

    /// An id that no other message has.
    fn new_id(&self) -> String {
        format!("{:016x}-{:x}", self.run, self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<(ServiceName, TopicFilter), Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

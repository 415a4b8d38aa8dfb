//! Instances that wait for their next call. The one that this thread used last is used first: its memory is warm, and
//! those in excess grow old and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use patchbay_model::InstancePolicy;

use super::Shared;
use super::guest::Guest;
use crate::meter::now;
use crate::revision::Revision;
use crate::shards::Shards;
use crate::usage::{Idle, Instances};

/// The idle instances of one revision.
pub(super) struct Pool {
    idle: Shards<Vec<Resting>>,
    /// Set while nothing is kept.
    cold: AtomicBool,
    instances: Arc<Instances>,
    /// Calls that an instance may serve.
    uses: u32,
    /// Instances that are kept.
    room: usize,
    patience: Duration,
}

struct Resting {
    guest: Guest,
    since: Instant,
    _idle: Idle,
}

impl Pool {
    pub(super) fn new(revision: &Revision) -> Self {
        let limits = &revision.settings.limits;
        Self {
            idle: Shards::default(),
            cold: AtomicBool::new(false),
            instances: revision.instances.clone(),
            uses: revision.capacity().0,
            room: if revision.policy == InstancePolicy::Fresh { 0 } else { limits.concurrency as usize },
            patience: revision.settings.instance_idle,
        }
    }

    pub(super) fn take(&self) -> Option<Guest> {
        if self.room == 0 {
            return None;
        }
        let resting = self.idle.nearest_first().find_map(|mut idle| idle.pop());
        resting.map(|resting| resting.guest)
    }

    /// Keeps an instance that is whole, if it may serve again.
    pub(super) fn put(&self, guest: Guest) {
        if self.room == 0 || guest.uses >= self.uses {
            return;
        }
        let is_full = self.instances.read().idle >= self.room as u64;
        let resting = Resting { guest, since: now(), _idle: Idle::new(self.instances.clone()) };
        let mut idle = self.idle.lock(self.idle.own());
        // Asked under the lock, so that no instance comes to rest after the pool was emptied for good.
        let refused = if is_full || self.cold.load(Ordering::SeqCst) {
            Some(resting)
        } else {
            idle.push(resting);
            None
        };
        drop(idle);
        drop(refused);
    }

    pub(super) fn warm(&self) {
        self.cold.store(false, Ordering::SeqCst);
    }

    pub(super) fn cool(&self) {
        self.cold.store(true, Ordering::SeqCst);
        for mut idle in self.idle.nearest_first() {
            let old = std::mem::take(&mut *idle);
            // Instances are taken down without the lock.
            drop(idle);
            drop(old);
        }
    }

    /// Lets go of the instances that have waited for too long: those at the bottom of each stack.
    fn sweep(&self) {
        let now = now();
        for mut idle in self.idle.nearest_first() {
            let is_old = |resting: &&Resting| now.saturating_duration_since(resting.since) >= self.patience;
            let count = idle.iter().take_while(is_old).count();
            let old = idle.drain(..count).collect::<Vec<_>>();
            drop(idle);
            drop(old);
        }
    }
}

/// Sweeps the pool of a revision for as long as there is one.
pub(super) async fn sweep(shared: Weak<Shared>) {
    let Some(patience) = shared.upgrade().map(|shared| shared.pool.patience) else { return };
    let pause = (patience / 4).clamp(Duration::from_millis(5), Duration::from_secs(5));
    let mut interval = tokio::time::interval(pause);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.pool.sweep();
    }
}

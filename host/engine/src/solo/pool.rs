//! Instances that wait for their next call. The one that this thread used last is used first: its memory is warm, and
//! those in excess grow old and go.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::InstancePolicy;
use patchbay_striped::Spread;

use super::Shared;
use super::guest::Guest;
use crate::revision::Revision;
use crate::shards::Shards;
use crate::usage::Instances;

/// The idle instances of one revision.
pub(super) struct Pool {
    idle: Shards<Vec<Resting>>,
    /// Set while nothing is kept.
    cold: AtomicBool,
    instances: Spread<Instances>,
    /// Calls that an instance may serve.
    uses: u32,
    /// Instances that are kept.
    room: usize,
    patience: Duration,
    /// How often the pool was swept. It is the clock of those that wait: a real one is looked at for none of them.
    sweeps: AtomicU64,
}

struct Resting {
    guest: Box<Guest>,
    /// The sweeps before it came.
    since: u64,
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
            sweeps: AtomicU64::new(0),
        }
    }

    pub(super) fn take(&self) -> Option<Box<Guest>> {
        if self.room == 0 {
            return None;
        }
        let resting = self.idle.nearest_first().find_map(|mut idle| idle.pop())?;
        self.instances.set_out(1);
        Some(resting.guest)
    }

    /// Keeps an instance that is whole, if it may serve again.
    pub(super) fn put(&self, guest: Box<Guest>) {
        if self.room == 0 || guest.uses >= self.uses {
            return;
        }
        let resting = Resting { guest, since: self.sweeps.load(Ordering::Relaxed) };
        let mut idle = self.idle.lock(self.idle.own());
        // Asked under the lock, so that no instance comes to rest after the pool was emptied for good.
        let refused = if self.is_full(idle.len()) || self.cold.load(Ordering::SeqCst) {
            Some(resting)
        } else {
            idle.push(resting);
            self.instances.came_to_rest();
            None
        };
        drop(idle);
        drop(refused);
    }

    /// Whether no more are kept, when this thread keeps `own`. While none keeps more than its share, all together do not either, and
    /// nobody needs to look what the others have.
    fn is_full(&self, own: usize) -> bool {
        own >= self.room / self.idle.count() && self.instances.read().idle >= self.room as u64
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
            self.instances.set_out(old.len());
            drop(old);
        }
    }

    /// Lets go of the instances that have waited for too long: those at the bottom of each stack.
    fn sweep(&self) {
        let now = self.sweeps.fetch_add(1, Ordering::Relaxed);
        // One more, because those who came between two sweeps have not waited for all of the first.
        let patience = self.patience.as_nanos().div_ceil(self.pause().as_nanos().max(1)) + 1;
        for mut idle in self.idle.nearest_first() {
            let is_old = |resting: &&Resting| u128::from(now.saturating_sub(resting.since)) >= patience;
            let count = idle.iter().take_while(is_old).count();
            let old = idle.drain(..count).collect::<Vec<_>>();
            drop(idle);
            self.instances.set_out(old.len());
            drop(old);
        }
    }

    /// The time between two sweeps.
    fn pause(&self) -> Duration {
        (self.patience / 4).clamp(Duration::from_millis(5), Duration::from_secs(5))
    }
}

/// Sweeps the pool of a revision for as long as there is one.
pub(super) async fn sweep(shared: Weak<Shared>) {
    let Some(pause) = shared.upgrade().map(|shared| shared.pool.pause()) else { return };
    let mut interval = tokio::time::interval(pause);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.pool.sweep();
    }
}

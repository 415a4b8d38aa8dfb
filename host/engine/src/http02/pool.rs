//! Instances that wait for their next call. The one used last is used first, so that those in excess grow old and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use patchbay_model::InstancePolicy;

use super::Shared;
use super::guest::Guest;
use crate::meter::now;
use crate::revision::Revision;
use crate::usage::{Idle, Instances};

/// The idle instances of one revision.
pub(super) struct Pool {
    idle: Mutex<Vec<Resting>>,
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
            idle: Mutex::default(),
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
        self.lock().pop().map(|resting| resting.guest)
    }

    /// Keeps an instance that is whole, if it may serve again.
    pub(super) fn put(&self, guest: Guest) {
        if self.room == 0 || guest.uses >= self.uses {
            return;
        }
        let resting = Resting { guest, since: now(), _idle: Idle::new(self.instances.clone()) };
        let mut idle = self.lock();
        // Asked under the lock, so that no instance comes to rest after the pool was emptied for good.
        let refused = if self.cold.load(Ordering::Relaxed) || idle.len() >= self.room {
            Some(resting)
        } else {
            idle.push(resting);
            None
        };
        drop(idle);
        drop(refused);
    }

    pub(super) fn warm(&self) {
        self.cold.store(false, Ordering::Relaxed);
    }

    pub(super) fn cool(&self) {
        let idle = {
            let mut idle = self.lock();
            self.cold.store(true, Ordering::Relaxed);
            std::mem::take(&mut *idle)
        };
        // Instances are taken down without the lock.
        drop(idle);
    }

    /// Lets go of the instances that have waited for too long: those at the bottom of the stack.
    fn sweep(&self) {
        let now = now();
        let old = {
            let mut idle = self.lock();
            let old =
                idle.iter().take_while(|resting| now.saturating_duration_since(resting.since) >= self.patience).count();
            idle.drain(..old).collect::<Vec<_>>()
        };
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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

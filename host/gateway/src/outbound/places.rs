//! How many connections a service has at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::policy::Origin;
use super::pool::Pool;

/// The connections of one service, over all its revisions.
#[derive(Default)]
pub(super) struct Places {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    taken: u32,
    /// Where connections wait for their next request.
    pools: Vec<Weak<Pool>>,
}

/// The place of one connection. Given back when dropped.
pub(super) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().taken -= 1;
        self.0.tell();
    }
}

impl Places {
    pub(super) fn add(&self, pool: Weak<Pool>) {
        let mut state = self.lock();
        state.pools.retain(|pool| pool.strong_count() > 0);
        state.pools.push(pool);
    }

    /// Takes a place, if fewer than `limit` are taken.
    pub(super) fn take(self: &Arc<Self>, limit: u32) -> Option<Place> {
        let mut state = self.lock();
        let free = state.taken < limit;
        state.taken += u32::from(free);
        drop(state);
        free.then(|| Place(self.clone()))
    }

    /// Ends a connection that waits for a request, whichever revision it belongs to, but none that `asking` could use for
    /// `origin`. Its place is free a moment later.
    pub(super) fn clear(&self, asking: &Pool, origin: Option<&Origin>) {
        let pools = self.lock().pools.clone();
        let mut pools = pools.iter().filter_map(Weak::upgrade);
        let _ = pools.any(|pool| pool.discard(origin.filter(|_| std::ptr::eq(&*pool, asking))));
    }

    /// Connections that wait for a request.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().pools.iter().filter_map(Weak::upgrade).map(|pool| pool.waiting()).sum()
    }

    /// Tells those who wait that a place is free, or a connection.
    pub(super) fn tell(&self) {
        self.changed.notify_waiters();
    }

    /// Completes with the next change. Has to be enabled before the places are looked at.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

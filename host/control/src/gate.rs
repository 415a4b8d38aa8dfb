//! The gate of a revision: counts the calls that are on it, and closes for good when it is replaced.
//!
//! A call enters in one atomic step that fails if the gate is closed, so between "no call is on it" and "nobody can
//! come any more" there is no gap in which a call could be lost.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

const CLOSED: u64 = 1 << 63;

/// Counts calls until it is closed and empty.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The number of calls, and [`CLOSED`].
    state: AtomicU64,
    emptied: Notify,
}

/// One call that went through the gate. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Gate>);

impl Gate {
    /// Lets a call through, unless the gate is closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let entered = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| (state & CLOSED == 0).then_some(state + 1));
        entered.is_ok().then(|| Pass(Arc::clone(self)))
    }

    /// Lets nobody through any more.
    pub(crate) fn close(&self) {
        if self.state.fetch_or(CLOSED, Ordering::AcqRel) & !CLOSED == 0 {
            self.emptied.notify_waiters();
        }
    }

    /// The calls that are on the revision.
    pub(crate) fn n_calls(&self) -> u64 {
        self.state.load(Ordering::Acquire) & !CLOSED
    }

    /// Waits until the gate is closed and the last call has left.
    pub(crate) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            // Registered before the look at the state, so that a call that leaves in between is not missed.
            emptied.as_mut().enable();
            if self.state.load(Ordering::Acquire) == CLOSED {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.state.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_empties_and_lets_nobody_in() {
        let gate = Arc::<Gate>::default();
        let (first, second) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert_eq!(gate.n_calls(), 2);
        let second_leaves = async {
            tokio::task::yield_now().await;
            gate.close();
            assert!(gate.enter().is_none());
            drop(first);
            tokio::task::yield_now().await;
            drop(second);
        };
        let (emptied, ()) = tokio::join!(timeout(Duration::from_secs(1), gate.emptied()), second_leaves);
        assert!(emptied.is_ok());
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_gate_is_never_emptied() {
        let gate = Arc::<Gate>::default();
        drop(gate.enter());
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_err());
        gate.close();
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_ok());
    }
}

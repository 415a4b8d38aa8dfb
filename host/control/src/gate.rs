//! The gate of a revision: counts the calls that are on it, and closes for good when it is replaced.
//!
//! A call enters in one atomic step that fails if the gate is closed, so between "no call is on it" and "nobody can
//! come any more" there is no gap in which a call could be lost.

use std::pin::pin;
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

impl Gate {
    /// Lets a call through, unless the gate is closed. One that is let through has to leave, once.
    pub(crate) fn enter(&self) -> bool {
        let entered = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| (state & CLOSED == 0).then_some(state + 1));
        entered.is_ok()
    }

    /// A call that was let through is over.
    pub(crate) fn leave(&self) {
        if self.state.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1 {
            self.emptied.notify_waiters();
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_closed_gate_empties_and_lets_nobody_in() {
        let gate = Gate::default();
        assert!(gate.enter() && gate.enter());
        assert_eq!(gate.n_calls(), 2);
        let second_leaves = async {
            tokio::task::yield_now().await;
            gate.close();
            assert!(!gate.enter());
            gate.leave();
            tokio::task::yield_now().await;
            gate.leave();
        };
        let (emptied, ()) = tokio::join!(timeout(Duration::from_secs(1), gate.emptied()), second_leaves);
        assert!(emptied.is_ok());
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_gate_is_never_emptied() {
        let gate = Gate::default();
        assert!(gate.enter());
        gate.leave();
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_err());
        gate.close();
        assert!(timeout(Duration::from_secs(1), gate.emptied()).await.is_ok());
    }
}

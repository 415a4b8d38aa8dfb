//! The gate of a revision: counts the calls that are on it, and closes for good when it is replaced.
//!
//! A call counts itself in, and only then looks whether the gate is closed; whoever closes it says so, and only then counts. So
//! one of the two sees the other, and between "no call is on it" and "nobody can come any more" there is no gap in which a
//! call could be lost. Each thread counts for itself: all calls of a service go through here.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use patchbay_striped::Striped;
use tokio::sync::Notify;

/// Counts calls until it is closed and empty.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed: AtomicBool,
    /// Calls that came in less those that left, for each thread: one that leaves by another thread than it came in by counts less
    /// than nothing there, and only the sum says how many there are.
    calls: Striped<AtomicU64>,
    emptied: Notify,
}

impl Gate {
    /// Lets a call through, unless the gate is closed. One that is let through has to leave, once.
    pub(crate) fn enter(&self) -> bool {
        self.calls.own().fetch_add(1, Ordering::SeqCst);
        let entered = !self.closed.load(Ordering::SeqCst);
        if !entered {
            self.leave();
        }
        entered
    }

    /// A call that was let through is over.
    pub(crate) fn leave(&self) {
        self.calls.own().fetch_sub(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.emptied.notify_waiters();
        }
    }

    /// Lets nobody through any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.emptied.notify_waiters();
    }

    /// The calls that are on the revision. Once the gate is closed, never less than there are: then they only leave, and one that is
    /// turned away counts until it has gone.
    pub(crate) fn n_calls(&self) -> u64 {
        self.calls.sum(|calls| calls.load(Ordering::SeqCst))
    }

    /// Waits until the gate is closed and the last call has left.
    pub(crate) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            // Registered before the look at the calls, so that one that leaves in between is not missed.
            emptied.as_mut().enable();
            if self.closed.load(Ordering::SeqCst) && self.n_calls() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_is_inside_once_it_is_closed_and_empty() {
        for _ in 0..200 {
            let (gate, inside) = (Arc::new(Gate::default()), Arc::new(AtomicU64::new(0)));
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
                    tokio::spawn(async move {
                        while gate.enter() {
                            inside.fetch_add(1, Ordering::SeqCst);
                            // It may leave by another thread.
                            tokio::task::yield_now().await;
                            inside.fetch_sub(1, Ordering::SeqCst);
                            gate.leave();
                        }
                    })
                })
                .collect();
            tokio::task::yield_now().await;
            gate.close();
            gate.emptied().await;
            assert_eq!(inside.load(Ordering::SeqCst), 0);
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(gate.n_calls(), 0);
        }
    }

    /// One thread comes in at the moment at which another one closes the gate. Either it is turned away, or it is seen.
    #[test]
    fn nobody_comes_in_unseen_while_it_closes() {
        const ROUNDS: usize = 100_000;
        let gates: Vec<_> = (0..ROUNDS).map(|_| Gate::default()).collect();
        let (begun, entered) = (AtomicU64::new(0), AtomicU64::new(0));
        let wait = |count: &AtomicU64, number: u64| {
            while count.load(Ordering::SeqCst) < number {
                std::thread::yield_now();
            }
        };
        let (mut refused, mut seen) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (number, gate) in (1..).zip(&gates) {
                    wait(&begun, number);
                    // A little later each time.
                    (0..number % 64).for_each(|_| std::hint::spin_loop());
                    // Twice the number of the round, and one more if it came in.
                    entered.store(2 * number + u64::from(gate.enter()), Ordering::SeqCst);
                }
            });
            let mut unseen = 0;
            for (number, gate) in (1..).zip(&gates) {
                begun.store(number, Ordering::SeqCst);
                gate.close();
                let is_empty = gate.n_calls() == 0;
                wait(&entered, 2 * number);
                match entered.load(Ordering::SeqCst) % 2 == 1 {
                    false => refused += 1,
                    true if is_empty => unseen += 1,
                    true => seen += 1,
                }
            }
            assert_eq!(unseen, 0, "{refused} were turned away and {seen} seen");
        });
    }
}

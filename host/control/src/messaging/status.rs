//! How a subscription does.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Whether it works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// It is about to.
    #[default]
    Starting,
    /// It takes messages.
    Active,
    /// It cannot, for this reason, and tries again.
    Waiting(String),
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The state and the numbers of a subscription, since it was started.
#[derive(Debug, Default)]
pub(super) struct Status {
    state: watch::Sender<State>,
    /// Messages that were handed to the service, each attempt once.
    pub(super) delivered: Counter,
    /// Messages that are done.
    pub(super) acknowledged: Counter,
    /// Attempts that failed and are followed by another.
    pub(super) retried: Counter,
    /// Messages that became dead letters.
    pub(super) buried: Counter,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Status {
    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until it takes messages, or is known to be unable to for now.
    pub(super) async fn begun(&self) {
        // The sender is at hand, so this cannot fail.
        let _ = self.state.subscribe().wait_for(|state| *state != State::Starting).await;
    }

    /// Messages that the service is at work on.
    pub(super) fn in_flight(&self) -> u64 {
        let ended = self.ended.load(Ordering::Acquire);
        self.begun.load(Ordering::Acquire).saturating_sub(ended)
    }

    pub(super) fn begin(&self) -> Begun<'_> {
        self.begun.fetch_add(1, Ordering::Release);
        Begun(self)
    }
}

/// A message that the service is at work on.
pub(super) struct Begun<'s>(&'s Status);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}

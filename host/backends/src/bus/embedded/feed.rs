//! Feeds: how one who subscribed asks for messages and waits for them.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;

use patchbay_model::ports::{BoxFuture, Feed, Incoming, Settlement};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Where feeds get their messages: a consumer group, or what a watcher watches.
pub(super) trait Desk: Send + Sync + 'static {
    /// Hands out up to `max` messages.
    fn take(&self, member: u64, max: NonZeroUsize) -> Take;

    /// Fetches what is not in memory.
    fn load(&self) -> BoxFuture<'_, ()>;

    /// Says what becomes of a message.
    fn settle(&self, member: u64, token: u64, settlement: Settlement);

    /// Lets a member go. What is in its hands comes back.
    fn leave(&self, member: u64);

    /// Messages that were dropped while it was the member's turn to take them.
    fn dropped(&self, member: u64) -> u64;

    /// Told whenever there may be something to take.
    fn changed(&self) -> &Notify;
}

/// What there is for a member.
pub(super) enum Take {
    /// These.
    Handed(Vec<Incoming>),
    /// Nothing before [`Desk::load`] was called.
    Unloaded,
    /// Nothing before this time, or before something changes.
    Nothing(Option<Instant>),
    /// Nothing ever again.
    Closed,
}

/// A feed of a desk.
pub(super) struct DeskFeed<D: Desk> {
    desk: Arc<D>,
    member: u64,
}

impl<D: Desk> DeskFeed<D> {
    /// The feed of a member that has joined.
    pub(super) const fn new(desk: Arc<D>, member: u64) -> Self {
        Self { desk, member }
    }
}

impl<D: Desk> Feed for DeskFeed<D> {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            if let Take::Handed(handed) = self.desk.take(self.member, max) {
                return handed;
            }
            loop {
                // Whatever changes after the look wakes the wait.
                let mut changed = pin!(self.desk.changed().notified());
                changed.as_mut().enable();
                match self.desk.take(self.member, max) {
                    Take::Handed(handed) => return handed,
                    Take::Closed => return Vec::new(),
                    Take::Unloaded => self.desk.load().await,
                    Take::Nothing(None) => changed.await,
                    Take::Nothing(Some(due)) => tokio::select! {
                        () = changed => {}
                        () = sleep_until(due) => {}
                    },
                }
            }
        })
    }

    fn settle(&self, token: u64, settlement: Settlement) {
        self.desk.settle(self.member, token, settlement);
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.desk.leave(self.member) })
    }

    fn dropped(&self) -> u64 {
        self.desk.dropped(self.member)
    }
}

impl<D: Desk> Drop for DeskFeed<D> {
    fn drop(&mut self) {
        self.desk.leave(self.member);
    }
}

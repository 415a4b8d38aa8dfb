//! The life of an instance: one future, which more than one may poll.
//!
//! A task of its own, the resident, polls it whenever something wakes it. But whoever hands the instance a call polls
//! it too, on the spot. For most calls that is all the polling it takes: they are answered without a task being woken,
//! a timer being set or a thread being changed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::task::{Context, Poll, Waker};

use crate::meter;

/// All that an instance does, from its start to its end.
type Whole = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The life of one instance.
#[derive(Default)]
pub(super) struct Life {
    /// Absent before its beginning and after its end.
    whole: Mutex<Option<Whole>>,
    /// The waker of the resident, once that has run.
    resident: OnceLock<Waker>,
    /// Whether the resident came while somebody else polled.
    missed: AtomicBool,
}

impl Life {
    /// Begins a life, here and now, and leaves what remains of it to a resident.
    pub(super) fn begin(self: &Arc<Self>, whole: impl Future<Output = ()> + Send + 'static) {
        if let Ok(mut place) = self.whole.lock() {
            *place = Some(Box::pin(whole));
        }
        // The resident's first turn sees all that happens from here on, so until then nobody has to be woken.
        if self.turn(Waker::noop()) != Some(Poll::Ready(())) {
            let life = Arc::clone(self);
            tokio::spawn(std::future::poll_fn(move |cx| life.reside(cx)));
        }
    }

    /// Gives the instance a turn on this thread. `false` if that cannot be done now: the resident has to be woken.
    pub(super) fn assist(&self) -> bool {
        let Some(waker) = self.resident.get() else { return false };
        let Some(turn) = self.turn(waker) else { return false };
        if turn.is_ready() || self.missed.swap(false, Ordering::SeqCst) {
            waker.wake_by_ref();
        }
        true
    }

    /// Polls, unless somebody else does, or this thread is inside a guest already: wasmtime's event loops do not nest.
    fn turn(&self, waker: &Waker) -> Option<Poll<()>> {
        if meter::is_guest_here() {
            return None;
        }
        let mut place = match self.whole.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let Some(whole) = place.as_mut() else { return Some(Poll::Ready(())) };
        let polled = whole.as_mut().poll(&mut Context::from_waker(waker));
        if polled.is_ready() {
            *place = None;
        }
        Some(polled)
    }

    fn reside(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.resident.get_or_init(|| cx.waker().clone());
        loop {
            if let Some(polled) = self.turn(cx.waker()) {
                return polled;
            }
            // Whoever polls now looks for this mark when it is done. It may have been done just before the mark was
            // set, so the first to set it tries once more.
            if self.missed.swap(true, Ordering::SeqCst) {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn a_life_that_ends_at_once_needs_no_resident() {
        let life = Arc::new(Life::default());
        life.begin(async {});
        assert!(life.resident.get().is_none() && life.whole.lock().unwrap().is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn turns_of_all_add_up_and_none_is_lost() {
        let (life, news, count) = (Arc::new(Life::default()), Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let (ended, end) = oneshot::channel();
        let (heard, counted) = (news.clone(), count.clone());
        life.begin(async move {
            while counted.load(Ordering::SeqCst) < 1000 {
                heard.notified().await;
            }
            let _ = ended.send(());
        });
        let tellers = (0..4).map(|_| {
            let (life, news, count) = (life.clone(), news.clone(), count.clone());
            tokio::spawn(async move {
                for _ in 0..250 {
                    count.fetch_add(1, Ordering::SeqCst);
                    news.notify_one();
                    life.assist();
                    tokio::task::yield_now().await;
                }
            })
        });
        for teller in tellers.collect::<Vec<_>>() {
            teller.await.unwrap();
        }
        tokio::time::timeout(std::time::Duration::from_secs(30), end).await.unwrap().unwrap();
    }
}

//! The life of an instance: one future, which more than one may poll.
//!
//! A task of its own, the resident, polls it whenever something wakes it. But whoever hands the instance a call polls
//! it too, on the spot. For most calls that is all the polling it takes: they are answered without a task being woken,
//! a timer being set or a thread being changed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::task::{Context, Poll, Wake, Waker};

use crate::errand::Errands;
use crate::meter;

/// All that an instance does, from its start to its end.
type Whole = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Turns in a row that wake-ups from within a turn are good for. What then still wants one gets it from the resident.
const ROUNDS: usize = 4;

/// Turns in a row after which an errand was over at once. A guest that has nothing but such errands lets others have the thread now
/// and then.
const ERRANDS: usize = 64;

/// The life of one instance.
pub(super) struct Life {
    /// Absent before its beginning and after its end.
    whole: Mutex<Option<Whole>>,
    bell: Arc<Bell>,
    waker: Waker,
    /// Whether the resident came while somebody else polled.
    missed: AtomicBool,
    errands: Arc<Errands>,
}

impl Default for Life {
    fn default() -> Self {
        let bell = Arc::<Bell>::default();
        let waker = Waker::from(Arc::clone(&bell));
        Self { whole: Mutex::default(), bell, waker, missed: AtomicBool::default(), errands: Arc::default() }
    }
}

/// Wakes the resident, but not for what happens in the course of a turn: most that an instance waits for is done by itself
/// then, and whoever gives it the turn sees to that.
#[derive(Default)]
struct Bell {
    /// The waker of the resident, once that has run.
    resident: OnceLock<Waker>,
    in_turn: AtomicBool,
    rung: AtomicBool,
}

impl Bell {
    /// Polls until nothing rings any more, or often enough. After each time the errands are begun; that tells whether one is over.
    fn turns(&self, mut poll: impl FnMut() -> Poll<()>, mut begin_errands: impl FnMut() -> bool) -> Poll<()> {
        self.in_turn.store(true, Ordering::SeqCst);
        let (mut rounds, mut errands) = (0, 0);
        let polled = loop {
            self.rung.store(false, Ordering::SeqCst);
            let polled = poll();
            // One that has had the thread for long enough lets others have it before its next turn.
            let used_up = meter::tick_fell();
            if begin_errands() {
                errands += 1;
            } else {
                rounds += 1;
            }
            let often_enough = rounds == ROUNDS || errands == ERRANDS || used_up || meter::tick_fell();
            if polled.is_ready() || often_enough || !self.rung.load(Ordering::SeqCst) {
                break polled;
            }
        };
        self.in_turn.store(false, Ordering::SeqCst);
        // Asked again, because whoever rang just before found a turn that was as good as over.
        if polled.is_pending() && self.rung.swap(false, Ordering::SeqCst) {
            self.call_resident();
        }
        polled
    }

    fn call_resident(&self) {
        // Where there is none yet, its first turn sees all that happened.
        if let Some(resident) = self.resident.get() {
            resident.wake_by_ref();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if !self.in_turn.load(Ordering::SeqCst) {
            self.call_resident();
        }
    }
}

impl Life {
    /// Begins a life, here and now, and leaves what remains of it to a resident.
    pub(super) fn begin(self: &Arc<Self>, whole: impl Future<Output = ()> + Send + 'static) {
        if let Ok(mut place) = self.whole.lock() {
            *place = Some(Box::pin(whole));
        }
        // The resident's first turn sees all that happens from here on, so until then nobody has to be woken.
        if self.turn() != Some(Poll::Ready(())) {
            let life = Arc::clone(self);
            tokio::spawn(std::future::poll_fn(move |cx| life.reside(cx)));
        }
    }

    /// Gives the instance a turn on this thread. `false` if that cannot be done now: the resident has to be woken.
    pub(super) fn assist(&self) -> bool {
        let Some(resident) = self.bell.resident.get() else { return false };
        let Some(turn) = self.turn() else { return false };
        if turn.is_ready() || self.missed.swap(false, Ordering::SeqCst) {
            resident.wake_by_ref();
        }
        true
    }

    /// Polls, unless somebody else does, or this thread is inside a guest already: wasmtime's event loops do not nest.
    fn turn(&self) -> Option<Poll<()>> {
        if meter::is_guest_here() {
            return None;
        }
        let mut place = match self.whole.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(place)) => place.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let Some(whole) = place.as_mut() else { return Some(Poll::Ready(())) };
        let poll = || whole.as_mut().poll(&mut Context::from_waker(&self.waker));
        let polled = self.bell.turns(poll, || self.errands.begin());
        if polled.is_ready() {
            *place = None;
        }
        Some(polled)
    }

    /// What the instance wants done after its turns.
    pub(super) fn errands(&self) -> Arc<Errands> {
        Arc::clone(&self.errands)
    }

    fn reside(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.bell.resident.get_or_init(|| cx.waker().clone());
        loop {
            if let Some(polled) = self.turn() {
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
        assert!(life.bell.resident.get().is_none() && life.whole.lock().unwrap().is_none());
    }

    /// How often a bell has a future polled that rings so many times, each time it is polled, and how often it wakes the
    /// resident; with or without an errand that is over each time.
    fn polls(rings: usize, errand: bool) -> (usize, usize) {
        struct Resident(AtomicU32);
        impl Wake for Resident {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (bell, resident) = (Arc::<Bell>::default(), Arc::new(Resident(AtomicU32::new(0))));
        bell.resident.get_or_init(|| Waker::from(Arc::clone(&resident)));
        let mut polls = 0;
        let poll = || {
            polls += 1;
            if polls <= rings {
                bell.wake_by_ref();
            }
            Poll::Pending
        };
        let polled = bell.turns(poll, || errand);
        assert!(polled.is_pending());
        let woken = resident.0.load(Ordering::SeqCst) as usize;
        bell.wake_by_ref();
        assert_eq!(resident.0.load(Ordering::SeqCst) as usize, woken + 1, "between turns it wakes at once");
        (polls, woken)
    }

    #[test]
    fn what_rings_within_a_turn_has_another_one_and_wakes_nobody_unless_it_does_not_end() {
        for (rings, expected) in [(0, (1, 0)), (1, (2, 0)), (ROUNDS - 1, (ROUNDS, 0)), (100, (ROUNDS, 1))] {
            assert_eq!(polls(rings, false), expected, "{rings}");
        }
        for (rings, expected) in [(0, (1, 0)), (10, (11, 0)), (ERRANDS - 1, (ERRANDS, 0)), (100, (ERRANDS, 1))] {
            assert_eq!(polls(rings, true), expected, "{rings} with errands");
        }
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

//! Places that many threads take and give back: a semaphore of which each thread keeps what it gave back.
//!
//! In one counter, every thread would have to wait for it whenever another one had it last. Here a place that is given back
//! stays with its thread, and who comes next there takes it without touching what others touch. A thread that has none left
//! takes a free one, or one that another thread keeps. As soon as somebody waits for a place, none is kept any more: each goes to
//! whoever has waited for longest.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::striped::Striped;

/// So many places. Whoever takes one gives it back, once.
#[derive(Debug)]
pub struct Places {
    /// Places that nobody has or keeps.
    free: Semaphore,
    /// Places that threads keep for who comes next.
    kept: Striped<AtomicU32>,
    /// Those who wait for a place.
    waiting: AtomicU32,
    /// Places that were taken away while they were taken; the next ones that are given back go instead.
    debt: AtomicUsize,
}

/// Counts somebody who waits for as long as they wait, also if the future is dropped.
#[derive(Debug)]
pub struct Waiting<'a>(&'a Places);

impl Places {
    /// So many of them.
    pub fn new(count: usize) -> Self {
        Self {
            free: Semaphore::new(count.min(Semaphore::MAX_PERMITS)),
            kept: Striped::default(),
            waiting: AtomicU32::new(0),
            debt: AtomicUsize::new(0),
        }
    }

    /// Takes one, if there is one that nobody has.
    pub fn try_take(&self) -> bool {
        take(self.kept.own()) || self.take_free() || self.kept.iter().any(take)
    }

    /// Joins those who wait for one, unless there are `most` already.
    pub fn wait(&self, most: u32) -> Option<Waiting<'_>> {
        let joined = self
            .waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |waiting| (waiting < most).then_some(waiting + 1));
        joined.ok().map(|_| Waiting(self))
    }

    /// Gives one back.
    pub fn give(&self) {
        if self.is_in_demand() {
            self.settle();
            return;
        }
        let kept = self.kept.own();
        kept.fetch_add(1, Ordering::SeqCst);
        // Whoever began to wait meanwhile looks at what is kept after that. Either they see this place, or it is seen here that
        // they wait; and if both is so, one of the two has it.
        if self.is_in_demand() && take(kept) {
            self.settle();
        }
    }

    /// So many more.
    pub fn add(&self, count: usize) {
        for _ in 0..count {
            self.settle();
        }
    }

    /// So many less: those that are taken, as soon as they are given back.
    pub fn remove(&self, count: usize) {
        let taken = self.free.forget_permits(count);
        self.debt.fetch_add(count - taken, Ordering::SeqCst);
        // Looked at after it was said what is owed: whoever keeps a place looks at what is owed after that.
        for kept in self.kept.iter() {
            while self.debt.load(Ordering::SeqCst) > 0 && take(kept) {
                self.settle();
            }
        }
    }

    /// How many wait for one.
    pub fn n_waiting(&self) -> u32 {
        self.waiting.load(Ordering::SeqCst)
    }

    /// How many of `total` places are taken.
    pub fn n_taken(&self, total: usize) -> usize {
        let kept: usize = self.kept.iter().map(|kept| kept.load(Ordering::SeqCst) as usize).sum();
        let owed = self.debt.load(Ordering::SeqCst);
        (total + owed).saturating_sub(self.free.available_permits() + kept)
    }

    fn take_free(&self) -> bool {
        self.free.try_acquire().is_ok_and(|place| {
            place.forget();
            true
        })
    }

    /// Whether a place that is given back is anybody's but this thread's.
    fn is_in_demand(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0 || self.debt.load(Ordering::SeqCst) > 0
    }

    /// Gives a place to those whom one is owed, or who wait, or else to everybody.
    fn settle(&self) {
        let owed = self.debt.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |debt| debt.checked_sub(1));
        if owed.is_err() {
            self.free.add_permits(1);
        }
    }
}

impl Waiting<'_> {
    /// Waits until there is one, and takes it. First come, first served.
    pub async fn take(&self) {
        // One that was given back before it was known that somebody waits is still kept.
        if self.0.try_take() {
            return;
        }
        if let Ok(place) = self.0.free.acquire().await {
            place.forget();
        }
        debug_assert!(!self.0.free.is_closed(), "nobody closes it");
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Takes one out of those that are kept, if there is one.
fn take(kept: &AtomicU32) -> bool {
    kept.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests;

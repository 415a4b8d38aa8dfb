//! Shards: what each thread keeps for itself, so that threads need not wait for each other, and so that an instance is
//! used where its memory is warm. Others take from a shard only what they do not find in their own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use patchbay_striped::{own_stripe, stripe_count};

/// One `T` for each stripe of threads.
#[derive(Debug)]
pub(crate) struct Shards<T> {
    first: CachePadded<Mutex<T>>,
    others: Box<[CachePadded<Mutex<T>>]>,
}

impl<T: Default> Default for Shards<T> {
    fn default() -> Self {
        let others = (1..stripe_count()).map(|_| CachePadded::default()).collect();
        Self { first: CachePadded::default(), others }
    }
}

impl<T> Shards<T> {
    /// How many there are, at least one.
    pub(crate) const fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// The number of this thread's shard, for whoever looks later for what was put there.
    pub(crate) fn own(&self) -> usize {
        own_stripe()
    }

    /// The shard of this number.
    pub(crate) fn lock(&self, number: usize) -> MutexGuard<'_, T> {
        let shard = number.checked_sub(1).and_then(|place| self.others.get(place)).unwrap_or(&self.first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All shards in turn, that of this thread first. Each is locked only while it is looked at.
    pub(crate) fn nearest_first(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        let own = self.own();
        (own..own + self.count()).map(|number| self.lock(number % self.count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_begins_with_its_own() {
        let shards = Shards::<Vec<u32>>::default();
        shards.lock(shards.own()).push(1);
        assert_eq!(shards.nearest_first().next().unwrap().as_slice(), [1]);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                assert!(shards.lock(shards.own()).is_empty(), "another thread has another shard");
                shards.nearest_first().flat_map(|mut shard| shard.pop()).collect::<Vec<_>>()
            });
            assert_eq!(other.join().unwrap(), [1], "and finds what the others have");
        });
    }
}

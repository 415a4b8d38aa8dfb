//! Counters.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::striped::Striped;

/// A counter that many threads add to, and few read.
#[derive(Debug, Default)]
pub struct Count(Striped<AtomicU64>);

impl Count {
    /// Adds so many.
    pub fn add(&self, more: u64) {
        self.0.own().fetch_add(more, Ordering::Relaxed);
    }

    /// Takes off so many, which were added before, be it by another thread.
    pub fn sub(&self, less: u64) {
        self.0.own().fetch_sub(less, Ordering::Relaxed);
    }

    /// The sum, as of no single moment ([`Striped::sum`]).
    pub fn read(&self) -> u64 {
        self.0.sum(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_thread_adds_another_takes_off() {
        let count = Count::default();
        assert_eq!(count.read(), 0);
        count.add(5);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                count.sub(7);
                assert_eq!(count.read(), 0, "never below nothing");
                count.add(4);
            });
        });
        assert_eq!(count.read(), 2);
    }

    #[test]
    fn nothing_is_lost_between_many_threads() {
        let count = Count::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        count.add(3);
                        count.sub(1);
                    }
                });
            }
        });
        assert_eq!(count.read(), 8 * 10_000 * 2);
    }
}

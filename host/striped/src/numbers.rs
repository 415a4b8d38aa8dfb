//! Numbers that are each given once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::striped::Striped;

/// Numbers that a stripe takes at a time.
const BLOCK: u64 = 64;

/// Gives numbers from 1 on, each once; those of one thread grow. Those of different threads are from different blocks, so that all
/// together have gaps for as long as there are threads that have not used up theirs.
#[derive(Debug)]
pub struct Numbers {
    /// Where the next block begins.
    next: AtomicU64,
    /// The number that each stripe gives next; one where a block begins is none of its own.
    blocks: Striped<AtomicU64>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), blocks: Striped::default() }
    }
}

impl Numbers {
    /// The next one.
    pub fn next(&self) -> u64 {
        let block = self.blocks.own();
        let mut place = block.load(Ordering::Relaxed);
        loop {
            let number =
                if place.is_multiple_of(BLOCK) { self.next.fetch_add(BLOCK, Ordering::Relaxed) } else { place };
            // Where two threads share the stripe, one of them may have been faster; then a block that was begun in vain stays unused.
            match block.compare_exchange(place, number + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return number + 1,
                Err(now) => place = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_thread_has_them_in_turn() {
        let numbers = Numbers::default();
        assert_eq!((0..200).map(|_| numbers.next()).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    }

    #[test]
    fn each_is_given_once() {
        const THREADS: usize = 16;
        let numbers = Numbers::default();
        let given = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..THREADS).map(|_| scope.spawn(|| (0..10_000).map(|_| numbers.next()).collect::<Vec<_>>())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(given.iter().all(|given| given.is_sorted()));
        let all: HashSet<_> = given.iter().flatten().collect();
        assert_eq!(all.len(), THREADS * 10_000);
    }
}

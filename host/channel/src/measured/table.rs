//! A table that only grows, and no further than its bound: what is in it is found without a lock, because entries stay where
//! they are for as long as the table is there.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Chains of entries; a key belongs to one of them.
const CHAINS: usize = 16;

/// What tells entries apart.
pub(super) trait Key {
    /// The same, as an entry keeps it: in the memory of the entry itself, which nobody writes, because it is compared with for
    /// each call.
    type Kept: fmt::Debug;

    /// Which chain it belongs to: any number, the same for the same key. Cheap, because it is asked for each call.
    fn chain(&self) -> usize;

    /// What an entry keeps.
    fn kept(&self) -> Self::Kept;

    /// Whether it is the same.
    fn is(&self, kept: &Self::Kept) -> bool;
}

/// Entries by key.
#[derive(Debug)]
pub(super) struct Table<K: Key, V> {
    chains: [OnceLock<Box<Entry<K, V>>>; CHAINS],
    /// Places that are taken.
    taken: AtomicUsize,
    most: usize,
}

#[derive(Debug)]
struct Entry<K: Key, V> {
    key: K::Kept,
    value: V,
    next: OnceLock<Box<Entry<K, V>>>,
}

impl<K: Key, V> Table<K, V> {
    /// An empty table that takes this many entries at most.
    pub(super) fn new(most: usize) -> Self {
        Self { chains: [const { OnceLock::new() }; CHAINS], taken: AtomicUsize::new(0), most }
    }

    /// The value of a key, made by `make` if it is not there; `None` if there is no room for it.
    pub(super) fn get(&self, key: &K, make: impl Fn() -> V) -> Option<&V> {
        let mut link = self.chains.get(key.chain() % CHAINS)?;
        loop {
            let entry = match link.get() {
                Some(entry) => entry,
                None => {
                    let has_room = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                        (taken < self.most).then_some(taken + 1)
                    });
                    has_room.ok()?;
                    let mut made = false;
                    let entry = link.get_or_init(|| {
                        made = true;
                        Box::new(Entry { key: key.kept(), value: make(), next: OnceLock::new() })
                    });
                    if !made {
                        // Somebody else was faster, and has a place of their own.
                        self.taken.fetch_sub(1, Ordering::AcqRel);
                    }
                    entry
                }
            };
            if key.is(&entry.key) {
                return Some(&entry.value);
            }
            link = &entry.next;
        }
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K::Kept, &V)> {
        self.chains.iter().flat_map(|chain| {
            let first = chain.get();
            std::iter::successors(first, |entry| entry.next.get()).map(|entry| (&entry.key, &entry.value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Key for u32 {
        type Kept = Self;

        fn chain(&self) -> usize {
            *self as usize
        }

        fn kept(&self) -> Self {
            *self
        }

        fn is(&self, kept: &Self) -> bool {
            self == kept
        }
    }

    #[test]
    fn entries_are_found_again_and_no_more_than_there_may_be() {
        let table = Table::new(40);
        for round in 0..2 {
            for key in 0..50_u32 {
                let found = table.get(&key, || (key * 2, round));
                let expected = (key < 40).then_some((key * 2, 0));
                assert_eq!(found.copied(), expected, "{key}");
            }
        }
        let mut keys: Vec<_> = table.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn many_threads_make_each_entry_once() {
        let table = Table::<u32, AtomicUsize>::new(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..10_000 {
                        let count = table.get(&(number % 64), AtomicUsize::default).unwrap();
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let counts: Vec<_> = table.iter().map(|(_, count)| count.load(Ordering::Relaxed)).collect();
        assert_eq!((counts.len(), counts.iter().sum::<usize>()), (64, 40_000));
        assert_eq!(table.taken.load(Ordering::Relaxed), 64);
    }
}

//! Where the numbers of a keyed rate are: in a place of fixed size.
//!
//! A key whose next call is due says the same as one that was never seen, so it can be forgotten without anybody noticing.
//! Each newcomer looks at a few keys, one after the other around the whole, and takes away those that can be. Where there
//! is still no room, newcomers share one rate: a key that is in use is never forgotten, and no newcomer gets in unseen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore;

use super::key::Key;

/// Locks that calls of different keys are spread over.
const SHARDS: usize = 16;
/// Keys that one newcomer looks at. More than one, so that the idle ones grow fewer.
const STEPS: usize = 8;

/// The numbers of all keys.
#[derive(Debug)]
pub(super) struct Keys {
    shards: Box<[Mutex<Shard>]>,
    /// What a shard has room for.
    room: usize,
    /// Nanoseconds between two calls of a key.
    interval: u64,
    /// The number of those for whom there is no room.
    crowd: Mutex<Option<Nanos>>,
    crowded: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Shard {
    places: HashMap<Key, usize>,
    entries: Vec<Entry>,
    /// The entry that the next newcomer looks at first.
    hand: usize,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    /// When its next call is due, as `governor` counts.
    due: Nanos,
}

impl Keys {
    /// Room for so many keys, each of which has a call due every `interval`. `crowded` counts the calls that shared.
    pub(super) fn new(room: usize, interval: Duration, crowded: Arc<AtomicU64>) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            room: room.div_ceil(SHARDS).max(1),
            interval: Nanos::from(interval).as_u64(),
            crowd: Mutex::default(),
            crowded,
        }
    }

    fn shard(&self, key: Key) -> Option<MutexGuard<'_, Shard>> {
        let number = usize::try_from(key % SHARDS as u128).unwrap_or_default();
        self.shards.get(number).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().entries.len()).sum()
    }
}

impl Shard {
    fn find(&mut self, key: Key) -> Option<&mut Nanos> {
        let place = *self.places.get(&key)?;
        self.entries.get_mut(place).map(|entry| &mut entry.due)
    }

    /// Takes away what is idle among the next few.
    fn sweep(&mut self, now: u64) {
        for _ in 0..STEPS {
            match self.entries.get(self.hand) {
                None => self.hand = 0,
                Some(entry) if entry.due.as_u64() > now => self.hand += 1,
                Some(_) => {
                    let idle = self.entries.swap_remove(self.hand);
                    self.places.remove(&idle.key);
                    if let Some(moved) = self.entries.get(self.hand) {
                        self.places.insert(moved.key, self.hand);
                    }
                }
            }
        }
    }

    fn insert(&mut self, key: Key, due: Nanos) {
        self.places.insert(key, self.entries.len());
        self.entries.push(Entry { key, due });
    }
}

impl StateStore for Keys {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if let Some(mut shard) = self.shard(*key) {
            if let Some(due) = shard.find(*key) {
                let (outcome, next) = f(Some(*due))?;
                *due = next;
                return Ok(outcome);
            }
            let (outcome, next) = f(None)?;
            // After its first call the next one of a key is due in one interval; so that is how late it is now.
            shard.sweep(next.as_u64().saturating_sub(self.interval));
            if shard.entries.len() < self.room {
                shard.insert(*key, next);
                return Ok(outcome);
            }
        }
        self.crowded.fetch_add(1, Ordering::Relaxed);
        let mut crowd = self.crowd.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, next) = f(*crowd)?;
        *crowd = Some(next);
        Ok(outcome)
    }
}

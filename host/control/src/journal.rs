//! A journal: the last records of something, kept for those who come late, and sent to those who follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use patchbay_model::LogRecord;
use patchbay_model::ports::LogSink;
use tokio::sync::broadcast;

/// One record with its number. Numbers count up by one and start at 1 with the host.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its number.
    pub number: u64,
    /// The record.
    pub record: T,
}

/// The last records, and a channel to those who follow. Memory is bounded: the oldest record makes room for the newest.
#[derive(Debug)]
pub struct Journal<T> {
    kept: Mutex<Kept<T>>,
    followers: broadcast::Sender<Arc<Entry<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    entries: VecDeque<Arc<Entry<T>>>,
    capacity: usize,
    next: u64,
}

/// What a reader gets: what was kept, and what comes from now on. Nothing is missing in between and nothing comes twice.
#[derive(Debug)]
pub struct Reading<T> {
    /// Kept records, oldest first.
    pub kept: Vec<Arc<Entry<T>>>,
    /// Records from now on. A reader that is too slow is told how many it missed.
    pub following: broadcast::Receiver<Arc<Entry<T>>>,
}

/// Records that a follower may lag behind before it misses some.
const FOLLOWER_LAG: usize = 1024;

impl<T> Journal<T> {
    /// A journal that keeps the last `capacity` records.
    pub fn new(capacity: usize) -> Self {
        let kept = Kept { entries: VecDeque::with_capacity(capacity.min(64)), capacity: capacity.max(1), next: 1 };
        Self { kept: Mutex::new(kept), followers: broadcast::Sender::new(FOLLOWER_LAG) }
    }

    /// Adds a record.
    pub fn append(&self, record: T) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(Entry { number: kept.next, record });
        kept.next += 1;
        if kept.entries.len() == kept.capacity {
            kept.entries.pop_front();
        }
        kept.entries.push_back(Arc::clone(&entry));
        // Sent under the lock, so that a reader sees it either among the kept or among the following. Nobody
        // following is no error.
        let _ = self.followers.send(entry);
    }

    /// Reads what is kept after record number `after`, and what follows.
    pub fn read(&self, after: u64) -> Reading<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            kept: kept.entries.iter().filter(|entry| entry.number > after).cloned().collect(),
            following: self.followers.subscribe(),
        }
    }
}

impl LogSink for Journal<LogRecord> {
    fn record(&self, record: LogRecord) {
        self.append(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readers_get_every_record_once() {
        let journal = Journal::new(3);
        for record in 'a'..='e' {
            journal.append(record);
        }
        let mut reading = journal.read(0);
        journal.append('f');
        let kept: Vec<_> = reading.kept.iter().map(|entry| (entry.number, entry.record)).collect();
        assert_eq!(kept, [(3, 'c'), (4, 'd'), (5, 'e')]);
        assert_eq!(reading.following.recv().await.unwrap().record, 'f');
        assert!(reading.following.try_recv().is_err());
        let later: Vec<_> = journal.read(5).kept.iter().map(|entry| entry.record).collect();
        assert_eq!(later, ['f']);
    }
}

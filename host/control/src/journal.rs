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

/// What a journal may hold. The oldest records make room for the newest one, which is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalBounds {
    /// Records.
    pub records: usize,
    /// What they take together, in bytes, as far as the journal knows what a record takes.
    pub bytes: usize,
}

/// The last records, and a channel to those who follow. Memory is bounded: the oldest record makes room for the newest.
#[derive(Debug)]
pub struct Journal<T> {
    kept: Mutex<Kept<T>>,
    followers: broadcast::Sender<Arc<Entry<T>>>,
    /// The bytes that a record takes.
    size: fn(&T) -> usize,
}

#[derive(Debug)]
struct Kept<T> {
    entries: VecDeque<Arc<Entry<T>>>,
    bounds: JournalBounds,
    /// What the entries take together.
    bytes: usize,
    next: u64,
}

impl<T> Kept<T> {
    /// Lets the oldest go until the bounds hold, but never the newest.
    fn shrink(&mut self, size: fn(&T) -> usize) {
        let JournalBounds { records, bytes } = self.bounds;
        while self.entries.len() > 1 && (self.entries.len() > records || self.bytes > bytes) {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(size(&oldest.record));
        }
    }
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
        Self::bounded(JournalBounds { records: capacity, bytes: usize::MAX }, |_| 0)
    }

    /// A journal within these bounds; `size` tells what a record takes.
    pub fn bounded(bounds: JournalBounds, size: fn(&T) -> usize) -> Self {
        let kept = Kept { entries: VecDeque::new(), bounds, bytes: 0, next: 1 };
        Self { kept: Mutex::new(kept), followers: broadcast::Sender::new(FOLLOWER_LAG), size }
    }

    /// Has other bounds hold from now on.
    pub fn rebound(&self, bounds: JournalBounds) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bounds = bounds;
        kept.shrink(self.size);
    }

    /// Adds a record.
    pub fn append(&self, record: T) {
        let size = (self.size)(&record);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(Entry { number: kept.next, record });
        kept.next += 1;
        kept.bytes = kept.bytes.saturating_add(size);
        kept.entries.push_back(Arc::clone(&entry));
        kept.shrink(self.size);
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

    #[test]
    fn memory_is_bounded_by_records_and_by_bytes() {
        let journal = Journal::bounded(JournalBounds { records: 3, bytes: 10 }, String::len);
        let kept = || journal.read(0).kept.iter().map(|entry| entry.record.len()).collect::<Vec<_>>();
        for (size, left) in [
            (4, vec![4]),
            (6, vec![4, 6]),
            (1, vec![6, 1]),
            (1, vec![6, 1, 1]),
            (1, vec![1, 1, 1]),
            (100, vec![100]),
            (0, vec![0]),
        ] {
            journal.append("x".repeat(size));
            assert_eq!(kept(), left);
        }
        (0..3).for_each(|_| journal.append("xx".to_owned()));
        journal.rebound(JournalBounds { records: 2, bytes: 3 });
        assert_eq!(kept(), [2]);
        journal.rebound(JournalBounds { records: 2, bytes: 10 });
        (0..5).for_each(|_| journal.append("xx".to_owned()));
        assert_eq!(kept(), [2, 2]);
    }
}

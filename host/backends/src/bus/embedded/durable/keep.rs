//! What is kept of a durable topic, and how it is read.

use std::collections::{BTreeSet, VecDeque};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use patchbay_model::bus::{BusError, TopicFilter};
use patchbay_model::ports::TopicStored;

use super::DurableTopic;
use crate::bus::embedded::codec;
use crate::bus::embedded::log::Entry;
use crate::bus::embedded::pool::Parcel;

/// The newest messages that are kept in memory for those who keep up: how many, and what they take in bytes.
const TAIL: (usize, usize) = (4096, 4 << 20);

/// How much is read at a time, in bytes.
const READ: usize = 4 << 20;

/// What is kept of a topic.
#[derive(Debug)]
pub(super) struct Kept {
    /// Everything before this place is gone.
    pub(super) first: u64,
    /// The place that comes next.
    pub(super) next: u64,
    /// The place of the newest message that there ever was.
    newest: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Removed one by one.
    removed: BTreeSet<u64>,
    damaged: BTreeSet<u64>,
    /// Damaged ones among those that are gone by now.
    damaged_before: u64,
    tail: VecDeque<(u64, Parcel)>,
    tail_bytes: usize,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The messages that were wanted.
    pub(super) parcels: Vec<(u64, Parcel)>,
    /// The place to go on from.
    pub(super) next: u64,
    /// Whether there was no more.
    pub(super) is_end: bool,
}

impl Kept {
    pub(super) const fn new(first: u64) -> Self {
        Self {
            first,
            next: first,
            newest: 0,
            messages: 0,
            bytes: 0,
            removed: BTreeSet::new(),
            damaged: BTreeSet::new(),
            damaged_before: 0,
            tail: VecDeque::new(),
            tail_bytes: 0,
        }
    }

    /// Notes a message that was stored.
    pub(super) fn add(&mut self, sequence: u64, size: usize) {
        self.messages += 1;
        self.bytes += size as u64;
        self.newest = sequence;
        self.next = sequence + 1;
    }

    /// Keeps a message in memory for those who keep up.
    pub(super) fn remember(&mut self, sequence: u64, parcel: Parcel) {
        self.tail_bytes += parcel.message.size();
        self.tail.push_back((sequence, parcel));
        while self.tail.len() > TAIL.0 || self.tail_bytes > TAIL.1 {
            self.forget_front();
        }
    }

    fn forget_front(&mut self) {
        if let Some((_, parcel)) = self.tail.pop_front() {
            self.tail_bytes = self.tail_bytes.saturating_sub(parcel.message.size());
        }
    }

    /// Notes that a message is gone that was neither the first nor removed before. Returns whether it was there.
    pub(super) fn remove(&mut self, sequence: u64, size: usize) -> bool {
        if sequence < self.first || !self.removed.insert(sequence) {
            return false;
        }
        self.gone(size);
        self.tail.retain(|(other, _)| *other != sequence);
        true
    }

    /// Notes that the oldest message is gone, and that the next one is at `first`.
    pub(super) fn drop_oldest(&mut self, size: usize, first: u64) {
        self.gone(size);
        self.advance(first);
    }

    /// Notes that nothing is kept before `first`.
    pub(super) fn advance(&mut self, first: u64) {
        self.first = first.max(self.first);
        self.removed = self.removed.split_off(&self.first);
        let damaged = self.damaged.split_off(&self.first);
        self.damaged_before += std::mem::replace(&mut self.damaged, damaged).len() as u64;
        while self.tail.front().is_some_and(|(sequence, _)| *sequence < self.first) {
            self.forget_front();
        }
    }

    fn gone(&mut self, size: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size as u64);
    }

    pub(super) fn is_removed(&self, sequence: u64) -> bool {
        self.removed.contains(&sequence)
    }

    /// Notes damaged places. Returns those that were not known.
    pub(super) fn note_damage(&mut self, places: Range<u64>) -> Vec<u64> {
        places.filter(|place| *place >= self.first && self.damaged.insert(*place)).collect()
    }

    pub(super) fn damaged(&self) -> u64 {
        self.damaged_before + self.damaged.len() as u64
    }

    pub(super) fn stored(&self) -> TopicStored {
        TopicStored {
            messages: self.messages,
            bytes: self.bytes,
            first: if self.messages == 0 { 0 } else { self.first },
            last: self.newest,
            damaged: self.damaged(),
        }
    }

    /// The newest message as it was known before a restart.
    pub(super) fn set_newest(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// What `filter` chooses from place `from` on, up to `limit` messages, if it is all in memory.
    pub(super) fn read(&self, from: u64, filter: &TopicFilter, limit: usize) -> Option<Read> {
        let from = from.max(self.first);
        let in_memory = from >= self.next || self.tail.front().is_some_and(|(front, _)| *front <= from);
        if !in_memory {
            return None;
        }
        let begin = self.tail.partition_point(|(sequence, _)| *sequence < from);
        let mut read = Read { next: self.next, is_end: true, ..Read::default() };
        for (sequence, parcel) in self.tail.iter().skip(begin) {
            if read.parcels.len() >= limit {
                read.next = *sequence;
                read.is_end = false;
                break;
            }
            if filter.matches(&parcel.message.topic) {
                read.parcels.push((*sequence, parcel.clone()));
            }
        }
        Some(read)
    }
}

impl DurableTopic {
    /// What `filter` chooses from place `from` on, up to `limit` messages, from memory or from the disk. Blocks.
    pub(super) fn read(&self, from: u64, filter: &TopicFilter, limit: usize) -> Result<Read, BusError> {
        let (from, next) = {
            let kept = self.kept();
            if let Some(read) = kept.read(from, filter, limit) {
                return Ok(read);
            }
            (from.max(kept.first), kept.next)
        };
        let mut found = Vec::new();
        let (mut bytes, mut at, mut stopped) = (0, from, false);
        let mut gaps = Vec::new();
        let read = self.log.read(from, |record| {
            if record.sequence >= next {
                return ControlFlow::Break(());
            }
            if found.len() >= limit || bytes > READ {
                stopped = true;
                return ControlFlow::Break(());
            }
            if record.sequence > at {
                gaps.push(at..record.sequence);
            }
            at = record.sequence + 1;
            if let Entry::Message(content) = record.entry {
                bytes += content.len();
                match codec::decode(content) {
                    Some(message) if filter.matches(&message.topic) => {
                        let parcel = Parcel { message: Arc::new(message), stored: record.stored };
                        found.push((record.sequence, parcel));
                    }
                    Some(_) => {}
                    None => gaps.push(record.sequence..at),
                }
            }
            ControlFlow::Continue(())
        });
        read.map_err(|error| self.refused("read", &error))?;
        if !stopped && at < next {
            gaps.push(at..next);
        }
        gaps.into_iter().for_each(|places| self.report_damage(places));
        let kept = self.kept();
        found.retain(|(sequence, _)| *sequence >= kept.first && !kept.is_removed(*sequence));
        Ok(Read { parcels: found, next: if stopped { at } else { next }, is_end: !stopped })
    }

    /// The message at one place, if it is there. Blocks.
    pub(super) fn read_one(&self, sequence: u64) -> Result<Option<Parcel>, BusError> {
        let mut found = None;
        let read = self.log.read(sequence, |record| {
            if let (Entry::Message(content), true) = (record.entry, record.sequence == sequence) {
                found =
                    codec::decode(content).map(|message| Parcel { message: Arc::new(message), stored: record.stored });
            }
            ControlFlow::Break(())
        });
        read.map_err(|error| self.refused("read", &error))?;
        let kept = self.kept();
        Ok(found.filter(|_| sequence >= kept.first && !kept.is_removed(sequence)))
    }

    /// Counts and logs damaged records that were not known.
    fn report_damage(&self, places: Range<u64>) {
        let new = self.kept().note_damage(places);
        if let (Some(first), Some(last)) = (new.first(), new.last()) {
            let (topic, folder) = (self.topic.as_str(), self.folder.display());
            tracing::error!(%topic, %folder, first, last, "{} records are damaged and are passed over", new.len());
        }
    }
}

//! What is counted of the instances of a service, across its revisions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use patchbay_model::ServiceName;
use patchbay_model::metrics::MEASURED;
use patchbay_striped::Striped;

/// What an instance can have used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Memory,
    TableElements,
    Handles,
    HandedOver,
    CoreInstances,
    Stack,
    CpuTime,
    /// Slots for instances, of which the host has only so many.
    Instances,
}

impl Limit {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 8] = [
        Self::Memory,
        Self::TableElements,
        Self::Handles,
        Self::HandedOver,
        Self::CoreInstances,
        Self::Stack,
        Self::CpuTime,
        Self::Instances,
    ];

    /// Its name in metrics: that of the setting, where there is one.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::TableElements => "table_elements",
            Self::Handles => "handles",
            Self::HandedOver => "handed-over",
            Self::CoreInstances => "core_instances",
            Self::Stack => "stack",
            Self::CpuTime => "cpu_time",
            Self::Instances => "instances",
        }
    }
}

/// The counts of one service.
#[derive(Debug, Default)]
pub(crate) struct ServiceTally {
    common: Striped<Common>,
    traps: AtomicU64,
    limits: [AtomicU64; Limit::ALL.len()],
    /// Bytes.
    unprinted: AtomicU64,
    /// Spans of its own that were dropped.
    lost_spans: AtomicU64,
}

/// What comes with calls that go well, as one thread counts it.
#[derive(Debug, Default)]
struct Common {
    started: AtomicU64,
    reused: AtomicU64,
    /// Bytes that its instances have now.
    memory: AtomicU64,
    /// Nanoseconds.
    busy: AtomicU64,
}

impl ServiceTally {
    /// An instance is made.
    pub(crate) fn started(&self) {
        self.count(|common| &common.started, 1);
    }

    /// A call goes to an instance that was there.
    pub(crate) fn reused(&self) {
        self.count(|common| &common.reused, 1);
    }

    /// An instance has so many more bytes.
    pub(crate) fn grown(&self, bytes: usize) {
        self.count(|common| &common.memory, bytes as u64);
    }

    /// An instance has so many bytes less.
    pub(crate) fn shrunk(&self, bytes: usize) {
        if MEASURED {
            self.common.own().memory.fetch_sub(bytes as u64, Ordering::Relaxed);
        }
    }

    /// A thread was in an instance for so long.
    pub(crate) fn worked(&self, time: Duration) {
        self.count(|common| &common.busy, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// An instance broke off.
    pub(crate) fn trapped(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance wanted more than it may have.
    pub(crate) fn hit(&self, limit: Limit) {
        if let Some(count) = self.limits.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Output of so many bytes was dropped.
    pub(crate) fn unprinted(&self, bytes: usize) {
        self.unprinted.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A span that an instance made was dropped.
    pub(crate) fn lost_span(&self) {
        self.lost_spans.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes that its instances have now.
    fn memory(&self) -> u64 {
        self.sum(|common| &common.memory)
    }

    fn count(&self, of: impl Fn(&Common) -> &AtomicU64, more: u64) {
        if MEASURED {
            of(self.common.own()).fetch_add(more, Ordering::Relaxed);
        }
    }

    fn sum(&self, of: impl Fn(&Common) -> &AtomicU64) -> u64 {
        self.common.sum(|common| of(common).load(Ordering::Relaxed))
    }

    /// All of them as numbers.
    pub(crate) fn read(&self) -> Reading {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Reading {
            started: self.sum(|common| &common.started),
            reused: self.sum(|common| &common.reused),
            memory: self.memory(),
            busy: Duration::from_nanos(self.sum(|common| &common.busy)),
            traps: read(&self.traps),
            limits: Limit::ALL.map(|limit| (limit, self.limits.get(limit as usize).map_or(0, read))),
            unprinted: read(&self.unprinted),
            lost_spans: read(&self.lost_spans),
        }
    }
}

/// The counts of a service as numbers.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) started: u64,
    pub(crate) reused: u64,
    pub(crate) memory: u64,
    pub(crate) busy: Duration,
    pub(crate) traps: u64,
    pub(crate) limits: [(Limit, u64); Limit::ALL.len()],
    pub(crate) unprinted: u64,
    pub(crate) lost_spans: u64,
}

/// The counts of all services that have a revision.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<BTreeMap<ServiceName, Weak<ServiceTally>>>);

impl Tallies {
    /// Those of a service, the same for as long as anybody has them.
    pub(crate) fn of(&self, service: &ServiceName) -> Arc<ServiceTally> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = all.get(service).and_then(Weak::upgrade) {
            return tally;
        }
        all.retain(|_, tally| tally.strong_count() > 0);
        let tally = Arc::<ServiceTally>::default();
        all.insert(service.clone(), Arc::downgrade(&tally));
        tally
    }

    /// Bytes that the instances of all services have now.
    pub(crate) fn memory(&self) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().filter_map(Weak::upgrade).map(|tally| tally.memory()).sum()
    }

    /// All of them by service.
    pub(crate) fn read(&self) -> Vec<(ServiceName, Reading)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(service, tally)| Some((service.clone(), tally.upgrade()?.read()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_outlive_a_revision_and_not_the_service() {
        let tallies = Tallies::default();
        let orders = "orders".parse().unwrap();
        let first = tallies.of(&orders);
        first.started();
        let second = tallies.of(&orders);
        drop(first);
        second.started();
        second.grown(30);
        tallies.of(&"stock".parse().unwrap()).grown(5);
        assert_eq!(tallies.memory(), 30, "one of the services is gone");
        assert_eq!(tallies.read().iter().map(|(_, reading)| reading.started).collect::<Vec<_>>(), [2]);
        drop(second);
        assert!(tallies.read().is_empty());
        assert_eq!(tallies.of(&orders).read().started, 0);
    }

    #[test]
    fn every_limit_has_its_place() {
        let tally = ServiceTally::default();
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place);
            tally.hit(limit);
        }
        assert!(tally.read().limits.iter().all(|(_, count)| *count == 1));
    }
}

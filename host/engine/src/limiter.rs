//! What one instance may take of memory, tables and core instances.

use patchbay_model::Limits;
use patchbay_striped::Lent;
use wasmtime::{ResourceLimiter, Result};

use crate::tally::ServiceTally;
use crate::usage::Instances;

/// Memories and tables of one component, which may be many for interpreted languages.
const PARTS: usize = 64;

/// Bounds the growth of one instance, and remembers what it refused.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Allowance,
    /// Where memory is counted, too: of its service, and of its revision.
    tally: Lent<ServiceTally>,
    instances: Lent<Instances>,
    table_elements: Allowance,
    core_instances: usize,
}

/// What an instance wanted to have when it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// This much memory, in bytes.
    Memory(u64),
    /// This many elements of tables.
    TableElements(u64),
}

/// The host cannot keep anything more for an instance, whose memory it counts as.
#[derive(Debug, thiserror::Error)]
#[error("the host keeps no more for the instance than it may have of memory")]
pub(crate) struct OutOfMemory;

/// One thing that grows: over all memories of the instance, or all tables.
#[derive(Debug)]
struct Allowance {
    limit: usize,
    used: usize,
    /// What the last permitted growth added; taken back if it failed after all.
    last: usize,
    refused: Option<u64>,
}

impl Allowance {
    const fn new(limit: usize) -> Self {
        Self { limit, used: 0, last: 0, refused: None }
    }

    const fn grow(&mut self, current: usize, desired: usize) -> bool {
        let growth = desired.saturating_sub(current);
        let wanted = self.used.saturating_add(growth);
        if wanted > self.limit {
            self.refused = Some(wanted as u64);
            return false;
        }
        self.used = wanted;
        self.last = growth;
        true
    }

    const fn fail(&mut self) {
        self.used = self.used.saturating_sub(self.last);
        self.last = 0;
    }
}

impl Limiter {
    /// A limiter that grants what `limits` say. What it grants of memory is counted in `tally` and in `instances` for as
    /// long as it is there.
    pub(crate) fn new(limits: &Limits, tally: Lent<ServiceTally>, instances: Lent<Instances>) -> Self {
        Self {
            tally,
            instances,
            memory: Allowance::new(usize::try_from(limits.memory).unwrap_or(usize::MAX)),
            table_elements: Allowance::new(limits.table_elements as usize),
            core_instances: limits.core_instances as usize,
        }
    }

    /// What was refused last. A guest whose memory or table cannot grow traps, sooner or later, in a way that does not
    /// tell why.
    pub(crate) fn refused(&self) -> Option<Refused> {
        let memory = self.memory.refused.map(Refused::Memory);
        memory.or(self.table_elements.refused.map(Refused::TableElements))
    }

    /// Counts what the host keeps for the instance as memory of it. `false` if that would be more than it may have.
    pub(crate) fn keep(&mut self, bytes: usize) -> bool {
        self.counted(|memory| memory.grow(0, bytes))
    }

    /// The host keeps so much less for it.
    pub(crate) fn let_go(&mut self, bytes: usize) {
        self.counted(|memory| memory.used = memory.used.saturating_sub(bytes));
    }

    /// Changes what is granted of memory, and counts it.
    fn counted<T>(&mut self, change: impl FnOnce(&mut Allowance) -> T) -> T {
        let before = self.memory.used;
        let changed = change(&mut self.memory);
        match self.memory.used.checked_sub(before) {
            Some(more) => {
                self.tally.grown(more);
                self.instances.grown(more);
            }
            None => self.shrunk(before - self.memory.used),
        }
        changed
    }

    fn shrunk(&self, bytes: usize) {
        self.tally.shrunk(bytes);
        self.instances.shrunk(bytes);
    }

    /// Forgets what was refused, before the next call.
    pub(crate) const fn reset(&mut self) {
        self.memory.refused = None;
        self.table_elements.refused = None;
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.shrunk(self.memory.used);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(self.counted(|memory| memory.grow(current, desired)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.counted(Allowance::fail);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(self.table_elements.grow(current, desired))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.table_elements.fail();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use patchbay_striped::Spread;

    use super::*;

    fn limiter() -> Limiter {
        let limits = Limits { memory: 1000, table_elements: 10, ..Limits::default() };
        let instances = Spread::from(Instances::new(Arc::default()));
        Limiter::new(&limits, Spread::from(ServiceTally::default()).lend(), instances.lend())
    }

    #[test]
    fn memories_share_one_limit() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.memory_growing(0, 401, None).unwrap());
        assert_eq!(limiter.refused(), Some(Refused::Memory(1001)));
        limiter.reset();
        assert_eq!(limiter.refused(), None);
        assert!(limiter.memory_growing(0, 400, None).unwrap());
    }

    #[test]
    fn what_the_host_keeps_counts_as_memory() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 600, None).unwrap() && limiter.keep(300) && !limiter.keep(200));
        assert_eq!(limiter.refused(), Some(Refused::Memory(1100)));
        limiter.let_go(300);
        assert!(limiter.memory_growing(600, 1000, None).unwrap());
    }

    #[test]
    fn memory_is_counted_for_as_long_as_it_is_there() {
        let tally = Spread::from(ServiceTally::default());
        let limits = Limits { memory: 1000, ..Limits::default() };
        let revisions = [(); 2].map(|()| Spread::from(Instances::new(Arc::default())));
        let counted = || (tally.read().memory, revisions.each_ref().map(|revision| revision.read().memory_bytes));
        let [mut one, mut other] = revisions.each_ref().map(|of| Limiter::new(&limits, tally.lend(), of.lend()));
        assert!(one.memory_growing(0, 600, None).unwrap() && !one.memory_growing(0, 600, None).unwrap());
        assert!(other.memory_growing(0, 300, None).unwrap() && other.keep(50));
        assert_eq!(counted(), (950, [600, 350]));
        other.let_go(50);
        assert!(one.memory_growing(600, 700, None).unwrap());
        one.memory_grow_failed(wasmtime::Error::msg("too large")).unwrap();
        assert_eq!(counted(), (900, [600, 300]));
        drop(one);
        assert_eq!(counted(), (300, [0, 300]));
        drop(other);
        assert_eq!(counted(), (0, [0, 0]));
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 1000, Some(500)).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("too large")).unwrap();
        assert!(limiter.memory_growing(0, 500, None).unwrap());
    }

    #[test]
    fn tables_share_one_limit() {
        let mut limiter = limiter();
        assert!(limiter.table_growing(0, 6, None).unwrap());
        assert!(limiter.table_growing(0, 4, None).unwrap());
        assert!(!limiter.table_growing(4, 5, None).unwrap());
        assert_eq!(limiter.refused(), Some(Refused::TableElements(11)));
    }
}

//! Exact counts of what the engine holds in memory. What is counted carries its count with it and takes it back when
//! it is dropped, however that comes about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::ports::{InstanceCount, Usage};

/// The counts of one engine.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    instances: AtomicU64,
    components: AtomicU64,
    code_bytes: AtomicU64,
}

impl Totals {
    /// All of them; the rest of what the executor tells is counted elsewhere.
    pub(crate) fn read(&self) -> Usage {
        Usage {
            instances: self.instances.load(Ordering::Relaxed),
            components: self.components.load(Ordering::Relaxed),
            code_bytes: self.code_bytes.load(Ordering::Relaxed),
            ..Usage::default()
        }
    }
}

/// The counts of one revision.
#[derive(Debug)]
pub(crate) struct Instances {
    totals: Arc<Totals>,
    live: AtomicU64,
    idle: AtomicU64,
    /// Bytes that they have now.
    memory: AtomicU64,
}

impl Instances {
    pub(crate) const fn new(totals: Arc<Totals>) -> Self {
        Self { totals, live: AtomicU64::new(0), idle: AtomicU64::new(0), memory: AtomicU64::new(0) }
    }

    pub(crate) fn read(&self) -> InstanceCount {
        InstanceCount {
            live: self.live.load(Ordering::Relaxed),
            idle: self.idle.load(Ordering::Relaxed),
            memory_bytes: self.memory.load(Ordering::Relaxed),
        }
    }

    /// An instance waits for a call, until it is told otherwise.
    pub(crate) fn came_to_rest(&self) {
        self.idle.fetch_add(1, Ordering::Relaxed);
    }

    /// So many of those do not wait any more.
    pub(crate) fn set_out(&self, count: usize) {
        self.idle.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// An instance has so many more bytes.
    pub(crate) fn grown(&self, bytes: usize) {
        self.memory.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An instance has so many bytes less.
    pub(crate) fn shrunk(&self, bytes: usize) {
        self.memory.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

/// One instance that exists.
#[derive(Debug)]
pub(crate) struct Live(Arc<Instances>);

impl Live {
    pub(crate) fn new(instances: Arc<Instances>) -> Self {
        instances.live.fetch_add(1, Ordering::Relaxed);
        instances.totals.instances.fetch_add(1, Ordering::Relaxed);
        Self(instances)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
        self.0.totals.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One instance that waits for a call.
#[derive(Debug)]
pub(crate) struct Idle(Arc<Instances>);

impl Idle {
    pub(crate) fn new(instances: Arc<Instances>) -> Self {
        instances.came_to_rest();
        Self(instances)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.set_out(1);
    }
}

/// The machine code of one component.
#[derive(Debug)]
pub(crate) struct LoadedCode {
    totals: Arc<Totals>,
    bytes: u64,
}

impl LoadedCode {
    pub(crate) fn new(totals: Arc<Totals>, bytes: u64) -> Self {
        totals.components.fetch_add(1, Ordering::Relaxed);
        totals.code_bytes.fetch_add(bytes, Ordering::Relaxed);
        Self { totals, bytes }
    }
}

impl Drop for LoadedCode {
    fn drop(&mut self) {
        self.totals.components.fetch_sub(1, Ordering::Relaxed);
        self.totals.code_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_no_longer_counted() {
        let totals = Arc::new(Totals::default());
        let instances = Arc::new(Instances::new(totals.clone()));
        let (live, idle) = (Live::new(instances.clone()), Idle::new(instances.clone()));
        let code = LoadedCode::new(totals.clone(), 10);
        instances.grown(30);
        assert_eq!(instances.read(), InstanceCount { live: 1, idle: 1, memory_bytes: 30 });
        assert_eq!(totals.read(), Usage { instances: 1, components: 1, code_bytes: 10, ..Usage::default() });
        drop((live, idle, code));
        instances.shrunk(30);
        assert_eq!(instances.read(), InstanceCount::default());
        assert_eq!(totals.read(), Usage::default());
    }
}

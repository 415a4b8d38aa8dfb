//! Exact counts of what the engine holds in memory. What is counted carries its count with it and takes it back when
//! it is dropped, however that comes about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::ports::{InstanceCount, Usage};
use patchbay_striped::{Count, Lent, Striped};

/// The counts of one engine.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    instances: Count,
    components: Count,
    code_bytes: Count,
}

impl Totals {
    /// All of them; the rest of what the executor tells is counted elsewhere.
    pub(crate) fn read(&self) -> Usage {
        Usage {
            instances: self.instances.read(),
            components: self.components.read(),
            code_bytes: self.code_bytes.read(),
            ..Usage::default()
        }
    }
}

/// The counts of one revision.
#[derive(Debug)]
pub(crate) struct Instances {
    totals: Arc<Totals>,
    counted: Striped<Counted>,
}

/// What one thread counts of them.
#[derive(Debug, Default)]
struct Counted {
    live: AtomicU64,
    idle: AtomicU64,
    /// Bytes that they have now.
    memory: AtomicU64,
}

impl Instances {
    pub(crate) fn new(totals: Arc<Totals>) -> Self {
        Self { totals, counted: Striped::default() }
    }

    pub(crate) fn read(&self) -> InstanceCount {
        InstanceCount {
            live: self.sum(|counted| &counted.live),
            idle: self.sum(|counted| &counted.idle),
            memory_bytes: self.sum(|counted| &counted.memory),
        }
    }

    fn sum(&self, of: impl Fn(&Counted) -> &AtomicU64) -> u64 {
        self.counted.sum(|counted| of(counted).load(Ordering::Relaxed))
    }

    /// An instance waits for a call, until it is told otherwise.
    pub(crate) fn came_to_rest(&self) {
        self.counted.own().idle.fetch_add(1, Ordering::Relaxed);
    }

    /// So many of those do not wait any more.
    pub(crate) fn set_out(&self, count: usize) {
        self.counted.own().idle.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// An instance has so many more bytes.
    pub(crate) fn grown(&self, bytes: usize) {
        self.counted.own().memory.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An instance has so many bytes less.
    pub(crate) fn shrunk(&self, bytes: usize) {
        self.counted.own().memory.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

/// One instance that exists.
#[derive(Debug)]
pub(crate) struct Live(Lent<Instances>);

impl Live {
    pub(crate) fn new(instances: Lent<Instances>) -> Self {
        instances.counted.own().live.fetch_add(1, Ordering::Relaxed);
        instances.totals.instances.add(1);
        Self(instances)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.counted.own().live.fetch_sub(1, Ordering::Relaxed);
        self.0.totals.instances.sub(1);
    }
}

/// One instance that waits for a call.
#[derive(Debug)]
pub(crate) struct Idle(Lent<Instances>);

impl Idle {
    pub(crate) fn new(instances: Lent<Instances>) -> Self {
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
        totals.components.add(1);
        totals.code_bytes.add(bytes);
        Self { totals, bytes }
    }
}

impl Drop for LoadedCode {
    fn drop(&mut self) {
        self.totals.components.sub(1);
        self.totals.code_bytes.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use patchbay_striped::Spread;

    use super::*;

    #[test]
    fn what_is_dropped_is_no_longer_counted() {
        let totals = Arc::new(Totals::default());
        let instances = Spread::from(Instances::new(totals.clone()));
        let (live, idle) = (Live::new(instances.lend()), Idle::new(instances.lend()));
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

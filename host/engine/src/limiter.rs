//! What one instance may take: memory by the service's limit, everything else by constants that no honest guest meets.

use wasmtime::{ResourceLimiter, Result};

/// Elements of one table: 8 bytes each.
pub(crate) const TABLE_ELEMENTS: usize = 1 << 16;
/// Core instances, memories and tables of one component, which may be many for interpreted languages.
const PARTS: usize = 64;

/// Bounds the growth of one instance, and remembers what it refused.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: usize,
    used: usize,
    /// What the last permitted growth added; taken back if it failed after all.
    last: usize,
    refused: Option<u64>,
}

impl Limiter {
    /// A limiter that grants `memory` bytes, over all memories of the instance.
    pub(crate) fn new(memory: u64) -> Self {
        Self { memory: usize::try_from(memory).unwrap_or(usize::MAX), used: 0, last: 0, refused: None }
    }

    /// The size that the instance wanted to have when it was refused, in bytes. A guest whose memory cannot grow
    /// traps, sooner or later, in a way that does not tell why.
    pub(crate) const fn refused(&self) -> Option<u64> {
        self.refused
    }

    /// Forgets what was refused, before the next call.
    pub(crate) const fn reset(&mut self) {
        self.refused = None;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let growth = desired.saturating_sub(current);
        let wanted = self.used.saturating_add(growth);
        if wanted > self.memory {
            self.refused = Some(wanted as u64);
            return Ok(false);
        }
        self.used = wanted;
        self.last = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.used = self.used.saturating_sub(std::mem::take(&mut self.last));
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        PARTS
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
    use super::*;

    #[test]
    fn memories_share_one_limit() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.memory_growing(0, 401, None).unwrap());
        assert_eq!(limiter.refused(), Some(1001));
        limiter.reset();
        assert_eq!(limiter.refused(), None);
        assert!(limiter.memory_growing(0, 400, None).unwrap());
    }

    #[test]
    fn a_growth_that_failed_is_given_back() {
        let mut limiter = Limiter::new(1000);
        assert!(limiter.memory_growing(0, 1000, Some(500)).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("too large")).unwrap();
        assert!(limiter.memory_growing(0, 500, None).unwrap());
    }

    #[test]
    fn tables_are_bounded() {
        let mut limiter = Limiter::new(0);
        assert!(limiter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS + 1, None).unwrap());
    }
}

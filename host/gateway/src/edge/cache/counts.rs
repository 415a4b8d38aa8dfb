//! What a cache did, as numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::status::Forward;

/// Counts of one cache.
#[derive(Debug, Default)]
pub(super) struct CacheCounts {
    hits: AtomicU64,
    collapsed: AtomicU64,
    forwarded: [AtomicU64; Forward::ALL.len()],
}

impl CacheCounts {
    /// It answered; `collapsed`: after it had waited for the request of another one.
    pub(super) fn hit(&self, collapsed: bool) {
        let count = if collapsed { &self.collapsed } else { &self.hits };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// The service is asked.
    pub(super) fn forwarded(&self, why: Forward) {
        if let Some(count) = self.forwarded.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of them, by their names in metrics.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let forwarded = Forward::ALL.into_iter().map(Forward::name).zip(&self.forwarded);
        let own = [("hit", &self.hits), ("collapsed", &self.collapsed)];
        own.into_iter().chain(forwarded).map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_cache_does_has_its_place() {
        let counts = CacheCounts::default();
        counts.hit(false);
        counts.hit(true);
        Forward::ALL.into_iter().for_each(|why| counts.forwarded(why));
        let names = ["hit", "collapsed", "bypass", "method", "uri-miss", "vary-miss", "request", "stale"];
        assert_eq!(counts.read().collect::<Vec<_>>(), names.map(|name| (name, 1)));
    }
}

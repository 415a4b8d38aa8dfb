//! What became of the calls of one revision, from its activation to its end: how long they took, and how many were errors.
//! It only ever grows, so that whoever wants to know of a while takes the difference of two readings.

mod histogram;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use histogram::Histogram;
pub use histogram::Latencies;
use patchbay_striped::Striped;

/// A call that is under way, in the lower half of the ledger.
const CALL: u64 = 1;
/// An error, in its upper half.
const ERROR: u64 = 1 << 32;

/// What is counted of a revision.
#[derive(Debug, Default)]
pub struct Observed {
    latencies: Striped<Histogram>,
    /// The errors so far, and the calls that are under way and were let in by [`Observed::enter`]. Both in one word, so that
    /// nobody is let in on the strength of what was true a moment ago.
    ledger: AtomicU64,
}

/// What was counted up to some moment, or between two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// How long calls took until there was an answer, errors among them.
    pub latencies: Latencies,
    /// Calls that ended in a fault of the instance's own doing, or with an HTTP status from 500 on.
    pub errors: u32,
}

impl Observed {
    /// Lets a call in, if there are not more than `limit` errors even if it and all others that were let in become one. One
    /// that is let in has to leave, once.
    pub fn enter(&self, limit: u32) -> bool {
        let entered = self.ledger.fetch_update(Ordering::AcqRel, Ordering::Acquire, |ledger| {
            let (errors, calls) = (ledger >> 32, ledger & u64::from(u32::MAX));
            (errors + calls < u64::from(limit)).then_some(ledger + CALL)
        });
        entered.is_ok()
    }

    /// A call that was let in is over.
    pub fn leave(&self) {
        self.ledger.fetch_sub(CALL, Ordering::AcqRel);
    }

    /// The errors so far.
    pub fn errors(&self) -> u32 {
        u32::try_from(self.ledger.load(Ordering::Acquire) >> 32).unwrap_or(u32::MAX)
    }

    /// All that was counted so far.
    pub fn read(&self) -> Reading {
        let mut latencies = Latencies::default();
        self.latencies.iter().for_each(|histogram| histogram.add_to(&mut latencies));
        Reading { latencies, errors: self.errors() }
    }

    /// A call has its answer, or will have none.
    pub(crate) fn ended(&self, took: Duration) {
        self.latencies.own().count(took);
    }

    /// A call is an error.
    pub(crate) fn erred(&self) {
        self.ledger.fetch_add(ERROR, Ordering::AcqRel);
    }
}

impl Reading {
    /// What was counted after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self { latencies: self.latencies.since(&earlier.latencies), errors: self.errors.saturating_sub(earlier.errors) }
    }

    /// The calls that ended.
    pub fn calls(&self) -> u64 {
        self.latencies.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_let_in_whose_error_would_be_one_too_many() {
        let observed = Observed::default();
        assert!(!observed.enter(0));
        assert!(observed.enter(2) && observed.enter(2));
        assert!(!observed.enter(2), "both may still become errors");
        observed.erred();
        observed.leave();
        assert!(!observed.enter(2), "one is an error, and one may become one");
        observed.leave();
        assert!(observed.enter(2), "the other one was none");
        observed.erred();
        observed.leave();
        assert!(!observed.enter(2));
        assert_eq!(observed.errors(), 2);
    }

    #[test]
    fn errors_stay_within_the_limit_however_many_threads_ask() {
        const LIMIT: u32 = 50;
        let observed = Observed::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if observed.enter(LIMIT) {
                            observed.erred();
                            observed.leave();
                        }
                    }
                });
            }
        });
        assert_eq!(observed.errors(), LIMIT);
    }

    #[test]
    fn a_while_is_the_difference_of_two_readings() {
        let observed = Observed::default();
        observed.ended(Duration::from_millis(500));
        observed.erred();
        let before = observed.read();
        for _ in 0..10 {
            observed.ended(Duration::from_millis(10));
        }
        observed.erred();
        let while_ = observed.read().since(&before);
        assert_eq!((while_.calls(), while_.errors), (10, 1));
        let p99 = while_.latencies.quantile(0.99).unwrap();
        assert!(p99 < Duration::from_millis(12), "{p99:?}");
    }
}

//! The rate limit: calls come no faster than they may, with some room for those that come together.
//!
//! It is the generic cell rate algorithm (ITU-T I.371): all there is to remember is when the next call would be due if
//! all had come evenly spread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::policy::Rate;
use patchbay_model::{Fault, FaultKind};
use tokio::time::Instant;

/// How often calls may come. Outlives revisions, so that a swap gives no second burst.
#[derive(Debug)]
pub(crate) struct RateLimit {
    base: Instant,
    /// When the next call would be due, in nanoseconds since `base`.
    due: AtomicU64,
    /// Nanoseconds between two calls; 0: there is no limit.
    interval: AtomicU64,
    /// How much earlier than due a call may come, in nanoseconds.
    tolerance: AtomicU64,
}

impl RateLimit {
    /// The limit that `rate` gives, with its whole burst to spend.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let limit = Self {
            base: Instant::now(),
            due: AtomicU64::new(0),
            interval: AtomicU64::new(0),
            tolerance: AtomicU64::new(0),
        };
        limit.set(rate);
        limit
    }

    /// Takes over another rate.
    pub(crate) fn set(&self, rate: Option<Rate>) {
        let (interval, tolerance) = rate.map_or((0, 0), |rate| {
            let interval = rate.interval();
            (nanos(interval), nanos(interval.saturating_mul(rate.burst() - 1)))
        });
        self.tolerance.store(tolerance, Ordering::Relaxed);
        self.interval.store(interval, Ordering::Relaxed);
    }

    /// Lets a call pass, unless it comes too early.
    ///
    /// # Errors
    /// [`FaultKind::RateLimited`] with the time after which one may come.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Fault> {
        self.pass(now).map(drop).map_err(|Early { wait, .. }| {
            Fault::new(FaultKind::RateLimited, "the service is called more often than it may be")
                .with_retry_after(wait)
                .with_details("`rate` allows no more calls now")
                .unprocessed()
        })
    }

    /// Lets a call pass, unless it comes too early. How long it takes until a whole burst may come again.
    ///
    /// # Errors
    /// [`Early`], if it comes too early.
    pub(crate) fn pass(&self, now: Instant) -> Result<Duration, Early> {
        let interval = self.interval.load(Ordering::Relaxed);
        if interval == 0 {
            return Ok(Duration::ZERO);
        }
        let tolerance = self.tolerance.load(Ordering::Relaxed);
        let now = nanos(now.saturating_duration_since(self.base));
        let moved =
            self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| next(due, now, interval, tolerance).ok());
        let until = |due: u64| Duration::from_nanos(due.saturating_sub(now));
        match moved {
            Ok(due) => Ok(until(due.max(now).saturating_add(interval))),
            Err(due) => {
                let wait = next(due, now, interval, tolerance).err().unwrap_or_default();
                Err(Early { wait: Duration::from_nanos(wait), reset: until(due) })
            }
        }
    }
}

/// A call that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Early {
    /// After what time one may come.
    pub(crate) wait: Duration,
    /// After what time a whole burst may come.
    pub(crate) reset: Duration,
}

/// When the call after one that comes `now` is due, or how long that one would have to wait.
fn next(due: u64, now: u64, interval: u64, tolerance: u64) -> Result<u64, u64> {
    match due.saturating_sub(tolerance) {
        earliest if earliest > now => Err(earliest - now),
        _ => Ok(due.max(now).saturating_add(interval)),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;

    fn limit(rate: &str) -> RateLimit {
        RateLimit::new(Some(rate.parse().unwrap()))
    }

    fn n_admitted(limit: &RateLimit, n_calls: usize) -> usize {
        (0..n_calls).filter(|_| limit.admit(Instant::now()).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_one_call_per_interval() {
        let limit = limit("10/s burst 3");
        assert_eq!(n_admitted(&limit, 5), 3);
        let fault = limit.admit(Instant::now()).unwrap_err();
        assert_eq!((fault.kind(), fault.retry_after()), (FaultKind::RateLimited, Some(Duration::from_millis(100))));
        advance(Duration::from_millis(99)).await;
        assert_eq!(n_admitted(&limit, 5), 0);
        advance(Duration::from_millis(1)).await;
        assert_eq!(n_admitted(&limit, 5), 1);
        // A long pause gives the burst back, and no more.
        advance(Duration::from_secs(60)).await;
        assert_eq!(n_admitted(&limit, 20), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn another_rate_is_taken_over() {
        let limit = limit("1/s");
        assert_eq!(n_admitted(&limit, 5), 1);
        limit.set(None);
        assert_eq!(n_admitted(&limit, 1000), 1000);
        limit.set(Some("1/s".parse().unwrap()));
        assert_eq!(n_admitted(&limit, 5), 0);
    }

    proptest! {
        /// Whenever calls come: in no time pass more than the burst and what the rate gives for it.
        #[test]
        fn no_time_has_more_calls_than_the_rate(gaps in prop::collection::vec(0_u64..300, 1..200), burst in 1_u64..20) {
            let (interval, tolerance) = (100, 100 * (burst - 1));
            let (mut due, mut now, mut passed) = (0, 0, Vec::new());
            for gap in gaps {
                now += gap;
                if let Ok(next) = next(due, now, interval, tolerance) {
                    due = next;
                    passed.push(now);
                }
            }
            for (first, begun) in passed.iter().enumerate() {
                for (last, ended) in passed.iter().enumerate().skip(first) {
                    let n_calls = (last - first + 1) as u64;
                    prop_assert!(n_calls <= burst + (ended - begun) / interval, "{n_calls} from {begun} to {ended}");
                }
            }
        }
    }
}

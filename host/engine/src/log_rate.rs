//! How much a service may print: a bucket of bytes that fills up with time. What does not fit is dropped and counted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a line counts at least, in bytes: about what it costs to keep one, however short.
const LINE: u64 = 128;

/// The bucket of one revision.
#[derive(Debug)]
pub(crate) struct LogRate {
    /// Bytes per second, and the size of the bucket.
    rate: u64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Bytes that may be printed now.
    left: u64,
    filled: Instant,
    /// Bytes that were dropped since that was last told.
    dropped: u64,
}

/// Whether a line may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Print,
    Drop {
        /// Whether it is the first one since what was dropped was last told.
        first: bool,
    },
}

impl LogRate {
    pub(crate) fn new(rate: u64, now: Instant) -> Self {
        Self { rate, bucket: Mutex::new(Bucket { left: rate, filled: now, dropped: 0 }) }
    }

    /// Decides on a line of this many bytes.
    pub(crate) fn judge(&self, bytes: u64, now: Instant) -> Verdict {
        let mut bucket = self.lock();
        bucket.fill(self.rate, now);
        // A line that is longer than the bucket waits for a full one.
        match bucket.left.checked_sub(bytes.max(LINE).min(self.rate)) {
            Some(left) => {
                bucket.left = left;
                Verdict::Print
            }
            None => {
                let first = bucket.dropped == 0;
                bucket.dropped = bucket.dropped.saturating_add(bytes.max(1));
                Verdict::Drop { first }
            }
        }
    }

    /// The bytes that were dropped and not told yet. They are now.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn fill(&mut self, rate: u64, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).min(Duration::from_secs(1));
        let bytes = u128::from(rate) * passed.as_nanos() / 1_000_000_000;
        // Time that is worth less than a byte is kept for later.
        if bytes > 0 {
            self.left = self.left.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)).min(rate);
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::now;

    const DROP: fn(bool) -> Verdict = |first| Verdict::Drop { first };

    #[test]
    fn a_bucket_runs_dry_and_fills_up() {
        let begun = now();
        let rate = LogRate::new(1000, begun);
        assert_eq!(rate.judge(600, begun), Verdict::Print);
        assert_eq!(rate.judge(600, begun), DROP(true));
        assert_eq!(rate.judge(500, begun), DROP(false));
        assert_eq!(rate.judge(400, begun), Verdict::Print);
        assert_eq!((rate.take_dropped(), rate.take_dropped()), (1100, 0));
        let later = begun + Duration::from_millis(500);
        assert_eq!(rate.judge(500, later), Verdict::Print);
        assert_eq!(rate.judge(1, later), DROP(true));
        assert_eq!(rate.judge(1000, later + Duration::from_secs(60)), Verdict::Print);
    }

    #[test]
    fn short_lines_count_and_long_ones_are_not_dropped_for_ever() {
        let begun = now();
        let rate = LogRate::new(1024, begun);
        assert_eq!((0..20).filter(|_| rate.judge(0, begun) == Verdict::Print).count(), 8);
        assert_eq!(rate.take_dropped(), 12);
        assert_eq!(rate.judge(8192, begun + Duration::from_secs(1)), Verdict::Print);
        assert_eq!(rate.judge(8192, begun + Duration::from_millis(1900)), DROP(true));
        assert_eq!(rate.judge(8192, begun + Duration::from_secs(3)), Verdict::Print);
    }
}

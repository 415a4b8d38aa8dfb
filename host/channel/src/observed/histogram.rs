//! A histogram of latencies: buckets that grow with what they count, so that few of them tell every latency to a sixteenth.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets for each doubling, as a power of two.
const PRECISION: u32 = 4;
/// Buckets for each doubling.
const PER_DOUBLING: usize = 1 << PRECISION;
/// The last doubling ends after 38 hours; what takes longer counts there.
const DOUBLINGS: usize = 33;
const BUCKETS: usize = PER_DOUBLING * (DOUBLINGS + 1);

/// The buckets of a doubling.
type Doubling = Box<[AtomicU64; PER_DOUBLING]>;

/// Counts latencies. A doubling has memory once there is something in it to be counted: most services have a handful of
/// them, and those that nobody calls none.
#[derive(Debug)]
pub(super) struct Histogram([OnceLock<Doubling>; DOUBLINGS + 1]);

/// How many calls took how long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { OnceLock::new() }; DOUBLINGS + 1])
    }
}

impl Histogram {
    pub(super) fn count(&self, took: Duration) {
        let bucket = bucket_of(took);
        let Some(doubling) = self.0.get(bucket / PER_DOUBLING) else { return };
        if let Some(bucket) = doubling.get_or_init(Box::default).get(bucket % PER_DOUBLING) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds what was counted to `sum`.
    pub(super) fn add_to(&self, sum: &mut Latencies) {
        sum.0.resize(BUCKETS, 0);
        for (counts, doubling) in sum.0.chunks_exact_mut(PER_DOUBLING).zip(&self.0) {
            let buckets = doubling.get().into_iter().flat_map(|buckets| buckets.iter());
            counts.iter_mut().zip(buckets).for_each(|(count, bucket)| *count += bucket.load(Ordering::Relaxed));
        }
    }
}

impl Latencies {
    /// All calls.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were counted after `earlier`.
    #[must_use]
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = earlier.0.iter().copied().chain(std::iter::repeat(0));
        Self(self.0.iter().zip(before).map(|(now, before)| now.saturating_sub(before)).collect())
    }

    /// The time within which this share of calls, from 0 to 1, had its answer; `None` if there was no call. At most a
    /// sixteenth more than it was.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        // The place in the row of all calls, from the fastest to the slowest: at least the first one.
        let place = (share * count as f64).ceil().max(1.0) as u64;
        let mut passed = 0;
        let bucket = self.0.iter().position(|calls| {
            passed += calls;
            passed >= place
        });
        bucket.map(upper_end)
    }
}

/// The bucket of a latency: for few microseconds the number itself, and from then on its length and its first bits.
fn bucket_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let doubling = micros.checked_ilog2().unwrap_or(0).saturating_sub(PRECISION);
    let bucket = PER_DOUBLING * doubling as usize + (micros >> doubling) as usize;
    bucket.min(BUCKETS - 1)
}

/// The longest latency of a bucket.
fn upper_end(bucket: usize) -> Duration {
    let doubling = (bucket / PER_DOUBLING).saturating_sub(1);
    let first_bits = (bucket - PER_DOUBLING * doubling) as u64;
    Duration::from_micros(((first_bits + 1) << doubling) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_told_to_a_sixteenth() {
        let mut before = 0;
        for shift in 0..37 {
            for part in [0_u64, 1, 3, 7] {
                let micros = (1_u64 << shift) + (part << shift) / 8;
                let took = Duration::from_micros(micros);
                let (bucket, end) = (bucket_of(took), upper_end(bucket_of(took)));
                assert!(end >= took && end <= took + took / 16, "{took:?} {bucket} {end:?}");
                assert!(bucket >= before, "{took:?}");
                before = bucket;
            }
        }
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
        assert_eq!(upper_end(bucket_of(Duration::ZERO)), Duration::ZERO);
    }

    #[test]
    fn quantiles_are_places_in_the_row() {
        let histogram = Histogram::default();
        let read = || {
            let mut latencies = Latencies::default();
            histogram.add_to(&mut latencies);
            latencies
        };
        assert_eq!(read().quantile(0.99), None);
        for millis in 1..=100 {
            histogram.count(Duration::from_millis(millis));
        }
        for (share, millis) in [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)] {
            let (exact, told) = (Duration::from_millis(millis), read().quantile(share).unwrap());
            assert!(told >= exact && told <= exact + exact / 16, "{share}: {told:?}");
        }
    }
}

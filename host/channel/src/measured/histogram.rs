//! A histogram with few buckets of fixed bounds, for what is told to the outside: bounds that are the same everywhere can be
//! added up over services and hosts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use patchbay_model::metrics::{Bounds, Exemplar, HistogramReading, MEASURED};
use patchbay_striped::Striped;

/// Upper bounds of buckets of times.
#[derive(Debug)]
pub struct TimeBounds {
    nanos: &'static [u64],
    seconds: Bounds,
    /// For each number of bits that a time in nanoseconds can have, the first bucket that one of so many can be in: from there
    /// it is a step or two, where a search of all has five that the processor cannot foresee.
    first: [u8; 65],
}

impl TimeBounds {
    #[expect(clippy::indexing_slicing, reason = "it runs while the program is built, which a wrong index would end")]
    const fn new(nanos: &'static [u64], seconds: Bounds) -> Self {
        let mut first = [0; 65];
        let (mut bits, mut bucket) = (1, 0_u8);
        while bits < first.len() {
            let least = 1_u64 << (bits - 1);
            while (bucket as usize) < nanos.len() && nanos[bucket as usize] < least {
                bucket += 1;
            }
            first[bits] = bucket;
            bits += 1;
        }
        Self { nanos, seconds, first }
    }

    /// The bucket of a time: the first one whose bound it does not exceed.
    fn bucket(&self, nanos: u64) -> usize {
        let bits = (u64::BITS - nanos.leading_zeros()) as usize;
        let first = self.first.get(bits).copied().map_or(0, usize::from);
        let rest = self.nanos.get(first..).unwrap_or_default();
        first + rest.iter().take_while(|bound| **bound < nanos).count()
    }
}

/// Bounds in microseconds.
macro_rules! micros {
    ($($micros:literal),* $(,)?) => {
        TimeBounds::new(&[$($micros * 1_000),*], Bounds(&[$($micros as f64 / 1_000_000.0),*]))
    };
}

/// Those of calls: from a microsecond, which is what a typed call takes, to a minute.
pub static CALL_BOUNDS: TimeBounds = micros![
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Those of HTTP requests: the ones that OpenTelemetry's semantic conventions advise, and smaller ones, because most requests
/// here are over before the first of them.
pub(super) static HTTP_BOUNDS: TimeBounds = micros![
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000,
    1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// The most buckets that one has, the last one without a bound among them.
const MOST_BUCKETS: usize = 25;

/// Counts times.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static TimeBounds,
    counted: Striped<Counted>,
    exemplar: Mutex<Option<Exemplar>>,
}

/// What the threads of a stripe counted.
#[derive(Debug, Default)]
struct Counted {
    nanos: AtomicU64,
    buckets: [AtomicU64; MOST_BUCKETS],
}

impl Histogram {
    /// One that has counted nothing.
    pub fn new(bounds: &'static TimeBounds) -> Self {
        Self { bounds, counted: Striped::default(), exemplar: Mutex::default() }
    }

    /// Counts a time.
    pub fn count(&self, took: Duration) {
        if !MEASURED {
            return;
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.bucket(nanos);
        let counted = self.counted.own();
        if let Some(count) = counted.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        counted.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Keeps a time that was counted as an example, with the trace that it can be looked up in. Whoever comes at the same
    /// moment as another one or a reader leaves it: any example is as good.
    pub fn illustrate(&self, exemplar: Exemplar) {
        match self.exemplar.try_lock() {
            Ok(mut slot) => *slot = Some(exemplar),
            Err(TryLockError::Poisoned(slot)) => *slot.into_inner() = Some(exemplar),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// All that was counted, as of no single moment: a time may be in its bucket and not yet in the sum.
    pub fn read(&self) -> HistogramReading {
        let (mut counts, mut nanos) = (vec![0_u64; self.bounds.nanos.len() + 1], 0_u64);
        for counted in self.counted.iter() {
            counts.iter_mut().zip(&counted.buckets).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
            nanos = nanos.wrapping_add(counted.nanos.load(Ordering::Relaxed));
        }
        HistogramReading {
            bounds: &self.bounds.seconds,
            counts,
            sum: Duration::from_nanos(nanos).as_secs_f64(),
            exemplar: *self.exemplar.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Default for Histogram {
    /// One for calls.
    fn default() -> Self {
        Self::new(&CALL_BOUNDS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn times_are_in_the_bucket_of_the_first_bound_that_they_do_not_exceed() {
        for (nanos, bound) in [
            (0, 1e-6),
            (1_000, 1e-6),
            (1_001, 2e-6),
            (400_000, 5e-4),
            (1_000_000_000, 1.0),
            (59_000_000_000, 60.0),
            (u64::MAX, f64::INFINITY),
        ] {
            let histogram = Histogram::default();
            histogram.count(Duration::from_nanos(nanos));
            let reading = histogram.read();
            let found = reading.buckets().find(|(_, count)| *count > 0);
            assert_eq!(found, Some((bound, 1)), "{nanos} ns");
            assert_eq!(reading.count(), 1);
        }
    }

    #[test]
    fn a_bucket_is_found_as_by_a_search_of_all() {
        for bounds in [&CALL_BOUNDS, &HTTP_BOUNDS] {
            let near = |nanos: u64| [nanos.saturating_sub(1), nanos, nanos.saturating_add(1)];
            let powers = (0..u64::BITS).map(|bit| 1 << bit);
            for nanos in bounds.nanos.iter().copied().chain(powers).chain([0, u64::MAX]).flat_map(near) {
                assert_eq!(bounds.bucket(nanos), bounds.nanos.partition_point(|bound| *bound < nanos), "{nanos} ns");
            }
        }
    }

    #[test]
    fn sums_are_exact_and_the_last_example_stays() {
        let histogram = Histogram::new(&HTTP_BOUNDS);
        for millis in [1, 2, 3] {
            histogram.count(Duration::from_millis(millis));
        }
        let exemplar = |value| Exemplar { trace: [7; 16], value, time: UNIX_EPOCH };
        histogram.illustrate(exemplar(0.001));
        histogram.illustrate(exemplar(0.003));
        let reading = histogram.read();
        assert_eq!((reading.count(), reading.sum), (3, 0.006));
        assert_eq!(reading.exemplar, Some(exemplar(0.003)));
    }

    #[test]
    fn bounds_grow_and_those_of_the_conventions_are_among_those_of_http() {
        for bounds in [&CALL_BOUNDS, &HTTP_BOUNDS] {
            assert!(bounds.nanos.is_sorted() && bounds.seconds.0.is_sorted());
            assert!(bounds.nanos.len() < MOST_BUCKETS);
            let same =
                bounds.nanos.iter().zip(bounds.seconds.0).all(|(nanos, seconds)| *nanos as f64 / 1e9 == *seconds);
            assert!(same, "{bounds:?}");
        }
        for advised in [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0] {
            assert!(HTTP_BOUNDS.seconds.0.contains(&advised), "{advised}");
        }
    }
}

//! Distributions: how many values were at most how large.

use super::exemplar::Exemplar;

/// The upper bounds of buckets, each in the unit of what is observed, smaller ones first. One more bucket has what is larger
/// than all of them.
#[derive(Debug, PartialEq)]
pub struct Bounds(pub &'static [f64]);

/// What a histogram has counted.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramReading {
    /// The upper bounds of its buckets.
    pub bounds: &'static Bounds,
    /// How many values were in each bucket, and in the one above all bounds at the end. Not cumulative.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
    /// One of the values, and the trace in which it came about.
    pub exemplar: Option<Exemplar>,
}

impl HistogramReading {
    /// All values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each bucket: its upper bound, which of the last one is infinite, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.0.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// The same with all that is in smaller buckets.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        self.buckets().scan(0, |total, (bound, count)| {
            *total += count;
            Some((bound, *total))
        })
    }

    /// The place of the bucket that a value is in.
    pub fn bucket_of(&self, value: f64) -> usize {
        self.bounds.0.partition_point(|bound| *bound < value)
    }

    /// Adds another one. Of one with other bounds only count and sum can be kept, in the bucket above all bounds.
    pub(super) fn add(&mut self, other: &Self) {
        if self.bounds == other.bounds {
            self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
        } else if let Some(last) = self.counts.last_mut() {
            *last += other.count();
        }
        self.sum += other.sum;
        let later = other.exemplar.filter(|other| self.exemplar.is_none_or(|own| own.time < other.time));
        self.exemplar = later.or(self.exemplar);
    }
}

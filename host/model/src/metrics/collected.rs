//! What was collected: families with their series, and no more of these than there may be.

use std::collections::BTreeMap;

use super::family::{Description, Family, Measure};
use super::value::Value;

/// The most series that a family has.
pub const MOST_SERIES: usize = 2_000;

/// The label value of the series that all others are folded into when a family has as many as it may.
pub const OTHER: &str = "_other";

/// Everything that was counted, as of one moment.
#[derive(Debug, Default)]
pub struct Collected(BTreeMap<&'static str, CollectedFamily>);

/// A family and its series.
#[derive(Debug)]
pub struct CollectedFamily {
    description: Description,
    series: BTreeMap<Box<[Box<str>]>, Value>,
    folded: u64,
}

impl Collected {
    /// Says that there is such a family.
    pub fn declare<M: Measure, const N: usize>(&mut self, family: &'static Family<M, N>) {
        self.entry(family);
    }

    /// Adds a series; `labels` are the values of the family's labels, in their order. If it is there already, the two are
    /// one: their numbers are added.
    pub fn add<M: Measure, const N: usize>(
        &mut self,
        family: &'static Family<M, N>,
        labels: [&str; N],
        value: impl Into<M::Given>,
    ) {
        self.entry(family).add(&labels, M::value(value.into()));
    }

    /// All families by name.
    pub fn families(&self) -> impl Iterator<Item = &CollectedFamily> {
        self.0.values()
    }

    fn entry<M: Measure, const N: usize>(&mut self, family: &'static Family<M, N>) -> &mut CollectedFamily {
        let description = family.description();
        self.0.entry(description.name).or_insert_with(|| CollectedFamily {
            description,
            series: BTreeMap::new(),
            folded: 0,
        })
    }
}

impl CollectedFamily {
    /// What it is.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// Its series by their label values.
    pub fn series(&self) -> impl ExactSizeIterator<Item = (&[Box<str>], &Value)> {
        self.series.iter().map(|(labels, value)| (&**labels, value))
    }

    /// Series that were folded into the one of all others.
    pub const fn folded(&self) -> u64 {
        self.folded
    }

    fn add(&mut self, labels: &[&str], value: Value) {
        let mut key: Box<[Box<str>]> = labels.iter().map(|label| Box::from(*label)).collect();
        if let Some(there) = self.series.get_mut(&key) {
            return there.add(value);
        }
        // The last place is for all that has none.
        if self.series.len() >= MOST_SERIES - 1 && !labels.is_empty() {
            self.folded += 1;
            key.fill(OTHER.into());
        }
        match self.series.get_mut(&key) {
            Some(there) => there.add(value),
            None => drop(self.series.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Counter, Distribution, Gauge, HistogramReading, Number};
    use super::*;

    static CALLS: Family<Counter, 2> = Family::new("test_calls", "Calls.", ["caller", "service"]);
    static LEVEL: Family<Gauge, 0> = Family::new("test_level", "A level.", []);
    static TOOK: Family<Distribution, 1> = Family::new("test_seconds", "Times.", ["service"]);
    static BOUNDS: Bounds = Bounds(&[1.0, 2.0]);

    fn read<const N: usize>(collected: &Collected, name: &str, labels: [&str; N]) -> Option<Value> {
        let key: Box<[Box<str>]> = labels.iter().map(|label| Box::from(*label)).collect();
        collected.0.get(name)?.series.get(&key).cloned()
    }

    #[test]
    fn series_that_are_the_same_are_added() {
        let mut collected = Collected::default();
        collected.declare(&LEVEL);
        for (caller, count) in [("web", 3_u64), ("web", 4), ("shop", 5)] {
            collected.add(&CALLS, [caller, "orders"], count);
        }
        let reading =
            |counts: [u64; 3], sum| HistogramReading { bounds: &BOUNDS, counts: counts.into(), sum, exemplar: None };
        collected.add(&TOOK, ["orders"], reading([1, 0, 2], 9.0));
        collected.add(&TOOK, ["orders"], reading([0, 4, 1], 12.5));
        assert_eq!(read(&collected, "test_calls", ["web", "orders"]), Some(Value::Number(Number::Whole(7))));
        assert_eq!(read(&collected, "test_calls", ["shop", "orders"]), Some(Value::Number(Number::Whole(5))));
        assert_eq!(read(&collected, "test_seconds", ["orders"]), Some(Value::Histogram(reading([1, 4, 3], 21.5))));
        let families: Vec<_> = collected.families().map(|it| (it.description().name, it.series().len())).collect();
        assert_eq!(families, [("test_calls", 2), ("test_level", 0), ("test_seconds", 1)]);
    }

    #[test]
    fn what_is_too_much_is_folded_and_nothing_is_lost() {
        let mut collected = Collected::default();
        for number in 0..MOST_SERIES as u64 + 500 {
            collected.add(&CALLS, [&number.to_string(), "orders"], 1_u64);
        }
        let family = collected.families().next().unwrap();
        assert_eq!((family.series().len(), family.folded()), (MOST_SERIES, 501));
        assert_eq!(read(&collected, "test_calls", [OTHER, OTHER]), Some(Value::Number(Number::Whole(501))));
        let total: f64 = family
            .series()
            .map(|(_, value)| match value {
                Value::Number(number) => number.as_f64(),
                Value::Histogram(_) => 0.0,
            })
            .sum();
        assert_eq!(total, MOST_SERIES as f64 + 500.0);
    }

    #[test]
    fn buckets_are_told_with_and_without_what_is_below() {
        let reading = HistogramReading { bounds: &BOUNDS, counts: vec![2, 3, 4], sum: 0.0, exemplar: None };
        assert_eq!(reading.cumulative().collect::<Vec<_>>(), [(1.0, 2), (2.0, 5), (f64::INFINITY, 9)]);
        assert_eq!([0.5, 1.0, 1.5, 2.0, 9.0].map(|value| reading.bucket_of(value)), [0, 0, 1, 1, 2]);
    }
}

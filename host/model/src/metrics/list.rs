//! All that counts, in one list.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::collected::Collected;
use super::family::{Counter, Family, Gauge};
use super::{MOST_SERIES, MetricSource};

static FOLDED: Family<Counter, 1> = Family::new(
    "patchbay_metrics_folded_series",
    "Series that were folded into the one with the label value _other because their family has too many, each time \
     that metrics were collected.",
    ["family"],
);

static SERIES: Family<Gauge, 0> =
    Family::new("patchbay_metrics_series", "Series that were collected, all buckets of a histogram as one.", []);

static MOST: Family<Gauge, 0> = Family::new(
    "patchbay_metrics_series_limit",
    "The most series that a family may have, all buckets of a histogram as one.",
    [],
);

/// Everything that counts in a host.
#[derive(Default)]
pub struct Metrics {
    sources: Vec<Arc<dyn MetricSource>>,
    folded: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    /// All that is counted by `sources`.
    pub fn new(sources: Vec<Arc<dyn MetricSource>>) -> Self {
        Self { sources, folded: Mutex::default() }
    }

    /// Asks all of them.
    pub async fn collect(&self) -> Collected {
        let mut collected = Collected::default();
        for source in &self.sources {
            source.collect(&mut collected).await;
        }
        self.tell_of_itself(&mut collected);
        collected
    }

    fn tell_of_itself(&self, collected: &mut Collected) {
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        // As many entries as there are families, which are written down in the program.
        for family in collected.families().filter(|family| family.folded() > 0) {
            *folded.entry(family.description().name).or_default() += family.folded();
        }
        collected.declare(&FOLDED);
        for (family, count) in &*folded {
            collected.add(&FOLDED, [*family], *count);
        }
        collected.add(&MOST, [], MOST_SERIES as u64);
        let series: usize = collected.families().map(|family| family.series().len()).sum();
        collected.add(&SERIES, [], series as u64 + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Number, Value};
    use super::*;
    use crate::ports::BoxFuture;

    static MANY: Family<Gauge, 1> = Family::new("test_many", "Too many.", ["number"]);

    struct Many(usize);

    impl MetricSource for Many {
        fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
            (0..self.0).for_each(|number| into.add(&MANY, [&number.to_string()], 1_u64));
            Box::pin(std::future::ready(()))
        }
    }

    /// The value of a family with one series.
    fn number(collected: &Collected, name: &str) -> Option<(Vec<String>, Number)> {
        let family = collected.families().find(|family| family.description().name == name)?;
        let (labels, value) = family.series().next()?;
        let Value::Number(number) = value else { return None };
        Some((labels.iter().map(|label| label.to_string()).collect(), *number))
    }

    #[test]
    fn what_is_folded_is_counted_and_the_count_grows() {
        let metrics = Metrics::new(vec![Arc::new(Many(MOST_SERIES + 9))]);
        for round in 1..=2_u64 {
            let collected = ready(metrics.collect());
            let folded = number(&collected, "patchbay_metrics_folded_series");
            assert_eq!(folded, Some((vec!["test_many".to_owned()], Number::Whole(10 * round))));
            let series = number(&collected, "patchbay_metrics_series").unwrap().1;
            assert_eq!(series, Number::Whole(MOST_SERIES as u64 + 3));
        }
        let few = ready(Metrics::new(vec![Arc::new(Many(3))]).collect());
        assert_eq!(number(&few, "patchbay_metrics_folded_series"), None);
        assert_eq!(number(&few, "patchbay_metrics_series").unwrap().1, Number::Whole(5));
    }

    /// What comes of a future that never waits.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
}

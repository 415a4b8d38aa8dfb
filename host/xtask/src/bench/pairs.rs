//! What was measured, pair by pair.

use super::super::load::Measured;
use super::super::report::{Goal, Table, Value, Wanted, number, spread};
use super::super::samples::Samples;
use super::routes::Subject;

/// The rounds of one subject.
struct Pairs {
    subject: &'static Subject,
    without: Vec<Measured>,
    with: Vec<Measured>,
}

/// All of it, in the order in which it was measured.
#[derive(Default)]
pub(super) struct Results(Vec<Pairs>);

/// A value of a measurement.
type Metric = fn(&Measured) -> f64;

const REQUESTS: Metric = |measured| measured.per_second;
const P99: Metric = |measured| measured.p99_us;
const CPU: Metric = |measured| measured.cpu_us;

impl Results {
    /// Adds the two measurements of a round.
    pub(super) fn add(&mut self, subject: &'static Subject, without: Measured, with: Measured) {
        match self.0.iter_mut().find(|pairs| pairs.subject.name == subject.name) {
            Some(pairs) => {
                pairs.without.push(without);
                pairs.with.push(with);
            }
            None => self.0.push(Pairs { subject, without: vec![without], with: vec![with] }),
        }
    }

    /// Every value by its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for pairs in &self.0 {
            for (name, unit, metric) in
                [("requests", "1/s", REQUESTS), ("p99", "us", P99), ("cpu-per-request", "us", CPU)]
            {
                for (side, samples) in [("without", pairs.without(metric)), ("with", pairs.with(metric))] {
                    let name = format!("gateway/{}/{side}/{name}", pairs.subject.name);
                    values.push(Value { name, samples, unit });
                }
            }
        }
        values
    }

    /// One table: what is left of the requests per second, and what each request costs.
    pub(super) fn tables(&self) -> Vec<Table> {
        let row = |pairs: &Pairs| {
            let median = |samples: Samples| number(samples.median());
            vec![
                pairs.subject.name.to_owned(),
                median(pairs.without(REQUESTS)),
                median(pairs.with(REQUESTS)),
                number(pairs.ratio(REQUESTS).median()),
                spread(&pairs.ratio(REQUESTS)),
                median(pairs.without(CPU)),
                median(pairs.with(CPU).less(&pairs.without(CPU))),
                spread(&pairs.with(CPU).less(&pairs.without(CPU))),
                median(pairs.without(P99)),
                median(pairs.with(P99)),
            ]
        };
        let head = vec![
            "what",
            "without: 1/s",
            "with: 1/s",
            "left",
            "min - max",
            "without: CPU us",
            "added CPU us",
            "min - max",
            "without: p99 us",
            "with: p99 us",
        ];
        vec![Table { title: "gateway".to_owned(), head, rows: self.0.iter().map(row).collect() }]
    }

    /// The goals of what was measured.
    pub(super) fn goals(&self) -> Vec<Goal> {
        let requests = |pairs: &Pairs| {
            let what = format!("{}: requests with / without", pairs.subject.name);
            let wanted = Wanted::AtLeast(pairs.subject.least_requests?);
            Some(Goal { what, wanted, measured: pairs.ratio(REQUESTS) })
        };
        let p99 = |pairs: &Pairs| {
            let what = format!("{}: p99", pairs.subject.name);
            Some(Goal { what, wanted: Wanted::AtMost(pairs.subject.most_p99?), measured: pairs.ratio(P99) })
        };
        self.0.iter().filter_map(requests).chain(self.0.iter().filter_map(p99)).collect()
    }
}

impl Pairs {
    fn without(&self, metric: Metric) -> Samples {
        self.without.iter().map(metric).collect()
    }

    fn with(&self, metric: Metric) -> Samples {
        self.with.iter().map(metric).collect()
    }

    fn ratio(&self, metric: Metric) -> Samples {
        self.with(metric).over(&self.without(metric))
    }
}

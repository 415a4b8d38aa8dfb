//! Pairs of loads that differ in one thing, each measured right before or after the other: what that thing costs.

use anyhow::Result;

use super::load::Measured;
use super::report::{Goal, Table, Value, Wanted, number, spread};
use super::samples::Samples;

/// The one thing in which two loads differ, and what it may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    /// What tables call it.
    pub(super) name: &'static str,
    /// The least of the requests per second without it that may be left, if that is a goal.
    pub(super) least_requests: Option<f64>,
    /// How much longer the 99th percentile of the latency may be, as a factor, if that is a goal.
    pub(super) most_p99: Option<f64>,
    /// The CPU time in microseconds that it may add to a request, if that is a goal.
    pub(super) most_cpu_us: Option<f64>,
}

impl Subject {
    /// One that is measured, and held against nothing.
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, least_requests: None, most_p99: None, most_cpu_us: None }
    }
}

/// Measures without and with something. Which comes first changes from round to round, so that a machine that becomes slower or
/// faster favours neither.
pub(super) fn in_turn<T>(
    round: u32,
    without: impl FnOnce() -> Result<T>,
    with: impl FnOnce() -> Result<T>,
) -> Result<(T, T)> {
    if round.is_multiple_of(2) {
        let with = with()?;
        return Ok((without()?, with));
    }
    Ok((without()?, with()?))
}

/// The rounds of one subject.
struct Pairs {
    subject: Subject,
    without: Vec<Measured>,
    with: Vec<Measured>,
}

/// All of it, in the order in which it was measured.
pub(super) struct Results {
    bench: &'static str,
    pairs: Vec<Pairs>,
}

/// A value of a measurement.
type Metric = fn(&Measured) -> f64;

const REQUESTS: Metric = |measured| measured.per_second;
const P99: Metric = |measured| measured.p99_us;
const CPU: Metric = |measured| measured.cpu_us;

impl Results {
    /// None yet, of a benchmark of this name.
    pub(super) const fn new(bench: &'static str) -> Self {
        Self { bench, pairs: Vec::new() }
    }

    /// Adds the two measurements of a round.
    pub(super) fn add(&mut self, subject: Subject, without: Measured, with: Measured) {
        match self.pairs.iter_mut().find(|pairs| pairs.subject.name == subject.name) {
            Some(pairs) => {
                pairs.without.push(without);
                pairs.with.push(with);
            }
            None => self.pairs.push(Pairs { subject, without: vec![without], with: vec![with] }),
        }
    }

    /// Every value by its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for pairs in &self.pairs {
            for (name, unit, metric) in
                [("requests", "1/s", REQUESTS), ("p99", "us", P99), ("cpu-per-request", "us", CPU)]
            {
                for (side, samples) in [("without", pairs.without(metric)), ("with", pairs.with(metric))] {
                    let name = format!("{}/{}/{side}/{name}", self.bench, pairs.subject.name);
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
        vec![Table { title: self.bench.to_owned(), head, rows: self.pairs.iter().map(row).collect() }]
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
        let cpu = |pairs: &Pairs| {
            let what = format!("{}: added CPU us", pairs.subject.name);
            let measured = pairs.with(CPU).less(&pairs.without(CPU));
            Some(Goal { what, wanted: Wanted::AtMost(pairs.subject.most_cpu_us?), measured })
        };
        let of = |goal: &dyn Fn(&Pairs) -> Option<Goal>| self.pairs.iter().filter_map(goal).collect::<Vec<_>>();
        [of(&requests), of(&p99), of(&cpu)].into_iter().flatten().collect()
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

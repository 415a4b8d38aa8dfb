//! What was measured, round by round.

use super::super::load::Measured;
use super::super::report::Value;
use super::super::samples::Samples;
use super::subjects::{Subject, Workload};

/// The rounds of one subject under one workload.
pub(super) struct Runs {
    pub(super) workload: &'static str,
    pub(super) connections: u32,
    pub(super) subject: &'static str,
    pub(super) rounds: Vec<Measured>,
}

/// One core against two, for one subject.
pub(super) struct Scaled {
    pub(super) subject: &'static str,
    pub(super) one: Vec<Measured>,
    pub(super) two: Vec<Measured>,
}

/// All of it, in the order in which it was measured.
#[derive(Default)]
pub(super) struct Results {
    pub(super) runs: Vec<Runs>,
    pub(super) scaled: Vec<Scaled>,
}

/// A value of a measurement, with its name and unit.
pub(super) type Metric = (&'static str, &'static str, fn(&Measured) -> f64);

pub(super) const REQUESTS: Metric = ("requests", "1/s", |measured| measured.per_second);
pub(super) const P50: Metric = ("p50", "us", |measured| measured.p50_us);
pub(super) const P99: Metric = ("p99", "us", |measured| measured.p99_us);
pub(super) const HIGHEST: Metric = ("highest", "us", |measured| measured.max_us);
pub(super) const CPU: Metric = ("cpu-per-request", "us", |measured| measured.cpu_us);
pub(super) const LOAD_CPU: Metric = ("load-cpu-per-request", "us", |measured| measured.load_cpu_us);

impl Results {
    /// Adds one measurement.
    pub(super) fn add(&mut self, workload: &Workload, connections: u32, subject: &'static Subject, measured: Measured) {
        let key = (workload.name, connections, subject.name);
        match self.runs.iter_mut().find(|runs| (runs.workload, runs.connections, runs.subject) == key) {
            Some(runs) => runs.rounds.push(measured),
            None => self.runs.push(Runs {
                workload: workload.name,
                connections,
                subject: subject.name,
                rounds: vec![measured],
            }),
        }
    }

    /// The runs of a subject.
    pub(super) fn of(&self, workload: &str, connections: u32, subject: &str) -> Option<&Runs> {
        self.runs
            .iter()
            .find(|runs| (runs.workload, runs.connections, runs.subject) == (workload, connections, subject))
    }

    /// Every value by its name.
    pub(super) fn values(&self) -> Vec<Value> {
        let mut values = Vec::new();
        for runs in &self.runs {
            for metric in [REQUESTS, P50, P99, HIGHEST, CPU, LOAD_CPU] {
                let name = format!("http/{}/{}/{}/{}", runs.workload, runs.connections, runs.subject, metric.0);
                values.push(Value { name, samples: runs.samples(metric), unit: metric.1 });
            }
        }
        for scaled in &self.scaled {
            let name = format!("http/scaling/{}", scaled.subject);
            values.push(Value { name, samples: scaled.times(), unit: "times" });
        }
        values
    }
}

impl Runs {
    /// One value of each round.
    pub(super) fn samples(&self, (_, _, value): Metric) -> Samples {
        self.rounds.iter().map(value).collect()
    }
}

impl Scaled {
    /// What a second core adds: requests per second and core on two cores, with the part of them that the load generator
    /// needs left out, over those on one core that the server has for itself; times two.
    pub(super) fn times(&self) -> Samples {
        let rate = |two: &Measured| two.per_second / (2.0 - two.load_cores());
        self.one.iter().zip(&self.two).map(|(one, two)| 2.0 * rate(two) / one.per_second).collect()
    }
}

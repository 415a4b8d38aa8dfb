//! How long things take to begin: a fresh instance with its call, a deployment until the first answer, a host with many
//! services; and the memory of a service that nobody calls.

mod calls;
mod deploy;
mod many;

use anyhow::Result;
use clap::Args;

use crate::guests;
use crate::place::Place;

use super::report::{Goal, Report, Table, Value, Wanted};

/// What to start.
#[derive(Args)]
pub(crate) struct StartOptions {
    /// Services of the hosts that are started
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    services: Vec<u32>,
    /// Deployments that are timed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    deployments: u32,
}

/// The smallest guests, of WASI 0.2 and 0.3.
const GUESTS: [&str; 3] = ["bench2", "bench3", "bench-callee"];

/// Values by their names, and what the median should be at most.
const GOALS: [(&str, f64); 5] = [
    ("start/call/fresh", 10.0),
    ("start/typed/fresh", 10.0),
    ("start/deploy/cached/all", 10.0),
    ("start/host/100/up", 1000.0),
    ("start/host/100/memory-per-idle-service", 100.0),
];

/// Has the host compile and deploy so many components, and deploy each again from the cache.
pub(super) fn train(place: &Place, n_deployments: u32) -> Result<()> {
    deploy::run(place, n_deployments).map(drop)
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let (rounds, options) = (all.rounds, &all.start);
    guests::build(place, &GUESTS.map(str::to_owned))?;
    let mut values = Vec::new();
    if all.wants("call") {
        values.extend(calls::run(place, rounds)?);
    }
    if all.wants("deploy") {
        values.extend(deploy::run(place, options.deployments)?);
    }
    if all.wants("host") {
        values.extend(many::run(place, rounds, &options.services)?);
    }
    let goals = GOALS.iter().filter_map(|(name, most)| {
        let value = values.iter().find(|value| value.name == *name)?;
        let what = format!("{name}, {}", value.unit);
        Some(Goal { what, wanted: Wanted::AtMost(*most), measured: value.samples.clone() })
    });
    let goals = goals.collect();
    Ok(Report {
        bench: "start",
        how: format!("{} deployments, {rounds} rounds of the rest", options.deployments),
        tables: vec![Table::of("start", &values)],
        values,
        goals,
    })
}

/// A value that was measured several times.
fn value(name: String, unit: &'static str, samples: impl IntoIterator<Item = f64>) -> Value {
    Value { name, unit, samples: samples.into_iter().collect() }
}

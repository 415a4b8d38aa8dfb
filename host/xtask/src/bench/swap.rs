//! A service that is replaced again and again while it is called: what fails, how long calls take around a swap, and
//! what memory is left behind.

mod one;
mod timeline;

use anyhow::Result;
use clap::Args;

use crate::guests;
use crate::place::Place;

use super::report::{Goal, Report, Table, Value, Wanted, number};
use one::Swapped;

/// How often to swap, under how many requests.
#[derive(Args)]
pub(crate) struct SwapOptions {
    /// Requests, at least, for each instance policy
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// Swaps for each instance policy
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    swaps: u32,
    /// Connections that call meanwhile
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    callers: u32,
}

/// Instance policies, and the guests that show them.
const POLICIES: [(&str, &str); 3] = [("fresh", "bench2"), ("reuse", "bench2"), ("concurrent", "bench3")];

/// What is measured of each policy, and what it should be at most.
type Metric = (&'static str, &'static str, fn(&Swapped) -> f64, Option<f64>);

const METRICS: [Metric; 18] = [
    ("requests", "", |swapped| swapped.requests, None),
    ("failed", "", |swapped| swapped.failed, Some(0.0)),
    ("swaps", "", |swapped| swapped.swaps, None),
    ("swap/median", "ms", |swapped| swapped.took.0, None),
    ("swap/longest", "ms", |swapped| swapped.took.1, None),
    ("steady/p50", "us", |swapped| swapped.steady.p50, None),
    ("steady/p99", "us", |swapped| swapped.steady.p99, None),
    ("steady/highest", "us", |swapped| swapped.steady.max, None),
    ("between-swaps/p99", "us", |swapped| swapped.between.p99, None),
    ("around-swaps/p50", "us", |swapped| swapped.around.p50, None),
    ("around-swaps/p99", "us", |swapped| swapped.around.p99, None),
    ("around-swaps/highest", "us", |swapped| swapped.around.max, None),
    ("around-swaps/highest-of-steady-p99", "times", |swapped| swapped.around.max / swapped.steady.p99, Some(2.0)),
    ("memory/before", "MB", |swapped| swapped.memory.0.all() / 1e6, None),
    ("memory/growth", "%", |swapped| (swapped.memory.1.all() / swapped.memory.0.all() - 1.0) * 100.0, Some(1.0)),
    ("memory/grown/anonymous", "kB", |swapped| (swapped.memory.1.anonymous - swapped.memory.0.anonymous) / 1e3, None),
    ("memory/grown/files", "kB", |swapped| (swapped.memory.1.files - swapped.memory.0.files) / 1e3, None),
    ("machine/stolen", "ms", |swapped| swapped.stolen, None),
];

/// Has the host replace a service while it is called.
pub(super) fn train(place: &Place) -> Result<()> {
    let [_, (policy, guest), _] = POLICIES;
    one::run(place, policy, guest, &SwapOptions { requests: 1, swaps: 1, callers: 16 }).map(drop)
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let options = &all.swap;
    guests::build(place, &["bench2".to_owned(), "bench3".to_owned()])?;
    let (mut values, mut goals, mut rows) =
        (Vec::new(), Vec::new(), METRICS.map(|(name, unit, ..)| vec![name.to_owned(), unit.to_owned()]));
    let chosen: Vec<_> = POLICIES.into_iter().filter(|(policy, _)| all.wants(policy)).collect();
    for (policy, guest) in &chosen {
        let swapped = one::run(place, policy, guest, options)?;
        for ((name, unit, value, most), row) in METRICS.iter().zip(&mut rows) {
            let (name, value) = (format!("swap/{policy}/{name}"), value(&swapped));
            row.push(number(value));
            if let Some(most) = most {
                let measured = [value].into_iter().collect();
                goals.push(Goal { what: name.clone(), wanted: Wanted::AtMost(*most), measured });
            }
            values.push(Value { name, samples: [value].into_iter().collect(), unit });
        }
    }
    let head = ["swap", "unit"].into_iter().chain(chosen.iter().map(|(policy, _)| *policy)).collect();
    Ok(Report {
        bench: "swap",
        how: format!("{} connections, one run", options.callers),
        values,
        tables: vec![Table { title: "swap".to_owned(), head, rows: rows.into() }],
        goals,
    })
}

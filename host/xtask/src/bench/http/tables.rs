//! The results as tables: one for each workload and number of connections, and one of what a second core adds.

use super::super::load::Measured;
use super::super::report::{Table, number, spread};
use super::super::samples::Samples;
use super::results::{CPU, LOAD_CPU, P50, P99, REQUESTS, Results, Runs, Scaled};

/// All tables.
pub(super) fn of(results: &Results) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut rest = results.runs.as_slice();
    while let Some(first) = rest.first() {
        let same = |runs: &&Runs| (runs.workload, runs.connections) == (first.workload, first.connections);
        let (runs, others) = rest.split_at(rest.iter().take_while(same).count());
        tables.push(workload(first, runs));
        rest = others;
    }
    if !results.scaled.is_empty() {
        tables.push(scaling(&results.scaled));
    }
    tables
}

fn workload(first: &Runs, runs: &[Runs]) -> Table {
    let baseline = first.samples(REQUESTS);
    let row = |runs: &Runs| {
        let requests = runs.samples(REQUESTS);
        let median = |metric| number(runs.samples(metric).median());
        vec![
            runs.subject.to_owned(),
            number(requests.median()),
            spread(&requests),
            number(requests.over(&baseline).median()),
            median(P50),
            median(P99),
            median(CPU),
            median(LOAD_CPU),
        ]
    };
    let connections = if first.connections == 1 { "connection" } else { "connections" };
    Table {
        title: format!("{}, {} {connections}", first.workload, first.connections),
        head: vec!["server", "requests/s", "min - max", "of first", "p50 us", "p99 us", "CPU us", "load's CPU us"],
        rows: runs.iter().map(row).collect(),
    }
}

fn scaling(scaled: &[Scaled]) -> Table {
    let median = |rounds: &[Measured], value: fn(&Measured) -> f64| {
        number(rounds.iter().map(value).collect::<Samples>().median())
    };
    let row = |scaled: &Scaled| {
        vec![
            scaled.subject.to_owned(),
            median(&scaled.one, |measured| measured.per_second),
            median(&scaled.one, |measured| measured.cpu_us),
            median(&scaled.one, Measured::load_cores),
            median(&scaled.two, |measured| measured.per_second),
            median(&scaled.two, |measured| measured.cpu_us),
            median(&scaled.two, Measured::load_cores),
            number(scaled.times().median()),
            spread(&scaled.times()),
        ]
    };
    Table {
        title: "scaling: hello on 50 connections, on one core and on two".to_owned(),
        head: vec![
            "server",
            "one: 1/s",
            "CPU us",
            "load's cores",
            "two: 1/s",
            "CPU us",
            "load's cores",
            "times",
            "min - max",
        ],
        rows: scaled.iter().map(row).collect(),
    }
}

//! Requests per second over HTTP/1.1: a native axum server, Patchbay under each instance policy, and `wasmtime serve` in
//! the corresponding modes, with the same components. All in turn in every round, so that a noisy machine is noisy for
//! all.

mod goals;
mod results;
mod rival;
mod scaling;
mod servers;
mod subjects;
mod tables;

use anyhow::{Result, bail};
use clap::Args;

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::load::Load;
use super::report::Report;
use results::Results;
use rival::Rival;
use servers::Servers;
use subjects::{Subject, WORKLOADS, Workload};

/// The connections that a host is trained with.
const TRAINED_ON: [u32; 2] = [50, 1];

/// What to measure over HTTP.
#[derive(Args)]
pub(crate) struct HttpOptions {
    /// Measure `wasmtime serve`, too; installs it into target/tools with cargo if it is not there
    #[arg(long)]
    rivals: bool,
    /// Workloads; all by default
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    workload: Vec<String>,
    /// Connections, each with one request at a time; by default 1, 50 and 256 for hello and 50 for the others
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: Vec<u32>,
    /// Seconds per measurement
    #[arg(long, default_value_t = 3.0)]
    pub(super) seconds: f64,
}

impl HttpOptions {
    fn workloads(&self) -> Result<Vec<&'static Workload>> {
        let names: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
        if let Some(stranger) = self.workload.iter().find(|name| !names.contains(&name.as_str())) {
            bail!("there is no workload `{stranger}`; there are {}", names.join(", "));
        }
        let chosen = |name: &str| self.workload.is_empty() || self.workload.iter().any(|chosen| chosen == name);
        Ok(WORKLOADS.iter().filter(|workload| chosen(workload.name)).collect())
    }
}

/// Has the host answer all workloads under each instance policy, for so many seconds each.
pub(super) fn train(place: &Place, seconds: f64) -> Result<()> {
    for workload in WORKLOADS.iter().filter(|workload| !workload.scaling) {
        let subjects: Vec<_> = workload.subjects.iter().filter(|subject| subject.is_patchbay()).collect();
        let servers = Servers::start(place, workload, &subjects, None)?;
        for subject in subjects {
            let (server, url) = servers.get(subject)?;
            for connections in TRAINED_ON {
                Load { url, connections, seconds, echo: workload.echo, fields: &[], timeline: None }
                    .run(place, server)?;
            }
        }
    }
    Ok(())
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let (rounds, options) = (all.rounds, &all.http);
    let mut results = Results::default();
    let workloads = options.workloads()?;
    let rival = if options.rivals { Some(Rival::install(place)?) } else { None };
    for workload in workloads {
        let chosen = |subject: &&Subject| (options.rivals || !subject.is_rival()) && all.wants(subject.name);
        let subjects: Vec<_> = workload.subjects.iter().filter(chosen).collect();
        if subjects.is_empty() {
            continue;
        }
        let mut names: Vec<_> = subjects.iter().filter_map(|subject| subject.guest).map(str::to_owned).collect();
        names.dedup();
        guests::build(place, &names)?;
        if workload.scaling {
            scaling::run(place, rounds, options.seconds, workload, &subjects, rival.as_ref(), &mut results)?;
            continue;
        }
        let servers = Servers::start(place, workload, &subjects, rival.as_ref())?;
        let connections =
            if options.connections.is_empty() { workload.connections } else { options.connections.as_slice() };
        for connections in connections {
            for round in 1..=rounds {
                for subject in &subjects {
                    let what = format!("{}, {} on {connections} connections", subject.name, workload.name);
                    say("Measuring", &format!("{what}, round {round} of {rounds}"));
                    let (server, url) = servers.get(subject)?;
                    let load = Load {
                        url,
                        connections: *connections,
                        seconds: options.seconds,
                        echo: workload.echo,
                        fields: &[],
                        timeline: None,
                    };
                    results.add(workload, *connections, subject, load.run(place, server)?);
                }
            }
        }
    }
    Ok(Report {
        bench: "http",
        how: format!("median of {rounds} rounds of {} s; wasmtime serve {}", options.seconds, rival::VERSION),
        values: results.values(),
        tables: tables::of(&results),
        goals: goals::of(&results),
    })
}

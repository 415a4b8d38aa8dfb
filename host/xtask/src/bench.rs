//! `cargo xtask bench`: what the host can do, always beside what it is compared with, in turn and in one run.

mod bus;
mod calls;
mod client;
mod cores;
mod gateway;
pub(crate) mod host;
mod http;
mod load;
mod machine;
mod memory;
mod observe;
mod pairs;
mod report;
mod samples;
mod server;
mod start;
mod swap;
mod variant;

use anyhow::{Result, bail};
use clap::Args;

use crate::place::Place;
use crate::program;
use crate::progress::say;

use report::Report;

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The benchmark; all of them by default
    name: Option<String>,
    /// Print one JSON object per benchmark instead of tables
    #[arg(long)]
    json: bool,
    /// Rounds; all are measured in turn in each, and the median of all rounds is reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// What to measure of it: what has one of these in its name; all by default
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<String>,
    /// Take the host as it was built last
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    http: http::HttpOptions,
    #[command(flatten)]
    calls: calls::CallsOptions,
    #[command(flatten)]
    bus: bus::BusOptions,
    #[command(flatten)]
    start: start::StartOptions,
    #[command(flatten)]
    swap: swap::SwapOptions,
}

/// A benchmark.
struct Bench {
    name: &'static str,
    run: fn(&Place, &Options) -> Result<Report>,
    /// Whether it measures the host's own program; others build what they need.
    of_the_host: bool,
}

const BENCHES: [Bench; 7] = [
    Bench { name: "http", run: http::run, of_the_host: true },
    Bench { name: "calls", run: calls::run, of_the_host: true },
    Bench { name: "gateway", run: gateway::run, of_the_host: true },
    Bench { name: "observe", run: observe::run, of_the_host: true },
    Bench { name: "bus", run: bus::run, of_the_host: false },
    Bench { name: "start", run: start::run, of_the_host: true },
    Bench { name: "swap", run: swap::run, of_the_host: true },
];

impl Options {
    /// Whether something of this name is to be measured.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

/// Builds what is needed, optimised, and runs the benchmarks.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let chosen: Vec<_> =
        BENCHES.iter().filter(|bench| options.name.as_deref().is_none_or(|chosen| chosen == bench.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("there is no such benchmark; there is {}", names.join(", "));
    }
    if !options.no_build && chosen.iter().any(|bench| bench.of_the_host) {
        say("Building", "the host and what it is compared with, optimised; the first time takes minutes");
        build(place, &["--package", "patchbay-cli", "--package", "patchbay-tests", "--bins"])?;
    }
    for bench in chosen {
        let report = (bench.run)(place, options)?;
        if options.json { report.print_json() } else { report.print_tables() }
    }
    Ok(())
}

/// Builds programs, optimised.
fn build(place: &Place, what: &[&str]) -> Result<()> {
    program::foreground(program::cargo().args(["build", "--release", "--locked"]).args(what).current_dir(place.root()))
}

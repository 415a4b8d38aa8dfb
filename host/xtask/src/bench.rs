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
pub(crate) mod training;
mod variant;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::builds::Build;
use crate::place::Place;
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
    /// Measure the host as `cargo xtask dist` trained it
    #[arg(long)]
    dist: bool,
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
    /// Whether it can measure a trained one. None was trained that leaves something out.
    of_a_trained: bool,
}

const fn bench(name: &'static str, run: fn(&Place, &Options) -> Result<Report>) -> Bench {
    Bench { name, run, of_the_host: true, of_a_trained: true }
}

const BENCHES: [Bench; 7] = [
    bench("http", http::run),
    bench("calls", calls::run),
    bench("gateway", gateway::run),
    Bench { of_a_trained: false, ..bench("observe", observe::run) },
    Bench { of_the_host: false, ..bench("bus", bus::run) },
    bench("start", start::run),
    bench("swap", swap::run),
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
    let whole = |bench: &&&Bench| !options.dist || bench.of_a_trained;
    let chosen: Vec<_> = chosen.iter().filter(whole).collect();
    ensure!(!chosen.is_empty(), "it compares the host with builds that leave something out, and those are not trained");
    let trained = options.dist.then(|| Build::trained(place).map(|build| place.with(build))).transpose()?;
    let place = trained.as_ref().unwrap_or(place);
    if !options.no_build && chosen.iter().any(|bench| bench.of_the_host) {
        say("Building", "the host and what it is compared with, optimised; the first time takes minutes");
        build_all(place)?;
    }
    for bench in chosen {
        let report = (bench.run)(place, options)?;
        if options.json { report.print_json(place.build()) } else { report.print_tables(place.build()) }
    }
    Ok(())
}

/// Builds the host, and what loads it and is compared with it, which is never trained.
fn build_all(place: &Place) -> Result<()> {
    const HOST: [&str; 2] = ["--package", "patchbay-cli"];
    const TESTS: [&str; 2] = ["--package", "patchbay-tests"];
    if *place.build() == Build::Release {
        return build(place, &[HOST.as_slice(), &TESTS, &["--bins"]].concat());
    }
    build_tools(place)?;
    build(place, &[HOST.as_slice(), &["--bins"]].concat())
}

/// Builds the load generator, and what the host is compared with.
pub(crate) fn build_tools(place: &Place) -> Result<()> {
    Build::Release.run(place, &["--package", "patchbay-tests", "--bins"])
}

/// Builds programs, optimised.
fn build(place: &Place, what: &[&str]) -> Result<()> {
    place.build().run(place, what)
}

//! `cargo xtask bench`: what the host can do, always beside what it is compared with, in turn and in one run.

mod http;
mod machine;
mod report;
mod server;

use anyhow::{Result, bail};
use clap::Args;

use crate::place::Place;
use crate::progress::say;
use crate::{guests, program};

use report::Report;

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The benchmark; all of them by default
    name: Option<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Rounds; the median of all rounds is reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds per measurement
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
}

type Bench = fn(&Place, &Options) -> Result<Report>;

const BENCHES: [(&str, Bench); 1] = [("http", http::run)];

/// Builds what is needed, optimised, and runs the benchmarks.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(name, _)| options.name.as_deref().is_none_or(|chosen| chosen == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("there is no such benchmark; there is {}", names.join(", "));
    }
    guests::build(place, &["bench2".to_owned(), "bench3".to_owned()])?;
    say("Building", "the host and what it is compared with, optimised; the first time takes minutes");
    let mut build = program::cargo();
    build.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "patchbay-cli",
        "--package",
        "patchbay-tests",
        "--bins",
    ]);
    program::foreground(build.current_dir(place.root()))?;
    for (_, bench) in chosen {
        let report = bench(place, options)?;
        if options.json { report.print_json() } else { report.print_table() }
    }
    Ok(())
}

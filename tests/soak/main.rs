//! The soak: the real host at load for minutes, with everything that may happen to it, and then at rest. What it holds at
//! rest after the load has to be what it held before, and no call may have failed that had no reason to. `cargo xtask
//! soak` builds what it needs. It looks into `/proc`, so it runs on Linux.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints its result")]

mod actors;
mod measure;
mod report;
mod scene;
#[path = "../support"]
#[allow(dead_code, reason = "the end-to-end tests use all of it")]
mod support {
    mod hazards;
    pub(crate) mod host;

    pub(crate) use hazards::Hazards;
}

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::time::{Instant, sleep};

use actors::Actors;
use measure::{Sample, rest};
use report::Report;
use scene::Scene;
use support::host;

/// Soaks the host beside this program.
#[derive(Parser)]
struct Arguments {
    /// How long the load lasts, in minutes
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// How long the same load runs before what is held at rest is taken as what has to be held, in seconds
    #[arg(long, default_value_t = 30)]
    warm_up: u64,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// Rows of the table.
const ROWS: u64 = 24;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = soak(&arguments).await;
    if arguments.json {
        report.print_json();
    } else {
        report.print_table();
    }
    if report.wrong().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(arguments: &Arguments) -> Report {
    let seconds = Duration::from_secs_f64(arguments.minutes * 60.0).as_secs();
    eprintln!("warming up for {} s", arguments.warm_up);
    let scene = Arc::new(Scene::begin().await);
    // The cache of compiled code, the pools and the allocator have their size only after all has happened once.
    load(&scene, arguments.warm_up).await;
    let before = rest(&scene, 0, None).await;
    eprintln!("at load for {seconds} s");
    let samples = load(&scene, seconds).await;
    eprintln!("coming to rest");
    let after = rest(&scene, seconds, Some(&before)).await;
    let report = Report { seconds, before, samples, after, tally: scene.tally() };
    if !report.wrong().is_empty() {
        let log = scene.host.log();
        let lines: Vec<_> = log.lines().filter(|line| !line.contains(" guest: ")).collect();
        eprintln!("the end of the host's log:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    report
}

/// Everything at once, for so many seconds, looked at now and then.
async fn load(scene: &Arc<Scene>, seconds: u64) -> Vec<Sample> {
    let begun = Instant::now();
    let actors = Actors::enter(scene);
    let mut samples = Vec::new();
    let step = (seconds / ROWS).max(1);
    for at in (0..=seconds).step_by(usize::try_from(step).unwrap_or(1)).skip(1) {
        sleep((begun + Duration::from_secs(at)).saturating_duration_since(Instant::now())).await;
        samples.push(Sample::take(scene, at).await);
    }
    actors.leave(scene).await;
    samples
}

//! Messages: published and delivered to a guest, through the embedded bus and over a NATS server, beside a raw NATS client that
//! does the same work in native code. Publisher and listener share one core; the server has the other.

mod nats;
mod results;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value as Json;

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::build as build_release;
use super::report::Report;
use nats::Nats;
use results::{CASES, Case, Rate, Results, Way, Work};

/// How to measure messages.
#[derive(Args)]
pub(crate) struct BusOptions {
    /// Milliseconds per measurement of messages
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(50..=60_000))]
    bus_millis: u32,
}

/// The guest that acknowledges every message.
const LISTENER: &str = "bench-listener";

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    guests::build(place, &[LISTENER.to_owned()])?;
    say("Building", "bus-load, optimised; the first time takes minutes");
    // With the host's package, so that both are built from the same dependencies.
    let packages = ["--package", "patchbay-cli", "--package", "patchbay-tests"];
    let program = ["--features", "patchbay-tests/bus-load", "--bin", "bus-load"];
    build_release(place, &[packages.as_slice(), program.as_slice()].concat())?;
    let mut results = Results::default();
    for round in 1..=all.rounds {
        for case in CASES.iter().filter(|case| all.wants(case.name)) {
            say("Measuring", &format!("{}, round {round} of {}", case.name, all.rounds));
            for way in case.ways() {
                results.add(case, *way, measure(place, case, *way, all.bus.bus_millis)?);
            }
        }
    }
    Ok(Report {
        bench: "bus",
        how: format!("median of {} rounds of {} ms, 128 bytes a message", all.rounds, all.bus.bus_millis),
        values: results.values(),
        tables: results.tables(),
        goals: results.goals(),
    })
}

fn measure(place: &Place, case: &Case, way: Way, millis: u32) -> Result<Rate> {
    // Each has a server of its own, so that none finds what another one left.
    let server = Nats::start(place)?;
    let mut command = Command::new(place.optimised("bus-load"));
    command.arg(case.work.name()).args(["--way", way.name(), "--server", &server.url()]);
    command.args(["--millis", &millis.to_string()]).current_dir(place.root());
    if case.durable {
        command.arg("--durable");
    }
    if case.work == Work::Deliver {
        command.arg("--listener").arg(place.guests().join(LISTENER).with_extension("wasm"));
    }
    let output = command.output().context("cannot start bus-load")?;
    ensure!(output.status.success(), "bus-load, {}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    let result: Json = serde_json::from_slice(&output.stdout).context("bus-load prints no JSON")?;
    let number = |key: &str| result.get(key).and_then(Json::as_f64).with_context(|| format!("bus-load tells no {key}"));
    Ok(Rate { us: number("us")?, per_second: number("per_second")? })
}

//! Requests per second over HTTP/1.1: the hello guests of both WASI versions under each instance policy, and a native
//! axum server with the same answer. All in turn in every round, so that a noisy machine is noisy for all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::place::Place;
use crate::progress::say;

use super::Options;
use super::report::{Report, Row, median};
use super::server::Server;

const BASELINE: &str = "native-axum";

/// Name, guest and instance policy of what is measured.
const SERVICES: [(&str, &str, &str); 5] = [
    ("wasi-0.2-fresh", "bench2", "fresh"),
    ("wasi-0.2-reuse", "bench2", "reuse"),
    ("wasi-0.3-fresh", "bench3", "fresh"),
    ("wasi-0.3-reuse", "bench3", "reuse"),
    ("wasi-0.3-concurrent", "bench3", "concurrent"),
];

/// One measurement.
struct Measured {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
}

/// What is measured, and what came of it, round by round.
struct Subject {
    name: &'static str,
    url: String,
    rounds: Vec<Measured>,
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, options: &Options) -> Result<Report> {
    let native = Server::start(&mut Command::new(place.binary("release", "native-axum")))?;
    let folder = place.folder("target/bench");
    let host = start_host(place, &folder)?;
    let ready: Value = serde_json::from_str(host.first_line())?;
    let address = ready.get("http").and_then(Value::as_str).context("the host does not tell its address")?;
    let subject = |name, url| Subject { name, url, rounds: Vec::new() };
    let mut subjects = vec![(&native, subject(BASELINE, native.first_line().to_owned()))];
    subjects.extend(SERVICES.iter().map(|(name, ..)| (&host, subject(name, format!("{address}/{name}")))));
    for round in 1..=options.rounds {
        for (server, subject) in &mut subjects {
            say("Measuring", &format!("{}, round {round} of {}", subject.name, options.rounds));
            subject.rounds.push(measure(place, server, &subject.url, options)?);
        }
    }
    let subjects: Vec<_> = subjects.into_iter().map(|(_, subject)| subject).collect();
    Ok(report(&subjects))
}

/// A host with one service per row, on a state directory of its own that the last run may have left.
fn start_host(place: &Place, folder: &Path) -> Result<Server> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let config = folder.join("runtime.toml");
    fs::write(&config, configuration(&place.guests())).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = Command::new(place.binary("release", "patchbay"));
    Server::start(command.args(["up", "--json"]).env("RUST_LOG", "warn").current_dir(folder))
}

fn configuration(guests: &Path) -> String {
    let component = |guest: &str| -> PathBuf { guests.join(guest).with_extension("wasm") };
    let services = SERVICES.map(|(name, guest, policy)| {
        let key = name.replace('.', "-");
        let component = component(guest);
        format!(
            "[services.{key}]\ncomponent = {component:?}\nroutes = [\"/{name}\"]\ninstances = \"{policy}\"\n\
             concurrency = 100000\n"
        )
    });
    format!("[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{}", services.concat())
}

fn measure(place: &Place, server: &Server, url: &str, options: &Options) -> Result<Measured> {
    let mut load = Command::new(place.binary("release", "load"));
    load.arg(url).args(["--connections", &options.connections.to_string()]);
    load.args(["--seconds", &options.seconds.to_string(), "--warm-up", "1"]);
    let before = server.cpu_us()?;
    let output = load.output().context("cannot start the load generator")?;
    let used = server.cpu_us()? - before;
    anyhow::ensure!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout)?;
    let number = |key: &str| {
        result.get(key).and_then(Value::as_f64).with_context(|| format!("the load generator tells no {key}"))
    };
    // CPU time also runs while the load warms up, at the same rate.
    let requests = number("requests")? * (options.seconds + 1.0) / options.seconds;
    Ok(Measured {
        per_second: number("per_second")?,
        p50_us: number("p50_us")?,
        p99_us: number("p99_us")?,
        cpu_us: used / requests,
    })
}

type Metric = (&'static str, &'static str, fn(&Measured) -> f64);

const METRICS: [Metric; 4] = [
    ("requests", "1/s", |measured| measured.per_second),
    ("p50", "us", |measured| measured.p50_us),
    ("p99", "us", |measured| measured.p99_us),
    ("cpu-per-request", "us", |measured| measured.cpu_us),
];

fn report(subjects: &[Subject]) -> Report {
    let mut rows = Vec::new();
    for (metric, unit, value) in METRICS {
        let medians: Vec<_> =
            subjects.iter().map(|subject| (subject.name, median(subject.rounds.iter().map(value).collect()))).collect();
        let baseline = medians.first().map_or(f64::NAN, |(_, value)| *value);
        rows.extend(medians.into_iter().map(|(name, value)| Row {
            name: format!("http/{name}/{metric}"),
            value,
            unit,
            ratio: value / baseline,
        }));
    }
    Report { bench: "http", baseline: BASELINE, rows }
}

//! Asking the caller to make its calls, and to tell how long they took.

use std::thread;

use anyhow::{Context, Result, ensure};

use crate::progress::Stopwatch;

use super::super::client;
use super::kinds::Kind;
use super::results::Rate;

/// Calls that are made first: instances are made, and it shows how many calls fill the time.
const WARM_UP: u64 = 32;

/// Measures for about so many milliseconds, with so many callers at a time. `way` is where the route of the caller begins.
pub(in crate::bench) fn measure(http: &str, way: &str, kind: &Kind, callers: u32, millis: u32) -> Result<Rate> {
    let ask = |calls| ask(http, way, kind, calls);
    ask(WARM_UP)?;
    let nanos_per_call = (ask(WARM_UP)? / WARM_UP).max(1);
    let calls = u64::from(millis) * 1_000_000 / nanos_per_call;
    // On two cores; what follows from it is only how long it takes.
    let each = (calls * 2 / u64::from(callers.max(2))).max(WARM_UP);
    let begun = Stopwatch::start();
    let nanos = thread::scope(|scope| {
        let asked: Vec<_> = (0..callers).map(|_| scope.spawn(|| ask(each))).collect();
        let told = asked.into_iter().map(|asked| asked.join().ok().context("a thread of the benchmark broke off")?);
        told.collect::<Result<Vec<_>>>()
    })?;
    // As it is seen from here: with more callers than cores the loops do not all run at the same time.
    let seconds = begun.elapsed().as_secs_f64();
    let all: u64 = nanos.iter().sum();
    let n_calls = (each * u64::from(callers)) as f64;
    Ok(Rate { us: all as f64 / 1000.0 / n_calls, per_second: n_calls / seconds })
}

/// The nanoseconds that so many calls took.
fn ask(http: &str, way: &str, kind: &Kind, calls: u64) -> Result<u64> {
    let path = format!("/{}/{}?calls={calls}&size={}", way, kind.path, kind.size);
    let answer = client::get(http, &path)?;
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == 200, "{path}: {} {text}", answer.status);
    text.parse().with_context(|| format!("{path}: the caller answered {text}"))
}

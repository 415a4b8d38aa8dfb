//! Calls through the engine alone, one after the other on one thread: without HTTP, sockets and policies.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::place::Place;
use crate::progress::say;

use super::super::build;
use super::super::report::Value;
use super::value;

/// The instance policies that are compared.
const POLICIES: [&str; 2] = ["fresh", "reuse"];

/// What is called: the name of the values, the component, and a function of it where it is no request that is made.
const SUBJECTS: [(&str, &str, Option<&str>); 2] =
    [("call", "bench2", None), ("typed", "bench-callee", Some("bench:calls/values@0.1.0.number"))];

/// Microseconds per call of each kind under each policy, in every round.
pub(super) fn run(place: &Place, rounds: u32) -> Result<Vec<Value>> {
    say("Building", "engine-calls, optimised; the first time takes minutes");
    // With the host's package, so that both are built from the same dependencies.
    let packages = ["--package", "patchbay-cli", "--package", "patchbay-tests"];
    let program = ["--features", "patchbay-tests/engine-calls", "--bin", "engine-calls"];
    build(place, &[packages.as_slice(), program.as_slice()].concat())?;
    let mut values = Vec::new();
    for subject in &SUBJECTS {
        values.extend(measure(place, rounds, subject)?);
    }
    Ok(values)
}

fn measure(place: &Place, rounds: u32, (name, guest, function): &(&str, &str, Option<&str>)) -> Result<Vec<Value>> {
    let mut samples: [Vec<f64>; 2] = Default::default();
    for round in 1..=rounds {
        say("Measuring", &format!("{name}, through the engine, round {round} of {rounds}"));
        let mut command = Command::new(place.optimised("engine-calls"));
        command.arg(place.guests().join(guest).with_extension("wasm"));
        if let Some(function) = function {
            command.args(["--function", function]);
        }
        let output = command.output().context("cannot start engine-calls")?;
        ensure!(output.status.success(), "engine-calls: {}", String::from_utf8_lossy(&output.stderr));
        let result: Json = serde_json::from_slice(&output.stdout).context("engine-calls prints no JSON")?;
        for (policy, samples) in POLICIES.iter().zip(&mut samples) {
            let us = result.get(policy).and_then(Json::as_f64).context("engine-calls tells no time")?;
            samples.push(us);
        }
    }
    let values = POLICIES.iter().zip(samples);
    Ok(values.map(|(policy, samples)| value(format!("start/{name}/{policy}"), "us", samples)).collect())
}

//! The same components, called without the host: through its engine alone, or as wasmtime's `Val`; and the same functions as
//! native code.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::place::Place;
use crate::progress::say;

use super::super::build as build_release;
use super::GUESTS;
use super::kinds::Kind;
use super::results::{Rate, Way};

/// Builds the program that calls.
pub(super) fn build(place: &Place) -> Result<()> {
    say("Building", "engine-calls, optimised; the first time takes minutes");
    // With the host's package, so that both are built from the same dependencies.
    let packages = ["--package", "patchbay-cli", "--package", "patchbay-tests"];
    let program = ["--features", "patchbay-tests/engine-calls", "--bin", "engine-calls"];
    build_release(place, &[packages.as_slice(), program.as_slice()].concat())
}

/// Measures for about so many milliseconds.
pub(super) fn measure(place: &Place, way: Way, kind: &Kind, millis: u32) -> Result<Rate> {
    let [caller, callee] = GUESTS.map(|guest| place.guests().join(guest).with_extension("wasm"));
    let mut command = Command::new(place.optimised("engine-calls"));
    command.arg(caller).arg("--callee").arg(callee).args(["--way", way.name(), "--millis", &millis.to_string()]);
    command.args(["--path", &format!("/{}?size={}", kind.path, kind.size)]);
    let output = command.output().context("cannot start engine-calls")?;
    ensure!(output.status.success(), "engine-calls: {}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).context("engine-calls prints no JSON")?;
    let us = result.get("us").and_then(Value::as_f64).context("engine-calls tells no time")?;
    Ok(Rate { us, per_second: 1_000_000.0 / us })
}

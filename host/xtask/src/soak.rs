//! `cargo xtask soak`: the host at load for minutes, with everything that may happen to it, and then at rest. The program
//! that does it is `tests/soak`.

use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::place::Place;
use crate::progress::say;
use crate::{guests, program};

/// How long, and what.
#[derive(Args)]
pub(crate) struct Options {
    /// How long the load lasts, in minutes
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Soak the optimised host instead of the one that is tested
    #[arg(long)]
    release: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// The guests that are soaked.
const GUESTS: [&str; 5] = ["inventory", "pricing", "probe", "probe3", "stranger"];

/// Builds what is needed and runs the soak. An error if it has found anything.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "the soak looks into /proc, so it runs on Linux only");
    guests::build(place, &GUESTS.map(str::to_owned))?;
    let mut build = program::cargo();
    build.args(["build", "--locked"]);
    let profile = if options.release {
        say("Building", "the host, optimised; the first time takes minutes");
        build.args(["--release", "--package", "patchbay-cli", "--package", "patchbay-tests"]);
        build.args(["--bin", "patchbay", "--example", "soak"]);
        "release"
    } else {
        // As for the tests, so that what was built for them is taken.
        build.args(["--workspace", "--all-targets"]);
        "debug"
    };
    program::foreground(build.current_dir(place.root()))?;
    let mut soak = Command::new(place.example(profile, "soak"));
    soak.args(["--minutes", &options.minutes.to_string()]);
    if options.json {
        soak.arg("--json");
    }
    program::foreground(soak.current_dir(place.root()))
}

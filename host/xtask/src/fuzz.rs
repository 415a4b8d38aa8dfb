//! `cargo xtask fuzz`: builds the fuzz targets and runs each for a while, beginning with its committed corpus.
//!
//! The targets are programs around libFuzzer, built by plain cargo: LLVM's coverage instrumentation is all they need, and
//! the pinned compiler has it. Inputs that lead somewhere new are kept in `target/fuzz/corpus/` for the next run, and what
//! breaks a target in `target/fuzz/artifacts/`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::place::Place;
use crate::program;
use crate::progress::say;

/// Name of each target, and the size of its largest input in bytes.
const TARGETS: [(&str, u32); 9] = [
    ("component", 1 << 16),
    ("configuration", 1 << 13),
    ("admin", 1 << 13),
    ("packed", 1 << 12),
    ("wave", 1 << 12),
    ("compare", 1 << 15),
    ("message", 1 << 12),
    ("token", 1 << 13),
    ("trace", 1 << 12),
];

/// What `cargo fuzz` would pass, without a sanitizer: the targets have no unsafe code of their own.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// What to run, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// The target; all of them by default
    name: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Where the random numbers begin; the same for everyone by default, so that a failure is found again
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

/// Builds the targets and runs them. Fails at the first input that breaks one.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    let chosen: Vec<_> =
        TARGETS.iter().filter(|(name, _)| options.name.as_deref().is_none_or(|chosen| chosen == *name)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", TARGETS.map(|(name, _)| name).join(", "));
    }
    let built = place.folder("target/fuzz");
    let triple = host_triple()?;
    say("Building", "the fuzz targets, with instrumentation; the first time takes minutes");
    let mut build = program::cargo();
    // With `--target`, build scripts and macros are left without instrumentation.
    // Not `--locked`: the lock file follows the manifests of the host's packages, which change without looking here.
    build.args(["build", "--bins", "--target", &triple]);
    build.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &built);
    program::foreground(build.current_dir(place.folder("tests/fuzz")))?;
    for (name, max_len) in chosen {
        say("Fuzzing", &format!("{name}, {} s", options.seconds));
        let (found, artifacts) = (built.join("corpus").join(name), built.join("artifacts"));
        for folder in [&found, &artifacts] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut target = Command::new(built.join(&triple).join("debug").join(name));
        target.args([
            format!("-max_total_time={}", options.seconds),
            format!("-seed={}", options.seed),
            format!("-max_len={max_len}"),
            format!("-artifact_prefix={}/{name}-", artifacts.display()),
            // One input, in seconds and MiB.
            "-timeout=10".to_owned(),
            "-rss_limit_mb=1024".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        target.args([&found, &place.folder("tests/fuzz/corpus").join(name)]);
        let text = format!("{name}: the input that broke it is in {}", place.shown(&artifacts));
        program::quietly(place, &format!("fuzz-{name}"), &mut target).context(text)?;
    }
    Ok(())
}

/// The name of this platform, as rustc has it.
fn host_triple() -> Result<String> {
    let version = program::output(Command::new("rustc").arg("-vV")).context("rustc does not tell its version")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its platform")
}

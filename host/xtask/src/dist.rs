//! `cargo xtask dist`: the host for those who use it. It is built so that it counts what it does, works for three minutes on what hosts
//! work on, and is built once more by what it counted: what is done often stands together and is fast, and what is hardly
//! ever done is out of the way.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::bench::{self, training};
use crate::builds::{self, Build, Compiler};
use crate::guests;
use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};
use crate::provision::llvm::Profdata;

/// What is built.
const HOST: [&str; 3] = ["--package", "patchbay-cli", "--bins"];

/// Trains the host, and says where it is.
pub(crate) fn run(place: &Place) -> Result<()> {
    let watch = Stopwatch::start();
    let compiler = Compiler::find(place)?;
    let profdata = Profdata::install(place, &compiler)?;
    let counting = Build::Counting(compiler.clone());
    say("Building", "the host so that it counts what it does; it takes minutes");
    counting.run(place, &HOST)?;
    bench::build_tools(place)?;
    train(&place.with(counting))?;
    let profile = merge(place, &profdata)?;
    say("Building", "the host by what it counted; it takes minutes");
    let trained = Build::Trained(compiler, profile);
    trained.run(place, &HOST)?;
    let (built, program) = (place.with(trained).optimised("patchbay"), builds::trained_program(place));
    builds::replace(&built, &program)?;
    let size = fs::metadata(&program).map_or(0, |program| program.len() >> 20);
    say("Built", &format!("{} in {}, {size} MiB", place.shown(&program), watch.seconds()));
    Ok(())
}

/// Has the host work. What it counts while it compiles what it works on, does not count.
fn train(place: &Place) -> Result<()> {
    training::prepare(place)?;
    let counts = builds::counts(place);
    fs::remove_dir_all(&counts).with_context(|| format!("cannot remove {}", place.shown(&counts)))?;
    training::run(place)
}

/// Puts together what was counted.
fn merge(place: &Place, profdata: &Profdata) -> Result<PathBuf> {
    let folder = builds::counts(place);
    let merged = folder.join("merged");
    let mut command = profdata.command();
    command.arg("merge").arg("-o").arg(&merged).arg(&folder);
    program::quietly(place, "llvm-profdata", &mut command)?;
    let digest = guests::of_files("", std::slice::from_ref(&merged))?;
    let profile = builds::profile(place, digest.get(..16).unwrap_or(&digest));
    for old in builds::profiles(place) {
        fs::remove_file(&old).with_context(|| format!("cannot remove {}", place.shown(&old)))?;
    }
    builds::replace(&merged, &profile)?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", place.shown(&folder)))?;
    Ok(profile)
}

//! `cargo xtask browser`: what only a real browser can prove, in Chromium, against the real host. The tests are in
//! `tests/browser/`, and find what they need in their environment.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::place::Place;
use crate::progress::say;
use crate::provision::browser::{self, TESTS};
use crate::test::tally::Tally;
use crate::{guests, program};

/// How a file with tests ends.
const TEST: &str = ".test.js";

/// How long one test may take, in milliseconds: a cold compiler on a busy machine is slow.
const PATIENCE: u32 = 240_000;

/// Guests that the tests have the host serve.
const GUESTS: [&str; 8] =
    ["probe3", "hello", "inventory", "notifications", "orders", "payments", "pricing", "shipping"];

/// Which tests.
#[derive(Args)]
pub(crate) struct Options {
    /// Files with one of these in their name; all by default
    names: Vec<String>,
    /// Take the host and the guests as they were built last
    #[arg(long)]
    no_build: bool,
}

/// Builds the host and its guests, and runs the tests.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    if !options.no_build {
        guests::build(place, &GUESTS.map(str::to_owned))?;
        program::build_for_tests(place)?;
    }
    test(place, &options.names, &mut Tally::default())
}

/// Runs the tests with the host and the guests that are built already.
pub(crate) fn test(place: &Place, names: &[String], tally: &mut Tally) -> Result<()> {
    let files = files(place, names)?;
    let browser = browser::install(place)?;
    say("Testing", TESTS);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", &format!("--test-timeout={PATIENCE}")]).args(files);
    node.env("PATCHBAY_ROOT", place.root())
        .env("PATCHBAY_BINARY", place.binary("debug", "patchbay"))
        .env("PATCHBAY_GUESTS", place.guests())
        .env("PATCHBAY_CHROMIUM", browser.chromium)
        .env("PATCHBAY_PACKAGES", browser.packages)
        .env("NO_COLOR", "1");
    tally.run(node.current_dir(place.root()))
}

/// The files with tests.
fn files(place: &Place, names: &[String]) -> Result<Vec<PathBuf>> {
    let folder = place.folder(TESTS);
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let chosen = names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
        if name.ends_with(TEST) && chosen {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "no file of {TESTS} is meant by {}", names.join(", "));
    Ok(files)
}

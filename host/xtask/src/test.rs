//! `cargo xtask test`: everything that is tested, in the order in which it is needed.

mod coverage;
pub(crate) mod tally;

use std::time::Duration;

use anyhow::{Result, bail};

use crate::guests::find::{self, EXAMPLES, Language};
use crate::place::Place;
use crate::progress::{Stopwatch, say, seconds};
use crate::{api, browser, guests, program, provision};
use tally::Tally;

/// How long the parts took.
#[derive(Default)]
struct Summary(Vec<(&'static str, Duration)>);

impl Summary {
    fn part(&mut self, name: &'static str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        let watch = Stopwatch::start();
        let outcome = run();
        self.0.push((name, watch.elapsed()));
        outcome
    }

    fn print(&self) {
        eprintln!();
        for (name, duration) in &self.0 {
            say(&seconds(*duration), name);
        }
        say(&seconds(self.0.iter().map(|(_, duration)| *duration).sum()), "in all");
    }
}

/// Builds all guests and the host, and runs all tests; `arguments` go to `cargo test`.
pub(crate) fn run(place: &Place, arguments: &[String]) -> Result<()> {
    let (mut summary, mut tally) = (Summary::default(), Tally::default());
    let outcome = parts(place, arguments, &mut summary, &mut tally);
    summary.print();
    println!("\n{}", tally.line());
    outcome
}

fn parts(place: &Place, arguments: &[String], summary: &mut Summary, tally: &mut Tally) -> Result<()> {
    coverage::check(place)?;
    summary.part("guests", || guests::build(place, &[]))?;
    summary.part("tests of the guests", || of_guests(place, tally))?;
    summary.part("the NATS server", || provision::nats::install(place).map(drop))?;
    summary.part("the receiver of OTLP", || provision::rotel::install(place).map(drop))?;
    summary.part("promtool", || provision::promtool::install(place).map(drop))?;
    summary.part("the host", || program::build_for_tests(place))?;
    summary.part("tests of the host", || of_host(place, arguments, tally))?;
    summary.part("tests in the browser", || browser::test(place, &[], tally))?;
    summary.part("the admin API against its description", || api::test(place))
}

/// The guests' own tests, which need no host. All of them run, whichever fails.
fn of_guests(place: &Place, tally: &mut Tally) -> Result<()> {
    let mut failed = Vec::new();
    for workspace in [EXAMPLES, find::PROBES] {
        say("Testing", workspace);
        let mut command = program::cargo();
        command.args(["test", "--locked", "--workspace", "--quiet"]).env("CARGO_TARGET_DIR", place.guest_build());
        if let Err(error) = tally.run(command.current_dir(place.folder(workspace))) {
            failed.push(format!("{workspace}: {error:#}"));
        }
    }
    for guest in find::all(place)? {
        let test = match guest.language {
            Language::Rust => continue,
            Language::TypeScript => guests::test_typescript,
            Language::Python => guests::test_python,
            Language::Go => guests::test_go,
            Language::C => guests::test_c,
        };
        say("Testing", &guest.name);
        if let Err(error) = test(place, &guest) {
            failed.push(format!("{}: {error:#}", guest.name));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("tests of guests failed:\n  {}", failed.join("\n  "))
}

fn of_host(place: &Place, arguments: &[String], tally: &mut Tally) -> Result<()> {
    let mut command = program::cargo();
    tally.run(command.args(["test", "--locked", "--workspace"]).args(arguments).current_dir(place.root()))
}

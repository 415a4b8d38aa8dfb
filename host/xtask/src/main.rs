//! `cargo xtask`: what a person or a script does with this repository, one module per command.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod api;
mod bench;
mod browser;
mod builds;
mod demo;
mod dist;
mod fuzz;
mod guests;
mod place;
mod program;
mod progress;
mod provision;
mod soak;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use place::Place;

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build guests into target/guests/NAME.wasm; those that are current are skipped
    Guests {
        /// The guests to build; all of them by default
        names: Vec<String>,
    },
    /// Build the example services and the host, and run them
    Demo,
    /// Build the host for those who use it: optimised by what it counts while it works. Takes half an hour
    Dist,
    /// Fetch the NATS server that tests of the bus start into target/tools
    Nats,
    /// Hold the admin API against its description, with requests that are made from it
    Api(api::Options),
    /// Measure, beside what is compared with
    Bench(bench::Options),
    /// Run the tests in a real browser
    Browser(browser::Options),
    /// Run the fuzz targets, each for a while
    Fuzz(fuzz::Options),
    /// Run the host at load for minutes, and see that it comes to rest as it was
    Soak(soak::Options),
    /// Build everything and run every test
    Test {
        /// Arguments for `cargo test`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let place = Place::find()?;
    match task {
        Task::Guests { names } => guests::build(&place, &names),
        Task::Demo => demo::run(&place),
        Task::Dist => dist::run(&place),
        Task::Nats => provision::nats::install(&place).map(|path| println!("{}", place.shown(&path))),
        Task::Api(options) => api::run(&place, &options),
        Task::Bench(options) => bench::run(&place, &options),
        Task::Browser(options) => browser::run(&place, &options),
        Task::Fuzz(options) => fuzz::run(&place, &options),
        Task::Soak(options) => soak::run(&place, &options),
        Task::Test { arguments } => test::run(&place, &arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}

//! The program `patchbay`: a host for services that are WebAssembly components, and the commands to operate it.

mod allocator;
mod announcement;
mod app;
mod args;
mod brief;
mod client;
mod columns;
mod commands;
mod completion;
mod components;
mod config;
mod failure;
mod hazards;
mod open_files;
mod reload;
mod running;
mod screen;
mod signals;
mod telemetry;

use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::screen::Screen;

/// A call makes and drops some dozens of small things, many of them on another thread than the one that made them.
/// The allocator of the system takes locks for those.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// How long work in the background, which nobody waits for any more, may hold up the end of the program.
const LINGER: Duration = Duration::from_millis(200);

/// How long a thread for work that blocks waits for more of it. Each has part of the heap for itself, and hands it on when it
/// goes: with tokio's ten seconds, as many threads as a start has at a time would each keep what only one of them needs.
const IDLE: Duration = Duration::from_millis(200);

/// Threads that serve, at least: one that is held by an instance must not be the only one.
const SERVING: usize = 2;

fn main() -> ExitCode {
    if let Some(shell) = completion::asked() {
        // A shell that has gone on wants no candidates, and nobody at a keyboard wants an error.
        let _ = completion::answer(shell);
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    let screen = Screen { json: cli.json };
    if matches!(cli.command, Command::Compile) {
        return compile();
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // If even this cannot be written, the exit code still tells.
            let _ = screen.failure(&failure);
            ExitCode::from(failure.kind as u8)
        }
    }
}

/// Compiles one component, without anything of a host around it.
fn compile() -> ExitCode {
    match patchbay_engine::work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host reads it; if it is gone, nobody does.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).max(SERVING);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(threads).thread_keep_alive(IDLE).enable_all().build()?;
    let done = runtime.block_on(commands::run(cli));
    runtime.shutdown_timeout(LINGER);
    telemetry::flush();
    done
}

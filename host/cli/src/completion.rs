//! Completion: what a shell offers for the word at the cursor, with the names that the running host has.
//!
//! The scripts that `patchbay completions` prints call this program again, with a variable in its environment that says
//! which shell asks. It answers with one candidate a line and nothing else: whatever goes wrong, there are none.

mod attach;
mod candidates;
mod given;
mod line;
mod live;
mod script;
mod shown;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};

use clap::ValueEnum;
use clap_complete::CompletionCandidate;

use crate::args::Shell;

use given::Given;
use line::Line;

pub(crate) use script::script;

/// The variable that a script sets, to the name of its shell.
const ASKED: &str = "PATCHBAY_COMPLETE";

/// The shell that asks for candidates, if it is one that has started this program.
pub(crate) fn asked() -> Option<Shell> {
    Shell::from_str(&env::var(ASKED).ok()?, false).ok()
}

/// Prints the candidates for the command line that follows `--` among the arguments of this program.
///
/// # Errors
/// If nobody reads them.
pub(crate) fn answer(shell: Shell) -> io::Result<()> {
    let told = env::args_os().skip_while(|argument| argument != "--").skip(1);
    let told: Vec<_> = told.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let Some(line) = Line::told(shell, &told) else { return Ok(()) };
    io::stdout().lock().write_all(shown::shown(shell, &line, &candidates_for(&line)).as_bytes())
}

/// What the word at the cursor may become. Options are offered to those who begin one.
fn candidates_for(line: &Line) -> Vec<CompletionCandidate> {
    let mut command = attach::command(Given::read(&line.before));
    let words: Vec<OsString> = line.before.iter().chain([&line.current]).map(OsString::from).collect();
    let here = env::current_dir().ok();
    let mut candidates =
        clap_complete::engine::complete(&mut command, words, line.before.len(), here.as_deref()).unwrap_or_default();
    if !line.current.starts_with('-') {
        candidates.retain(|candidate| !candidate.get_value().to_string_lossy().starts_with('-'));
    }
    candidates
}

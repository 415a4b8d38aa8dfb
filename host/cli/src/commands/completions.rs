//! `patchbay completions`: a script that teaches a shell the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{generate, shells};

use crate::args::{Cli, Shell};

/// Prints the script.
///
/// # Errors
/// If nobody takes it.
pub(crate) fn print(shell: Shell) -> io::Result<()> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, "patchbay", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, "patchbay", &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, "patchbay", &mut script),
    }
    io::stdout().lock().write_all(&script)
}

//! `patchbay completions`: a script that teaches a shell the command line.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::args::Shell;
use crate::completion;

/// Prints the script.
///
/// # Errors
/// If nobody takes it.
pub(crate) fn print(shell: Shell) -> io::Result<()> {
    let called = env::args_os().next().map_or_else(|| "patchbay".into(), PathBuf::from);
    let here = env::current_dir().unwrap_or_default();
    io::stdout().lock().write_all(completion::script(shell, &found_again(&called, &here)).as_bytes())
}

/// What to call this program by from any directory, if it was called like that in this one: a plain name is looked up in
/// the search path, then as now.
fn found_again(called: &Path, here: &Path) -> String {
    let path = if called.components().count() > 1 { &here.join(called) } else { called };
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_again() {
        for (called, again) in [
            ("patchbay", "patchbay"),
            ("/usr/bin/patchbay", "/usr/bin/patchbay"),
            ("target/debug/patchbay", "/here/target/debug/patchbay"),
        ] {
            assert_eq!(found_again(Path::new(called), Path::new("/here")), again);
        }
        assert_eq!(found_again(Path::new("./patchbay"), Path::new("/here")), "/here/./patchbay");
    }
}

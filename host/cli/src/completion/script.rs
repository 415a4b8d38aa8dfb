//! The scripts that have a shell ask this program.

use crate::args::Shell;

/// The script for a shell. It calls the program by the name or path that is given.
pub(crate) fn script(shell: Shell, program: &str) -> String {
    let script = match shell {
        Shell::Bash => include_str!("scripts/patchbay.bash"),
        Shell::Zsh => include_str!("scripts/patchbay.zsh"),
        Shell::Fish => include_str!("scripts/patchbay.fish"),
    };
    script.replace("PROGRAM", &quoted(program))
}

/// The text as one word of a shell: all three read single quotes in this way.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn scripts_call_the_program_where_it_is() {
        for shell in Shell::value_variants() {
            let script = script(*shell, "/opt/it's here/patchbay");
            assert!(script.contains(r"'/opt/it'\''s here/patchbay' -- "), "{script}");
            assert!(script.contains(super::super::ASKED) && !script.contains("PROGRAM"), "{script}");
        }
    }
}

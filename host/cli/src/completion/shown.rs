//! Candidates, written as each shell reads them.

use clap_complete::CompletionCandidate;

use super::line::Line;
use crate::args::Shell;

/// What means something to bash outside of quotes. `~` is not among it: a path that begins with it is to go on meaning the
/// home directory.
const SPECIAL: &str = " \t\"'\\$`&|;<>()*?[]{}!#";

/// The candidates, one a line: to zsh and fish with what they are, in their own way.
pub(crate) fn shown(shell: Shell, line: &Line, candidates: &[CompletionCandidate]) -> String {
    candidates.iter().map(|candidate| one(shell, line, candidate) + "\n").collect()
}

fn one(shell: Shell, line: &Line, candidate: &CompletionCandidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    match (shell, help(candidate)) {
        (Shell::Bash, _) => {
            let rest = value.get(line.left..).unwrap_or_default();
            if line.in_quotes { rest.to_owned() } else { escaped(rest, SPECIAL) }
        }
        (Shell::Zsh, None) => escaped(&value, ":\\"),
        (Shell::Zsh, Some(help)) => format!("{}:{help}", escaped(&value, ":\\")),
        (Shell::Fish, None) => value.into_owned(),
        (Shell::Fish, Some(help)) => format!("{value}\t{help}"),
    }
}

/// The first line of what the candidate is, without anything that would move the cursor: a service can have a part in it.
fn help(candidate: &CompletionCandidate) -> Option<String> {
    let help = candidate.get_help()?.to_string();
    let line: String = help.lines().next()?.chars().filter(|letter| !letter.is_control()).collect();
    (!line.is_empty()).then_some(line)
}

/// The text with a backslash before each of the special letters in it.
fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if special.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_reads_what_it_is_to() {
        let function =
            CompletionCandidate::new("shop:stock/stock.reserve").help(Some("func(a:\u{7} u32)\nmore".into()));
        let file = CompletionCandidate::new("~/my file");
        let line = |left, in_quotes| Line { before: Vec::new(), current: String::new(), in_quotes, left };
        for (shell, left, in_quotes, candidate, wanted) in [
            (Shell::Bash, 5, false, &function, "stock/stock.reserve\n"),
            (Shell::Bash, 0, true, &function, "shop:stock/stock.reserve\n"),
            (Shell::Bash, 0, false, &file, "~/my\\ file\n"),
            (Shell::Bash, 0, true, &file, "~/my file\n"),
            (Shell::Zsh, 0, false, &function, "shop\\:stock/stock.reserve:func(a: u32)\n"),
            (Shell::Zsh, 0, false, &file, "~/my file\n"),
            (Shell::Fish, 0, false, &function, "shop:stock/stock.reserve\tfunc(a: u32)\n"),
            (Shell::Fish, 0, false, &file, "~/my file\n"),
        ] {
            assert_eq!(shown(shell, &line(left, in_quotes), std::slice::from_ref(candidate)), wanted);
        }
        assert_eq!(shown(Shell::Bash, &line(0, false), &[]), "");
    }
}

//! What the words before the cursor say: which host is meant, and which service.

use std::any::Any;
use std::env;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory};
use patchbay_model::ServiceName;
use patchbay_model::bus::Topic;

use crate::args::{Cli, HostArgs};

/// What is known before the word at the cursor is.
#[derive(Debug)]
pub(crate) struct Given {
    /// How the host is found.
    pub(crate) host: HostArgs,
    /// The service that the command is about.
    pub(crate) service: Option<ServiceName>,
    /// The topic whose dead letters the command is about.
    pub(crate) letters: Option<Topic>,
}

impl Given {
    /// Reads the words, of which the first is the program. What is wrong or missing in them says nothing.
    pub(crate) fn read(words: &[String]) -> Self {
        let command = Cli::command().ignore_errors(true);
        let matches = command.try_get_matches_from(without_open_option(words)).unwrap_or_default();
        let mut innermost = &matches;
        while let Some((_, inner)) = innermost.subcommand() {
            innermost = inner;
        }
        Self {
            host: HostArgs {
                admin: value(innermost, "admin"),
                ca: value(innermost, "ca").map(at_home),
                token_file: value(innermost, "token_file").map(at_home),
                state: value(innermost, "state").map(at_home),
            },
            service: value(innermost, "name"),
            letters: value(innermost, "letters"),
        }
    }
}

/// The words without an option at their end whose value is the word at the cursor: with it they would be wrong.
fn without_open_option(words: &[String]) -> &[String] {
    match words {
        [before @ .., option] if option.starts_with('-') && !option.contains('=') => before,
        words => words,
    }
}

/// The value of an argument, where the command has it.
fn value<T: Any + Clone + Send + Sync>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one::<T>(name).ok().flatten().cloned()
}

/// The path, from the home directory if it begins with `~`: the shell would have put it there, had it been asked to run
/// the command.
fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> (Option<String>, Option<String>, Option<String>) {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let Given { host, service, .. } = Given::read(&words);
        (service.map(|name| name.to_string()), host.state.map(|path| path.display().to_string()), host.admin)
    }

    #[test]
    fn words_that_are_no_whole_command_line_say_what_they_can() {
        let some = |text: &str| Some(text.to_owned());
        for (line, service, state, admin) in [
            ("patchbay call", None, None, None),
            ("patchbay call inventory", some("inventory"), None, None),
            ("patchbay call --state /x inventory", some("inventory"), some("/x"), None),
            ("patchbay call inventory --admin=h:1 --arguments", some("inventory"), None, some("h:1")),
            ("patchbay rollback orders --state=/x --to", some("orders"), some("/x"), None),
            ("patchbay rollback orders --state=/x", some("orders"), some("/x"), None),
            ("patchbay --json authz explain --state /x orders", None, some("/x"), None),
            ("patchbay deploy --state /x Wrong", None, some("/x"), None),
            ("patchbay up --state /x", None, some("/x"), None),
            ("patchbay frobnicate", None, None, None),
            ("patchbay ps --help", None, None, None),
            ("", None, None, None),
        ] {
            assert_eq!(given(line), (service, state, admin), "{line}");
        }
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let home = env::home_dir().unwrap();
        assert_eq!(at_home("~/state".into()), home.join("state"));
        assert_eq!(at_home("~other/state".into()), PathBuf::from("~other/state"));
    }
}

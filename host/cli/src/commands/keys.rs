//! `patchbay keys`: API keys.

use patchbay_backends::identity::new_api_key;
use serde_json::json;

use crate::args::NewKeyArgs;
use crate::failure::Failure;
use crate::screen::{DIM, Screen, styled};

/// Makes an API key and shows it, once, with what the configuration has to say of it.
///
/// # Errors
/// If the operating system has no random numbers.
pub(crate) fn new(args: &NewKeyArgs, screen: Screen) -> Result<(), Failure> {
    let made = new_api_key().map_err(|error| Failure::failed(format!("no key can be made: {error}")))?;
    let line = line(args, &made.hash.to_string());
    if screen.json {
        return screen.value(&json!({ "name": args.name, "key": made.key, "hash": made.hash, "line": line }));
    }
    screen.line(&made.key)?;
    screen.note(styled(
        DIM,
        "\nThis key is shown once. What the host has to know of it, below `[auth.keys]` of runtime.toml:\n",
    ))?;
    Ok(screen.line(line)?)
}

/// The entry of the key in the configuration, in TOML.
fn line(args: &NewKeyArgs, hash: &str) -> String {
    let list = |name: &str, texts: &[String]| match texts {
        [] => String::new(),
        // Strings of JSON are such of TOML, too.
        texts => format!(", {name} = {}", serde_json::Value::from(texts)),
    };
    let (scopes, groups) = (list("scopes", &args.scopes), list("groups", &args.groups));
    let expires = args.expires.as_ref().map(|time| format!(", expires = \"{time}\"")).unwrap_or_default();
    format!("{} = {{ hash = \"{hash}\"{scopes}{groups}{expires} }}", args.name)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command, KeysCommand};

    fn args(words: &str) -> Option<NewKeyArgs> {
        match Cli::try_parse_from(words.split(' ')).ok()?.command {
            Command::Keys(KeysCommand::New(args)) => Some(args),
            _ => None,
        }
    }

    #[test]
    fn the_line_is_what_the_configuration_reads() {
        for (words, wanted) in [
            ("patchbay keys new robot", "robot = { hash = \"H\" }"),
            (
                "patchbay keys new r-2 --scope read --scope a\"b --group staff --expires 2027-01-31T12:00:00Z",
                "r-2 = { hash = \"H\", scopes = [\"read\",\"a\\\"b\"], groups = [\"staff\"], expires = \"2027-01-31T12:00:00Z\" }",
            ),
        ] {
            let line = line(&args(words).unwrap(), "H");
            assert_eq!(line, wanted);
            assert!(line.parse::<toml::Table>().is_ok(), "{line}");
        }
        for wrong in ["patchbay keys new a.b", "patchbay keys new a --expires soon"] {
            assert!(args(wrong).is_none(), "{wrong}");
        }
    }
}

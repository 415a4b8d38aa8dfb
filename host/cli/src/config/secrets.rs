//! The `secrets` of a service: where each is, and never what it is.

use std::collections::BTreeMap;

use patchbay_model::{SecretRef, is_secret_name, sounds_secret};
use toml::de::DeValue;

use super::table::{Named, Table};
use super::value;

/// Reads the secrets that are granted to a service.
pub(super) fn read(table: &mut Table<'_>) -> BTreeMap<String, SecretRef> {
    let entries = table.named("secrets");
    entries.iter().filter_map(|entry| Some((entry.name.to_owned(), reference(entry)?))).collect()
}

/// Where a secret is.
pub(super) fn reference(entry: &Named<'_>) -> Option<SecretRef> {
    if !is_secret_name(entry.name) {
        entry.report("is no name for a secret; write 1 to 63 letters, digits, `-`, `_` and `.`");
    }
    if !entry.is(|value| matches!(value, DeValue::Table(_))) {
        entry.report(
            "is written here, where everybody reads it who reads this file: put it into a file or into the environment of the \
             host, and say where it is: `{ file = \"secrets/api-key\" }` or `{ env = \"API_KEY\" }`",
        );
        return None;
    }
    entry.table(|table| {
        let file = table.optional("file", value::path).map(SecretRef::File);
        let env = table.optional("env", variable).map(SecretRef::Env);
        match (table.has("file"), table.has("env")) {
            (true, true) => table.report("env", "is one place too many; a secret is in a `file` or in `env`"),
            (false, false) => {
                table.report("file", "is missing; say where the secret is, with `file = \"PATH\"` or `env = \"NAME\"`");
            }
            (true, false) | (false, true) => {}
        }
        file.or(env)
    })?
}

/// The name of a variable in an environment.
fn variable(value: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(value)?;
    let is_one = !text.is_empty() && !text.contains(['=', '\0']);
    if is_one { Ok(text) } else { Err("must be the name of a variable, such as `API_KEY`".to_owned()) }
}

/// Warns of what is named like a secret and stands among the strings of `config`.
pub(super) fn suspect(entry: &Named<'_>) {
    if sounds_secret(entry.name) {
        entry.warn(
            "is named like a secret, and stands here for everybody who reads this file; the admin API shows it, too. Grant it \
             in `secrets` of the service, which reads it through `patchbay:host/secrets`",
        );
    }
}

/// Whether what stands under this path of the file is not to be shown: a secret that is written where it does not belong.
pub(super) fn is_confidential(path: &str) -> bool {
    let mut keys = path.splitn(4, '.');
    match (keys.next(), keys.next(), keys.next(), keys.next()) {
        (Some("services"), Some(_), Some("secrets"), Some(_)) => true,
        (Some("otlp"), Some("headers"), Some(_), None) => true,
        (Some("services"), Some(_), Some("config"), Some(key)) => sounds_secret(key),
        _ => false,
    }
}

//! Who is known: issuers, API keys and the key of the host, as the configuration has them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use patchbay_backends::identity::{self, ApiKeyRecord, ApiKeySettings, HttpFetch, Identity, Outside};
use patchbay_control::Identities;
use patchbay_model::ports::Clock;
use reqwest::header::HeaderName;

use crate::config::{self, AuthConfig};
use crate::failure::{Failure, FailureKind};

/// Puts together what knows people. Keys of issuers that `former` had already are kept, so that a new configuration works
/// while an issuer is down.
///
/// # Errors
/// If a file that the configuration names cannot be used.
pub(crate) fn open(config: &AuthConfig, clock: Arc<dyn Clock>, former: &Identity) -> Result<Identity, Failure> {
    let outside = Outside { clock, fetch: Arc::new(HttpFetch::default()), read_keys };
    identity::open(&config.settings, &outside, former)
        .map_err(|problem| Failure::new(FailureKind::Refused, format!("what `[auth]` names cannot be used: {problem}")))
}

/// The same as control takes it.
///
/// # Errors
/// If the header of API keys can be none.
pub(crate) fn identities(config: &AuthConfig, identity: &Identity) -> Result<Identities, Failure> {
    let header = HeaderName::from_bytes(config.api_key_header.as_bytes());
    Ok(Identities {
        authenticator: identity.authenticator.clone().map(|authenticator| authenticator as _),
        api_key_header: header.map_err(|error| Failure::failed(format!("auth.api_key_header: {error}")))?,
        signer: identity.signer.clone().map(|signer| signer as _),
    })
}

/// Reads a file of API keys: TOML, or JSON if its name ends so. In both, each key stands under its name as in
/// `[auth.keys]`.
fn read_keys(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, ApiKeySettings>, String> {
    let wrong = |problem: &dyn std::fmt::Display| format!("holds no API keys: {problem}");
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let records: BTreeMap<String, ApiKeyRecord> = if is_json {
        serde_json::from_slice(bytes).map_err(|error| wrong(&error))?
    } else {
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(&error))?;
        toml::from_str(text).map_err(|error| wrong(&error.message()))?
    };
    let read = records.into_iter().map(|(name, record)| {
        let settings = config::key_name(&name).and_then(|_| ApiKeySettings::try_from(record));
        settings.map(|settings| (name.clone(), settings)).map_err(|problem| wrong(&format!("`{name}`: {problem}")))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_keys_are_toml_or_json() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        let toml = format!(
            "robot = {{ hash = \"{hash}\", scopes = [\"read\"], expires = \"2027-01-31T12:00:00Z\" }}\n[other]\nhash = \"{hash}\"\n"
        );
        let json = format!(
            r#"{{"robot":{{"hash":"{hash}","scopes":["read"],"expires":"2027-01-31T12:00:00Z"}},"other":{{"hash":"{hash}"}}}}"#
        );
        let from_toml = read_keys(Path::new("keys.toml"), toml.as_bytes()).unwrap();
        assert_eq!(from_toml, read_keys(Path::new("keys.JSON"), json.as_bytes()).unwrap());
        assert_eq!(from_toml["robot"].scopes, ["read"]);
        assert!(from_toml["robot"].expires.is_some() && from_toml["other"].expires.is_none());
        assert_eq!(read_keys(Path::new("keys"), b"").unwrap(), BTreeMap::new());
        for (name, text) in [
            ("keys.toml", "robot = 1"),
            ("keys.toml", "robot = { hash = \"secret\" }"),
            ("keys.toml", "robot = { key = \"secret\" }"),
            ("keys.toml", "= secret"),
            ("keys.json", "secret"),
            ("keys.json", r#"{"robot":{}}"#),
            ("keys.toml", &format!("\"a b\" = {{ hash = \"{hash}\" }}")),
            ("keys.toml", &format!("robot = {{ hash = \"{hash}\", expires = \"soon\" }}")),
        ] {
            let problem = read_keys(Path::new(name), text.as_bytes()).unwrap_err();
            assert!(problem.starts_with("holds no API keys: "), "{problem}");
        }
    }
}

//! Who is known: issuers, API keys and the key of the host, as the configuration has them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use patchbay_backends::identity::{self, ApiKeyRecord, ApiKeySettings, HttpFetch, Identity, IdentityProblem, Outside};
use patchbay_control::{Control, Identities};
use patchbay_model::metrics::{Collected, MetricSource};
use patchbay_model::ports::{BoxFuture, Clock};
use reqwest::header::HeaderName;

use crate::config::{self, AuthConfig, Config};
use crate::failure::Failure;
use crate::reload::{Commit, Complaint, Reloadable};

/// What knows people in a host that runs.
pub(crate) struct Known {
    control: Arc<Control>,
    clock: Arc<dyn Clock>,
    now: Arc<Mutex<(AuthConfig, Identity)>>,
}

impl Known {
    /// Has `control` know the people of `config`, for whom `identity` was made.
    ///
    /// # Errors
    /// If the header of API keys can be none.
    pub(crate) fn attach(
        control: &Arc<Control>,
        clock: Arc<dyn Clock>,
        config: AuthConfig,
        identity: Identity,
    ) -> Result<Self, Failure> {
        control.set_identities(identities(&config, &identity).map_err(Failure::failed)?);
        Ok(Self { control: Arc::clone(control), clock, now: Arc::new(Mutex::new((config, identity))) })
    }
}

impl Known {
    /// Tells what happened to credentials.
    pub(crate) fn metrics(&self) -> Arc<dyn MetricSource> {
        Arc::new(KnownMetrics(Arc::clone(&self.now)))
    }
}

/// Tells what happened to credentials.
struct KnownMetrics(Arc<Mutex<(AuthConfig, Identity)>>);

impl MetricSource for KnownMetrics {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        let identity = self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone();
        let counts = identity.authenticator.map(|authenticator| authenticator.counts());
        identity::collect(counts.as_ref(), into);
        Box::pin(std::future::ready(()))
    }
}

impl Reloadable for Known {
    fn judge(&self, config: &Config) -> Result<Commit, Vec<Complaint>> {
        let config = config.auth.clone();
        let (known, former) = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known == config {
            return Ok(Box::new(|| {}));
        }
        let complain = |key: &str, message: String| vec![Complaint { key: key.to_owned(), message }];
        let identity = open(&config, Arc::clone(&self.clock), &former)
            .map_err(|wrong| complain(&format!("auth.{}", wrong.key), wrong.problem))?;
        let identities = identities(&config, &identity).map_err(|problem| complain("auth.api_key_header", problem))?;
        let (control, now) = (Arc::clone(&self.control), Arc::clone(&self.now));
        Ok(Box::new(move || {
            control.set_identities(identities);
            *now.lock().unwrap_or_else(PoisonError::into_inner) = (config, identity);
        }))
    }
}

/// What knows the people of `config`. Keys of issuers that `former` had already are kept, so that a new configuration works
/// while an issuer is down.
///
/// # Errors
/// If a file that the configuration names cannot be used.
pub(crate) fn open(config: &AuthConfig, clock: Arc<dyn Clock>, former: &Identity) -> Result<Identity, IdentityProblem> {
    identity::open(&config.settings, &Outside { clock, fetch: Arc::new(HttpFetch::default()), read_keys }, former)
}

/// The same as control takes it.
fn identities(config: &AuthConfig, identity: &Identity) -> Result<Identities, String> {
    let header = HeaderName::from_bytes(config.api_key_header.as_bytes());
    Ok(Identities {
        authenticator: identity.authenticator.clone().map(|authenticator| authenticator as _),
        api_key_header: header.map_err(|error| error.to_string())?,
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

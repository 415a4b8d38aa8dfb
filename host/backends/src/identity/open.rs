//! Identity as it is configured, put together.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use patchbay_model::ports::Clock;
use tokio::task::AbortHandle;

use super::api_key::ApiKeys;
use super::authenticator::{CredentialAuthenticator, Issuer};
use super::fetch::Fetch;
use super::key_set::KeySet;
use super::refusal::Counters;
use super::remembered::Remembered;
use super::settings::{ApiKeySettings, AuthSettings, HOST_ISSUER, IssuerSettings, KeySource};
use super::signer::KeyFileSigner;
use super::source::{Keys, Looking, Origin};

/// Reads a file of API keys: its name, which says how it is written, and its bytes.
pub type ReadKeys = fn(&Path, &[u8]) -> Result<BTreeMap<String, ApiKeySettings>, String>;

/// What identity needs of the outside.
#[derive(Clone)]
pub struct Outside {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Fetches keys.
    pub fetch: Arc<dyn Fetch>,
    /// Reads a file of API keys.
    pub read_keys: ReadKeys,
}

/// Something that is wrong with what the configuration names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct IdentityProblem {
    /// The key below `auth`, such as `issuers.corp.key_file`.
    pub key: String,
    /// What is wrong, and with which file.
    pub problem: String,
}

impl IdentityProblem {
    fn new(key: impl Into<String>, problem: String) -> Self {
        Self { key: key.into(), problem }
    }
}

/// Identity as it is configured.
#[derive(Clone, Default)]
pub struct Identity {
    /// Tells who a credential is of; `None` if nobody vouches for users.
    pub authenticator: Option<Arc<CredentialAuthenticator>>,
    /// Signs tokens; `None` if the host has no key.
    pub signer: Option<Arc<KeyFileSigner>>,
}

/// Puts identity together. Files are read before this returns, which blocks for as long as the file system takes; what
/// has to be fetched is fetched in the background. Keys of issuers whose settings say the same as those of `former` are
/// kept, so that a new configuration works while an issuer is down. To be called in a runtime of tokio.
///
/// # Errors
/// What is wrong with a file, and with which.
pub fn open(settings: &AuthSettings, outside: &Outside, former: &Identity) -> Result<Identity, IdentityProblem> {
    check_names(settings)?;
    let signer = signer(settings, outside, former)?;
    if settings.is_empty() {
        return Ok(Identity::default());
    }
    let former = former.authenticator.as_deref();
    let counters = former.map_or_else(Arc::default, |former| Arc::clone(&former.counters));
    let known = former.map(CredentialAuthenticator::by_name).unwrap_or_default();
    let mut issuers = HashMap::new();
    for (name, issuer) in &settings.issuers {
        let kept = known.get(name.as_str()).filter(|known| has_same_keys(&known.settings, issuer));
        let keys = match kept {
            Some(known) => Arc::clone(&known.keys),
            None => Arc::new(keys(name, issuer, outside, &counters)?),
        };
        issuers.insert(issuer.issuer.clone(), Issuer { name: name.clone(), settings: issuer.clone(), keys });
    }
    if let (Some(signer), Some(signing)) = (&signer, &settings.signing) {
        let own = vec![signing.issuer.clone()];
        let audiences = if signing.audiences.is_empty() { own } else { signing.audiences.clone() };
        let issuer = IssuerSettings::new(&signing.issuer, audiences, KeySource::File(signing.key.clone()));
        let keys = Arc::new(Keys::of(signer.keys()));
        issuers.insert(signing.issuer.clone(), Issuer { name: HOST_ISSUER.to_owned(), settings: issuer, keys });
    }
    let (api_keys, keeper) =
        api_keys(settings, outside.read_keys).map_err(|problem| IdentityProblem::new("keys_file", problem))?;
    let (clock, remembered) = (Arc::clone(&outside.clock), Remembered::new());
    let authenticator = CredentialAuthenticator { issuers, api_keys, remembered, clock, counters, keeper };
    Ok(Identity { authenticator: Some(Arc::new(authenticator)), signer })
}

/// Whether everybody who vouches can be told apart.
fn check_names(settings: &AuthSettings) -> Result<(), IdentityProblem> {
    let mut seen = BTreeMap::new();
    let own = settings.signing.iter().map(|signing| (HOST_ISSUER, signing.issuer.as_str()));
    for (name, issuer) in
        settings.issuers.iter().map(|(name, issuer)| (name.as_str(), issuer.issuer.as_str())).chain(own)
    {
        if let Some(other) = seen.insert(issuer, name) {
            let problem =
                format!("the issuers `{other}` and `{name}` both have `{issuer}` in `iss`; give each its own");
            return Err(IdentityProblem::new(format!("issuers.{other}.issuer"), problem));
        }
    }
    Ok(())
}

/// The signer. One with the same settings goes on, because it knows the keys that were in use before.
fn signer(
    settings: &AuthSettings,
    outside: &Outside,
    former: &Identity,
) -> Result<Option<Arc<KeyFileSigner>>, IdentityProblem> {
    let Some(signing) = &settings.signing else { return Ok(None) };
    match &former.signer {
        Some(former) if former.settings() == signing => Ok(Some(Arc::clone(former))),
        _ => {
            let signer = KeyFileSigner::open(signing.clone(), Arc::clone(&outside.clock));
            signer.map(|signer| Some(Arc::new(signer))).map_err(|problem| IdentityProblem::new("signing.key", problem))
        }
    }
}

fn has_same_keys(one: &IssuerSettings, other: &IssuerSettings) -> bool {
    (&one.issuer, &one.keys, one.allow_http) == (&other.issuer, &other.keys, other.allow_http)
}

fn keys(
    name: &str,
    issuer: &IssuerSettings,
    outside: &Outside,
    counters: &Arc<Counters>,
) -> Result<Keys, IdentityProblem> {
    let wrong = |key: &str| {
        let key = format!("issuers.{name}.{key}");
        move |problem| IdentityProblem::new(key, problem)
    };
    let url = match &issuer.keys {
        KeySource::Jwks(url) => Some(url.clone()),
        KeySource::Discovery => None,
        KeySource::File(path) => {
            let what = format!("the issuer `{name}`");
            return file(name, path, move |bytes| KeySet::file(bytes, &what)).map_err(wrong("key_file"));
        }
        KeySource::Secret(path) => return file(name, path, KeySet::secret).map_err(wrong("secret_file")),
    };
    let (fetch, issuer_url) = (Arc::clone(&outside.fetch), issuer.issuer.clone());
    let origin = Origin { name: name.to_owned(), issuer: issuer_url, url, allow_http: issuer.allow_http, fetch };
    Ok(Keys::remote(origin, Arc::clone(counters)))
}

fn file(
    name: &str,
    path: &Path,
    parse: impl Fn(&[u8]) -> Result<KeySet, String> + Send + Sync + 'static,
) -> Result<Keys, String> {
    let (looking, first) = Looking::begin(format!("the keys of the issuer `{name}`"), path.to_owned(), parse)?;
    Ok(Keys::file(looking, first))
}

/// The API keys that are current.
type Current = Arc<RwLock<Arc<ApiKeys>>>;

/// The API keys of the configuration and of the file, which is looked at from now on.
fn api_keys(settings: &AuthSettings, read: ReadKeys) -> Result<(Current, Option<AbortHandle>), String> {
    let configured = settings.keys.clone();
    let Some(path) = &settings.keys_file else {
        return Ok((Arc::new(RwLock::new(Arc::new(ApiKeys::new(&configured)))), None));
    };
    let parse = move |path: &PathBuf, bytes: &[u8]| {
        let mut keys = read(path, bytes)?;
        if let Some(twice) = keys.keys().find(|name| configured.contains_key(*name)) {
            return Err(format!("has a key `{twice}`, which `[auth.keys]` has already"));
        }
        keys.extend(configured.clone());
        Ok(ApiKeys::new(&keys))
    };
    let named = path.clone();
    let (looking, first) =
        Looking::begin("the API keys".to_owned(), path.clone(), move |bytes: &[u8]| parse(&named, bytes))?;
    let current: Current = Arc::new(RwLock::new(Arc::new(first)));
    let keeping = Arc::clone(&current);
    let keeper = tokio::spawn(looking.keep(move |keys| {
        *keeping.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }));
    Ok((current, Some(keeper.abort_handle())))
}

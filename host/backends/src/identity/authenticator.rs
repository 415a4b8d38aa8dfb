//! Tells who a credential is of.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};

use patchbay_model::ports::{Authenticator, BoxFuture, Clock};
use patchbay_model::{AuthError, Credential, Digest, User};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::api_key::ApiKeys;
use super::claims;
use super::key_set::Found;
use super::refusal::{AuthCounts, Counters, Reason, Refusal};
use super::remembered::{Entry, Remembered};
use super::settings::IssuerSettings;
use super::source::{Held, Keys, version};
use super::token::{self, TokenProblem, Unverified};

/// Knows the issuers of tokens and the API keys.
pub struct CredentialAuthenticator {
    /// By what their tokens have in `iss`.
    pub(super) issuers: HashMap<String, Issuer>,
    pub(super) api_keys: Arc<RwLock<Arc<ApiKeys>>>,
    pub(super) remembered: Remembered,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Arc<Counters>,
    /// Reads the file of API keys, for as long as this lives.
    pub(super) keeper: Option<AbortHandle>,
}

/// An issuer of tokens.
pub(super) struct Issuer {
    pub(super) name: String,
    pub(super) settings: IssuerSettings,
    pub(super) keys: Arc<Keys>,
}

impl Drop for CredentialAuthenticator {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

impl CredentialAuthenticator {
    /// What happened since the start, as numbers.
    pub fn counts(&self) -> AuthCounts {
        self.counters.read()
    }

    /// Issuers by the names that the configuration has for them.
    pub(super) fn by_name(&self) -> BTreeMap<&str, &Issuer> {
        self.issuers.values().map(|issuer| (issuer.name.as_str(), issuer)).collect()
    }

    async fn user(&self, credential: Credential<'_>) -> Result<Arc<User>, Refusal> {
        match credential {
            Credential::Token(token) => self.token(token).await,
            Credential::ApiKey(key) => {
                let keys = Arc::clone(&self.api_keys.read().unwrap_or_else(PoisonError::into_inner));
                keys.find(key, self.clock.now())
            }
        }
    }

    async fn token(&self, token: &str) -> Result<Arc<User>, Refusal> {
        if token.len() > token::LONGEST {
            return Err(Refusal::new(Reason::Malformed, "the token is longer than 16 KiB"));
        }
        let digest = Digest::of(token.as_bytes());
        if let Some(user) = self.remembered(&digest)? {
            return Ok(user);
        }
        let token = token::parse(token)?;
        let issuer = token.claims.get("iss").and_then(|issuer| self.issuers.get(issuer.as_str()?));
        let issuer = issuer.ok_or_else(|| Refusal::new(Reason::Issuer, "the token is of nobody who is known here"))?;
        issuer.allows(&token)?;
        let keys = issuer.verify(&token).await?;
        let (user, times) = claims::user(&token, &issuer.name, &issuer.settings)?;
        times.check(self.clock.now())?;
        let user = Arc::new(user);
        self.remembered.put(digest, Instant::now(), Entry { user: Arc::clone(&user), times, keys });
        Ok(user)
    }

    /// The user of a token that was verified a moment ago, with keys that its issuer still has.
    fn remembered(&self, token: &Digest) -> Result<Option<Arc<User>>, Refusal> {
        let Some(entry) = self.remembered.find(token, Instant::now()) else { return Ok(None) };
        let issuer = self.issuers.values().find(|issuer| issuer.name == entry.user.issuer);
        let is_current = issuer.is_some_and(|issuer| version(&issuer.keys.held()) == Some(entry.keys));
        if !is_current {
            self.remembered.forget(token);
            return Ok(None);
        }
        entry.times.check(self.clock.now())?;
        self.counters.remembered.fetch_add(1, Relaxed);
        Ok(Some(entry.user))
    }
}

impl Authenticator for CredentialAuthenticator {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Result<Arc<User>, AuthError>> {
        Box::pin(async move {
            match self.user(credential).await {
                Ok(user) => {
                    self.counters.verified.fetch_add(1, Relaxed);
                    Ok(user)
                }
                Err(refusal) => {
                    self.counters.refused(refusal.reason);
                    Err(refusal.into())
                }
            }
        })
    }
}

impl Issuer {
    /// Whether the issuer may sign so.
    fn allows(&self, token: &Unverified<'_>) -> Result<(), Refusal> {
        let allowed = &self.settings.algorithms;
        if allowed.is_empty() || allowed.contains(&token.algorithm) {
            return Ok(());
        }
        let (name, algorithm) = (&self.name, token.algorithm);
        Err(Refusal::new(Reason::Algorithm, format!("the issuer `{name}` is not allowed to sign with {algorithm}")))
    }

    /// Verifies the signature, with newer keys if those that are known do not suffice; and says with which.
    async fn verify(&self, token: &Unverified<'_>) -> Result<Digest, Refusal> {
        let mut held = self.keys.held();
        loop {
            match self.try_with(token, &held) {
                Ok(keys) => return Ok(keys),
                Err((refusal, May::Final)) => return Err(refusal),
                Err((refusal, May::ChangeWithNewerKeys)) => match self.keys.newer(&held).await {
                    // Each turn needs keys that came meanwhile, or another try that was allowed.
                    Some(newer) if version(&newer) != version(&held) => held = newer,
                    Some(newer) => return Err(self.final_refusal(refusal, &newer)),
                    None => return Err(self.final_refusal(refusal, &self.keys.held())),
                },
            }
        }
    }

    /// While the issuer is down, nobody knows whether it has a key that is not known here.
    fn final_refusal(&self, refusal: Refusal, held: &Held) -> Refusal {
        match &held.problem {
            Some(problem) => {
                let name = &self.name;
                Refusal::new(Reason::Unavailable, format!("the keys of the issuer `{name}` cannot be had: {problem}"))
            }
            None => refusal,
        }
    }

    fn try_with(&self, token: &Unverified<'_>, held: &Held) -> Result<Digest, (Refusal, May)> {
        let name = &self.name;
        let Some(keys) = &held.keys else {
            let refusal = Refusal::new(Reason::Unavailable, format!("there are no keys of the issuer `{name}` yet"));
            return Err((refusal, May::ChangeWithNewerKeys));
        };
        let algorithm = token.algorithm;
        let candidates = match keys.find(token.key.as_deref(), algorithm) {
            Found::Keys(candidates) => candidates,
            Found::OtherAlgorithm => {
                let details = format!("the key of the issuer `{name}` is not for {algorithm}");
                return Err((Refusal::new(Reason::Algorithm, details), May::Final));
            }
            Found::Unknown => {
                let shown = token.key.as_deref().map(|key| key.chars().take(60).collect::<String>());
                let details = format!("the issuer `{name}` has no key {shown:?}");
                return Err((Refusal::new(Reason::UnknownKey, details), May::ChangeWithNewerKeys));
            }
            Found::TooMany => {
                let details = format!("the token names none of the many keys of the issuer `{name}`");
                return Err((Refusal::new(Reason::UnknownKey, details), May::Final));
            }
        };
        if candidates.iter().any(|key| key.verifies(algorithm, token.message, token.signature)) {
            return Ok(keys.version);
        }
        // Where keys have no names, a wrong signature may be that of a newer one.
        let is_unnamed = token.key.is_none() || candidates.iter().any(|key| key.id.is_none());
        let may = if is_unnamed { May::ChangeWithNewerKeys } else { May::Final };
        Err((Refusal::new(Reason::Signature, "the signature is wrong"), may))
    }
}

/// Whether a refusal stands.
enum May {
    Final,
    ChangeWithNewerKeys,
}

impl From<TokenProblem> for Refusal {
    fn from(problem: TokenProblem) -> Self {
        match problem {
            TokenProblem::Malformed(why) => Self::new(Reason::Malformed, format!("this is no token: {why}")),
            TokenProblem::Algorithm(why) => Self::new(Reason::Algorithm, format!("the token is not accepted: {why}")),
            TokenProblem::Extension(why) => Self::new(Reason::Extension, format!("the token is not accepted: {why}")),
        }
    }
}

//! Tokens that services have verified or signed: who may, and what may stand in them.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use http::HeaderName;
use patchbay_model::ports::{Authenticator, BoxFuture, TokenError, TokenRequest, TokenSigner, TokenWish, Tokens};
use patchbay_model::{AuthError, AuthErrorKind, Course, Credential, ServiceName, TokenSettings, User};
use patchbay_striped::Lent;

use crate::control::Control;

/// How the host knows people, and vouches for them elsewhere.
#[derive(Clone)]
pub struct Identities {
    /// Tells who a token or an API key is of.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// The header that API keys come in.
    pub api_key_header: HeaderName,
    /// Signs tokens.
    pub signer: Option<Arc<dyn TokenSigner>>,
}

impl Identities {
    /// The header of API keys where no other is configured.
    pub const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
}

impl Default for Identities {
    /// Nobody is known.
    fn default() -> Self {
        Self { authenticator: None, api_key_header: Self::API_KEY_HEADER, signer: None }
    }
}

/// How long a token is good for where nobody says so.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Does what instances ask for.
#[derive(Debug, Default)]
pub struct ServiceTokens(OnceLock<Weak<Control>>);

impl ServiceTokens {
    /// Goes by the rules of `control`. To be called once; until then nothing can be had.
    pub fn attach(&self, control: &Arc<Control>) {
        // A second control would be a defect of the composition; the first one stays.
        let _ = self.0.set(Arc::downgrade(control));
    }

    fn control(&self) -> Result<Arc<Control>, TokenError> {
        let control = self.0.get().and_then(Weak::upgrade);
        control.ok_or_else(|| TokenError::Unavailable("the host is starting or stopping".to_owned()))
    }
}

impl Tokens for ServiceTokens {
    fn verify<'a>(&'a self, service: &'a ServiceName, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, TokenError>> {
        Box::pin(async move { self.control()?.verify_token(service, token).await })
    }

    fn mint<'a>(
        &'a self,
        service: &'a ServiceName,
        course: Course,
        wish: TokenWish,
    ) -> BoxFuture<'a, Result<String, TokenError>> {
        Box::pin(async move { self.control()?.mint_token(service, &course, wish) })
    }
}

impl Control {
    /// Takes over other means to know people. Calls that have come in keep the user they came with.
    pub fn set_identities(&self, identities: Identities) {
        self.identities.store(Arc::new(identities.into()));
    }

    /// How people are known now.
    pub fn identities(&self) -> Lent<Identities> {
        self.identities.load().lend()
    }

    async fn verify_token(&self, service: &ServiceName, token: &str) -> Result<Arc<User>, TokenError> {
        if !self.token_settings(service).verify {
            return Err(TokenError::Denied(format!("`tokens.verify` is not set for `{service}`")));
        }
        let identities = self.identities();
        let Some(authenticator) = &identities.authenticator else {
            return Err(TokenError::Unavailable("the host knows no issuer".to_owned()));
        };
        authenticator.authenticate(Credential::Token(token)).await.map_err(told)
    }

    fn mint_token(&self, service: &ServiceName, course: &Course, wish: TokenWish) -> Result<String, TokenError> {
        let TokenWish { audience, scopes, lifetime } = wish;
        if !self.token_settings(service).allows(&audience) {
            return Err(TokenError::Denied(format!("`tokens.audiences` of `{service}` does not have `{audience}`")));
        }
        let identities = self.identities();
        let Some(signer) = &identities.signer else {
            return Err(TokenError::Unavailable(
                "the host has no key to sign with: configure `auth.signing`".to_owned(),
            ));
        };
        // Nobody gets more by way of a service than they have.
        if let Some(user) = &course.user
            && let Some(scope) = scopes.iter().find(|scope| !user.scopes.contains(scope))
        {
            return Err(TokenError::Denied(format!("the user for whom `{service}` acts has no scope `{scope}`")));
        }
        let own = format!("service:{service}");
        let request = TokenRequest {
            actor: course.user.is_some().then(|| own.clone()),
            subject: course.user.as_ref().map_or(own, |user| user.subject.clone()),
            audience,
            scopes,
            lifetime: lifetime.unwrap_or(LIFETIME),
        };
        signer.sign(&request).map_err(told)
    }

    /// What the active revision of a service may have done.
    fn token_settings(&self, service: &ServiceName) -> TokenSettings {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(service).and_then(|entry| entry.active.as_ref());
        active.map(|active| active.ready.record.settings.tokens.clone()).unwrap_or_default()
    }
}

/// What a service is told of a failure. Its own token it may know everything of.
fn told(error: AuthError) -> TokenError {
    match error.kind {
        AuthErrorKind::Invalid => TokenError::Invalid(error.details),
        AuthErrorKind::Expired => TokenError::Expired,
        AuthErrorKind::Unavailable => TokenError::Unavailable(error.details),
    }
}

#[cfg(test)]
mod tests;

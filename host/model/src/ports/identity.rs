//! Ports of identity.

use std::sync::Arc;
use std::time::Duration;

use super::BoxFuture;
use crate::{AuthError, Course, Credential, ServiceName, User};

/// Tells who a credential is of. Implemented by the backends.
pub trait Authenticator: Send + Sync {
    /// The user that `credential` proves. Whether it is accepted is decided against the time of day at each call, also
    /// where what it says is remembered from an earlier one.
    ///
    /// # Errors
    /// [`AuthError`] if it proves nothing.
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Result<Arc<User>, AuthError>>;
}

/// What a token is to say that the host signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Whom it is about (`sub`).
    pub subject: String,
    /// Whom it is for (`aud`).
    pub audience: String,
    /// What its bearer may do (`scope`).
    pub scopes: Vec<String>,
    /// Who acts for the subject (`act`, RFC 8693, 4.1): the service that asked for the token.
    pub actor: Option<String>,
    /// How long it is good for.
    pub lifetime: Duration,
}

/// Signs tokens with a key of the host. Implemented by the backends.
pub trait TokenSigner: Send + Sync {
    /// A token that says it, in compact form (RFC 7515).
    ///
    /// # Errors
    /// [`AuthError`] if the host has no key to sign with, or it cannot be read.
    fn sign(&self, request: &TokenRequest) -> Result<String, AuthError>;

    /// The public keys that what was signed can be verified with, as a JSON Web Key Set (RFC 7517).
    fn key_set(&self) -> String;
}

/// What a service wants a token for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWish {
    /// Whom it is for.
    pub audience: String,
    /// What its bearer may do. Where the service acts for a user, nothing that the user may not.
    pub scopes: Vec<String>,
    /// How long it is good for at most; `None`: as long as the host has it.
    pub lifetime: Option<Duration>,
}

/// Why a service gets no token, or a token proves nothing to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is none, or none that is accepted here.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// It was good, and is no more.
    #[error("the token has expired")]
    Expired,
    /// The service may not have this done.
    #[error("{0}")]
    Denied(String),
    /// It cannot be done now.
    #[error("{0}")]
    Unavailable(String),
}

/// Verifies tokens for services, and signs some. Implemented by control.
pub trait Tokens: Send + Sync {
    /// The user whom a token proves, for `service`.
    fn verify<'a>(&'a self, service: &'a ServiceName, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, TokenError>>;

    /// A token for `service`, in the course of a call: about the user for whom the call is made in the end, or about the
    /// service itself.
    fn mint<'a>(
        &'a self,
        service: &'a ServiceName,
        course: Course,
        wish: TokenWish,
    ) -> BoxFuture<'a, Result<String, TokenError>>;
}
